/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store_private.h"

#include "regular.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_SECONDS 30
#define LEAST_SPEED 1000 /* bytes a second; a modem of 1991 has twice as many */
#define MAX_REDIRECTS 10
#define MAX_MARK 1024
#define MAX_SHOWN 200
#define POLL_MILLISECONDS 100
#define HTTP_OK 200
#define HTTP_PARTIAL 206
#define HTTP_RANGE_NOT_SATISFIABLE 416

/* One request. */
typedef struct
{
  CnnTransfer *transfer;
  CURL *easy;
  gint64 have;  /* bytes in the part when it was made */
  gint64 start; /* of a 206 answer, or −1 */
  gint64 total; /* of the whole file, or −1 */
  char *tag, *date, *location;
  gboolean begun, outdated; /* outdated: what is in the part is not of this file */
  gboolean chunked;         /* so that a length, if one is told, says nothing */
  gboolean refused;         /* an answer without the file, whose page is not read */
  GError *problem;
} Request;

/* --- the answer --- */

static void
forget_header (Request *request)
{
  request->start = request->total = -1;
  request->chunked = FALSE;
  g_clear_pointer (&request->tag, g_free);
  g_clear_pointer (&request->date, g_free);
  g_clear_pointer (&request->location, g_free);
}

/* A header may come more than once; the last one counts. */
static void
keep (char **place, const char *value, gsize most)
{
  g_free (*place);
  *place = strlen (value) <= most ? g_strdup (value) : NULL;
}

static size_t
take_header (char *bytes, size_t size, size_t count, void *data)
{
  Request *request = data;
  g_autofree char *line = g_strstrip (g_strndup (bytes, size * count));
  char *value = strchr (line, ':');

  /* What comes after the file's first byte is a trailer, and says nothing of it. */
  if (request->begun)
    return size * count;
  /* After a redirection everything is told anew. */
  if (g_str_has_prefix (line, "HTTP/"))
    forget_header (request);
  if (value == NULL)
    return size * count;
  *value = '\0';
  value = g_strstrip (value + 1);
  if (g_ascii_strcasecmp (line, "content-length") == 0 && request->start < 0)
    request->total = g_ascii_strtoll (value, NULL, 10);
  else if (g_ascii_strcasecmp (line, "content-range") == 0
           && g_ascii_strncasecmp (value, "bytes ", 6) == 0)
    {
      const char *slash = strchr (value, '/');

      request->start = value[6] == '*' ? G_MAXINT64 : g_ascii_strtoll (value + 6, NULL, 10);
      request->total =
          slash != NULL && g_ascii_isdigit (slash[1]) ? g_ascii_strtoll (slash + 1, NULL, 10) : -1;
    }
  else if (g_ascii_strcasecmp (line, "transfer-encoding") == 0)
    request->chunked = TRUE;
  else if (g_ascii_strcasecmp (line, "etag") == 0)
    keep (&request->tag, value, MAX_MARK);
  else if (g_ascii_strcasecmp (line, "last-modified") == 0)
    keep (&request->date, value, MAX_MARK);
  else if (g_ascii_strcasecmp (line, "location") == 0)
    keep (&request->location, value, G_MAXSIZE);
  return size * count;
}

static const char *
mark_of (const Request *request)
{
  return request->tag != NULL ? request->tag : request->date;
}

