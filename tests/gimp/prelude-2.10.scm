; SPDX-License-Identifier: GPL-3.0-or-later
(define last-report "")
(define (load-image file) (car (gimp-file-load RUN-NONINTERACTIVE file file)))
(define (save image file)
  (let ((layer (car (gimp-image-get-active-drawable image))))
    (gimp-file-save RUN-NONINTERACTIVE image layer file file)))
(define (copy-image image) (car (gimp-image-duplicate image)))
(define (delete-image image) (gimp-image-delete image))
(define (layers image) (vector->list (cadr (gimp-image-get-layers image))))
(define (first-layer image) (car (layers image)))
(define (layer-position image layer) (car (gimp-image-get-item-position image layer)))
(define (remove-layer image layer) (gimp-image-remove-layer image layer))
(define (set-opacity layer percent) (gimp-layer-set-opacity layer percent))
(define (opacity layer) (car (gimp-layer-get-opacity layer)))
(define (show layer) (gimp-item-set-visible layer TRUE))
(define (width layer) (car (gimp-drawable-width layer)))
(define (height layer) (car (gimp-drawable-height layer)))
(define (offsets layer) (gimp-drawable-offsets layer))
(define (move layer x y) (gimp-layer-set-offsets layer x y))
(define (name layer) (car (gimp-item-get-name layer)))
(define (active image) (car (gimp-image-get-active-layer image)))
(define (base-type image) (car (gimp-image-base-type image)))
(define (precision image) (car (gimp-image-get-precision image)))
(define (parasite layer) (caddr (car (gimp-item-get-parasite layer "convlens-result"))))
(define (make-indexed image) (gimp-image-convert-indexed image 0 0 64 FALSE FALSE ""))
(define (image-parasite image) (caddr (car (gimp-image-get-parasite image "convlens-result"))))
(define (images) (car (gimp-image-list)))
(define (image-of layer) (car (gimp-item-get-image layer)))
(define (image-width image) (car (gimp-image-width image)))
(define (image-height image) (car (gimp-image-height image)))
(define (undo-enabled? image) (= (car (gimp-image-undo-is-enabled image)) TRUE))
(define (group? layer) (= (car (gimp-item-is-group layer)) TRUE))
(define (children group) (vector->list (cadr (gimp-item-get-children group))))
(define (visible? layer) (= (car (gimp-item-get-visible layer)) TRUE))
(define (parent layer) (car (gimp-item-get-parent layer)))
(define (new-group image) (car (gimp-layer-group-new image)))
(define (new-image width height) (car (gimp-image-new width height RGB)))
(define (layer-copy layer image) (car (gimp-layer-new-from-drawable layer image)))

; The procedures' arguments by position, with their defaults.
(define of-model
  '(("model" "") ("architecture" "") ("input-size" "") ("preprocess" "auto") ("labels" "")
    ("resize" "bilinear") ("device" "auto")))
(define of-picture '(("background" "255,255,255") ("source" "drawable")))
(define of-heat
  (append of-model
    '(("class" "auto") ("layer" "auto") ("score" "logit") ("colormap" "jet") ("opacity" 40) ("preset" "none"))
    of-picture))
; A folder's procedure has the files too.
(define of-folder
  (append of-model
    '(("class" "auto") ("layer" "auto") ("score" "logit") ("colormap" "jet") ("opacity" 40) ("preset" "none")
      ("output" "") ("overlay" "") ("heatmap" "") ("background" "255,255,255"))))
(define of-grids
  (append of-model
    '(("layer" "book") ("channels" "all") ("columns" 16) ("scale" 1) ("normalize" "book") ("colormap" "viridis"))
    of-picture
    '(("destination" "image"))))
(define of-patterns
  (append of-model
    '(("layer" "") ("class" "") ("filter" 0) ("filters" "") ("sheet" 0) ("size" 200) ("steps" 30) ("rate" 10)
      ("seed" 0) ("start" "noise") ("crop" 25) ("preset" "book"))))
(define (option row options)
  (cond ((null? options) (cadr row))
        ((equal? (car options) (car row)) (cadr options))
        (else (option row (cddr options)))))
(define (by-position rows options)
  (map (lambda (row) (option row options)) rows))

(define (heat image layer . options)
  (let ((made (apply plug-in-convlens-grad-cam
                (append (list RUN-NONINTERACTIVE image layer) (by-position of-heat options)))))
    (set! last-report (cadr made))
    (car made)))
(define (heat-folder folder . options)
  (apply plug-in-convlens-grad-cam-folder
    (append (list RUN-NONINTERACTIVE folder) (by-position of-folder options))))
(define (grids image layer . options)
  (let ((made (apply plug-in-convlens-activation-grid
                (append (list RUN-NONINTERACTIVE image layer) (by-position of-grids options)))))
    (if (not (= (car made) (vector-length (cadr made)))) (error "num-layers is wrong"))
    (set! last-report (caddr made))
    (vector->list (cadr made))))
(define (patterns . options)
  (let ((made (apply plug-in-convlens-filter-pattern
                (append (list RUN-NONINTERACTIVE) (by-position of-patterns options)))))
    (set! last-report (cadr made))
    (car made)))
