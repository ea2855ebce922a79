/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The move of the present step. moves[0].x counts steps; a move is four vec4s: the rows (xx, xy, x)
 * and (yx, yy, y) that take a pixel of the moved picture to its place in the picture, and those that
 * take it back. */
struct Move
{
  vec3 there_x, there_y, back_x, back_y;
};

Move
present_move ()
{
  const int at = 1 + 4 * int (moves[0].x);

  return Move (moves[at].xyz, moves[at + 1].xyz, moves[at + 2].xyz, moves[at + 3].xyz);
}

vec2
place_of (vec3 row_x, vec3 row_y, vec2 pixel)
{
  return vec2 (dot (row_x, vec3 (pixel, 1.0)), dot (row_y, vec3 (pixel, 1.0)));
}