static long
status_of (const Request *request)
{
  long status = 0;

  curl_easy_getinfo (request->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

/* FALSE for a file that cannot be the one that is wanted. */
static gboolean
check_total (const CnnTransfer *transfer, gint64 total, GError **error)
{
  g_autofree char *wanted = NULL;

  if (total < 0
      || (transfer->exact > 0 ? total == transfer->exact
                              : total >= transfer->least && total <= transfer->most))
    return TRUE;
  wanted = transfer->exact > 0 ? g_strdup_printf ("%" G_GINT64_FORMAT, transfer->exact)
                               : g_strdup_printf ("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                                                  transfer->least, transfer->most);
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
               "%s: wrong size: the file there has %" G_GINT64_FORMAT " bytes, the model's has %s",
               transfer->url, total, wanted);
  return FALSE;
}

static gboolean
disk_problem (GError **error)
{
  int number = errno;

  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "the disk is full or cannot be written to: %s",
               g_strerror (number));
  return FALSE;
}

/* Once for an answer that brings the file, before its first byte is kept. */
static gboolean
begin (Request *request)
{
  CnnTransfer *transfer = request->transfer;
  gint64 from = status_of (request) == HTTP_PARTIAL ? request->have : 0;

  request->begun = TRUE;
  if (request->chunked && request->start < 0)
    request->total = -1;
  if (from > 0
      && (request->start != from
          || (transfer->kept != NULL && g_strcmp0 (transfer->kept, mark_of (request)) != 0)))
    {
      request->outdated = TRUE;
      return FALSE;
    }
  if (status_of (request) == HTTP_PARTIAL && request->start != from)
    {
      g_set_error (&request->problem, CNN_ERROR, CNN_ERROR_FILE,
                   "%s: the server sends a part of the file, where the whole was asked for",
                   transfer->url);
      return FALSE;
    }
  if (!check_total (transfer, request->total, &request->problem))
    return FALSE;
  if (ftruncate (transfer->fd, from) != 0 || lseek (transfer->fd, from, SEEK_SET) < 0)
    return disk_problem (&request->problem);
  transfer->resumed = transfer->written = from;
  if (transfer->begun != NULL)
    transfer->begun (mark_of (request), transfer->data);
  return TRUE;
}

static size_t
take_body (char *bytes, size_t size, size_t count, void *data)
{
  Request *request = data;
  CnnTransfer *transfer = request->transfer;
  long status = status_of (request);

  size *= count;
  if (status != HTTP_OK && status != HTTP_PARTIAL)
    {
      request->refused = TRUE; /* a page that explains the error, and may have no end */
      return 0;
    }
  if (!request->begun && !begin (request))
    return 0;
  if (transfer->written + (gint64) size > transfer->most)
    {
      transfer->too_long = TRUE;
      check_total (transfer, transfer->written + (gint64) size, &request->problem);
      return 0;
    }
  if (!cnn_write_all (transfer->fd, bytes, size))
    {
      disk_problem (&request->problem);
      return 0;
    }
  transfer->written += (gint64) size;
  return size;
}

/* --- a request --- */

static char *
host_of (const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_PARSE_RELAXED, NULL);

  return g_strdup (uri != NULL && g_uri_get_host (uri) != NULL ? g_uri_get_host (uri) : url);
}

/* Where the server would have us go is no place to go to. */
static void
set_redirect_error (const Request *request, const char *host, GError **error)
{
  const char *url = request->transfer->url;
  g_autofree char *valid = cnn_text_from_file (request->location, strlen (request->location));
  g_autofree char *there = cnn_text_cut (valid, MAX_SHOWN);

  if (g_ascii_strncasecmp (url, "https:", 6) == 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "%s: %s redirects to \"%s\", which is not an address of https", url, host, there);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "%s: %s redirects to \"%s\", which is not an address of http or https", url, host,
                 there);
}

/* Headers, perhaps, but none of the file. */
static void
set_silent_error (const CnnTransfer *transfer, const char *host, GError **error)
{
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s has sent nothing of the file for %d seconds",
               host, transfer->stall_seconds);
}

static void
set_curl_error (const Request *request, CURLcode code, const char *detail, GError **error)
{
  CnnTransfer *transfer = request->transfer;
  g_autofree char *host = host_of (transfer->url);
  g_autofree char *here = cnn_store_size_text (transfer->written);

  if (detail == NULL || *detail == '\0')
    detail = curl_easy_strerror (code);
  switch (code)
    {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "no network? The address of %s cannot be found (%s)", host, detail);
      break;
    case CURLE_COULDNT_CONNECT:
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "no network? %s cannot be reached (%s)", host,
                   detail);
      break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      if (request->location != NULL)
        set_redirect_error (request, host, error);
      else
        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                     "\"%s\" is not an address of http or https (%s)", transfer->url, detail);
      break;
    case CURLE_TOO_MANY_REDIRECTS:
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "%s: the server redirects more than %d times, perhaps in a circle",
                   transfer->url, MAX_REDIRECTS);
      break;
    case CURLE_OPERATION_TIMEDOUT:
      if (request->begun)
        g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                     "%s has sent less than %d bytes a second for %d seconds; the %s that came are "
                     "kept, so that a later download resumes there",
                     host, LEAST_SPEED, transfer->stall_seconds, here);
      else if (status_of (request) != 0)
        set_silent_error (transfer, host, error);
      else
        g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "no network? %s does not answer (%s)", host,
                     detail);
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot prove who it is (%s)", host,
                   detail);
      break;
    default:
      if (transfer->written > 0)
        g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                     "the connection to %s was cut off (%s); the %s that came are kept", host,
                     detail, here);
      else
        g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: the download failed (%s)",
                     transfer->url, detail);
    }
}

static void
set_up (Request *request, const char *range, char *detail)
{
  CURL *easy = request->easy;
  gboolean safe = g_ascii_strncasecmp (request->transfer->url, "https:", 6) == 0;

  curl_easy_setopt (easy, CURLOPT_URL, request->transfer->url);
  curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (easy, CURLOPT_REDIR_PROTOCOLS_STR, safe ? "https" : "http,https");
  curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (easy, CURLOPT_MAXREDIRS, (long) MAX_REDIRECTS);
  curl_easy_setopt (easy, CURLOPT_USERAGENT, "convlens");
  curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (easy, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_SECONDS);
  curl_easy_setopt (easy, CURLOPT_LOW_SPEED_LIMIT, (long) LEAST_SPEED);
  curl_easy_setopt (easy, CURLOPT_LOW_SPEED_TIME, (long) request->transfer->stall_seconds);
  curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt (easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt (easy, CURLOPT_HEADERDATA, request);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, request);
  if (range != NULL)
    curl_easy_setopt (easy, CURLOPT_RANGE, range);
}

/* Runs until it is done, cancelled, or nothing has come for too long. */
static gboolean
perform (Request *request, CURLM *multi, const CnnProgress *progress, CURLcode *code,
         GError **error)
{
  CnnTransfer *transfer = request->transfer;
  gint64 last = g_get_monotonic_time (), told = 0, written = transfer->written;
  int running = 1, left;
  CURLMsg *message;

  *code = CURLE_OK;
  for (;;)
    {
      CURLMcode problem = curl_multi_perform (multi, &running);
      gint64 now = g_get_monotonic_time ();

      if (problem == CURLM_OK && running > 0)
        problem = curl_multi_poll (multi, NULL, 0, POLL_MILLISECONDS, NULL);
      if (problem != CURLM_OK)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", transfer->url,
                       curl_multi_strerror (problem));
          return FALSE;
        }
      if (running == 0)
        break;
      if (transfer->written != written)
        last = now;
      written = transfer->written;
      if (now - told >= POLL_MILLISECONDS * G_TIME_SPAN_MILLISECOND)
        {
          told = now;
          if (!cnn_transfer_tell (progress, transfer->label, written,
                                  request->total > 0 ? request->total : transfer->expected, error))
            return FALSE;
        }
      if (now - last > transfer->stall_seconds * G_TIME_SPAN_SECOND)
        {
          g_autofree char *host = host_of (transfer->url);
          g_autofree char *here = cnn_store_size_text (written);

          if (written > 0)
            g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                         "%s has sent nothing for %d seconds; the %s that came are kept", host,
                         transfer->stall_seconds, here);
          else
            set_silent_error (transfer, host, error);
          return FALSE;
        }
    }
  while ((message = curl_multi_info_read (multi, &left)) != NULL)
    if (message->msg == CURLMSG_DONE)
      *code = message->data.result;
  return TRUE;
}

/* What an answer without the file means. *again: to be asked for from its start. */
static gboolean
settle (Request *request, gboolean *again, GError **error)
{
  CnnTransfer *transfer = request->transfer;
  long status = status_of (request);

  if (status == HTTP_OK || status == HTTP_PARTIAL)
    {
      if (!request->begun && !begin (request)) /* an empty file */
        {
          *again = request->outdated;
          if (request->problem != NULL)
            g_propagate_error (error, g_steal_pointer (&request->problem));
          return request->outdated;
        }
      /* A range may end before the file does. */
      if (request->total < 0 || transfer->written == request->total)
        return TRUE;
      transfer->may_retry = transfer->written > request->have;
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "%s: the server ended after %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes",
                   transfer->url, transfer->written, request->total);
      return FALSE;
    }
  if (status == HTTP_RANGE_NOT_SATISFIABLE && request->have > 0)
    {
      if (request->total == request->have)
        {
          transfer->resumed = transfer->written = request->have; /* there was nothing more */
          return TRUE;
        }
      *again = TRUE;
      return TRUE;
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: the server says %ld%s", transfer->url, status,
               status == 404                    ? " (there is no such file)"
               : status == 403 || status == 401 ? " (it does not let us have it)"
               : status == 407                  ? " (the proxy wants a password)"
               : status >= 500                  ? " (it has troubles of its own; try later)"
                                                : "");
  return FALSE;
}

static gboolean
ask (CnnTransfer *transfer, gint64 have, const CnnProgress *progress, gboolean *again,
     GError **error)
{
  Request request = { .transfer = transfer, .have = have, .start = -1, .total = -1 };
  g_autofree char *range = have > 0 ? g_strdup_printf ("%" G_GINT64_FORMAT "-", have) : NULL;
  char detail[CURL_ERROR_SIZE] = "";
  CURLM *multi = curl_multi_init ();
  CURLcode code = CURLE_OK;
  gboolean done;

  *again = FALSE;
  request.easy = curl_easy_init ();
  set_up (&request, range, detail);
  curl_multi_add_handle (multi, request.easy);
  done = perform (&request, multi, progress, &code, error);
  if (done && request.outdated)
    *again = TRUE;
  else if (done && request.problem != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&request.problem));
      done = FALSE;
    }
  else if (done && code != CURLE_OK && !request.refused)
    {
      transfer->may_retry = transfer->written > have && code != CURLE_OPERATION_TIMEDOUT;
      set_curl_error (&request, code, detail, error);
      done = FALSE;
    }
  else if (done)
    done = settle (&request, again, error);
  curl_multi_remove_handle (multi, request.easy);
  curl_easy_cleanup (request.easy);
  curl_multi_cleanup (multi);
  forget_header (&request);
  g_clear_error (&request.problem);
  return done;
}

static gpointer
start_curl (gpointer data G_GNUC_UNUSED)
{
  curl_global_init (CURL_GLOBAL_DEFAULT);
  return NULL;
}

gboolean
cnn_store_has_downloads (void)
{
  return TRUE;
}

gboolean
cnn_transfer (CnnTransfer *transfer, const CnnProgress *progress, GError **error)
{
  static GOnce once = G_ONCE_INIT;
  gint64 have = transfer->resume ? lseek (transfer->fd, 0, SEEK_END) : 0;
  gboolean again = FALSE;

  g_once (&once, start_curl, NULL);
  transfer->may_retry = transfer->too_long = FALSE;
  transfer->resumed = 0;
  transfer->written = MAX (have, 0);
  if (!ask (transfer, MAX (have, 0), progress, &again, error))
    return FALSE;
  if (again)
    {
      transfer->written = 0;
      return ask (transfer, 0, progress, &again, error);
    }
  return TRUE;
}
