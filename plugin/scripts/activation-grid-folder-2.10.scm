; SPDX-License-Identifier: GPL-3.0-or-later
; GIMP 2.10: what layers of a network see in every picture of a folder. Each picture becomes NAME-LAYER.png for each
; layer, in another folder, which has to be there. A picture that fails is named, and the others go on.
;
;   gimp-console-2.10 -i -d -f \
;     -b '(load "activation-grid-folder-2.10.scm") (activation-grid-folder "photos" "grids" "stem_conv,top_conv" "")' \
;     -b '(gimp-quit 0)'
;
; The third argument names the layers: "stem_conv,top_conv", or "book" for all of convolution and pooling. The last one
; is a model file, or "" for the built-in model.

(define (picture? name)
  (let* ((parts (strbreakup name "."))
         (ending (if (null? (cdr parts)) "" (car (reverse parts)))))
    (pair? (member ending '("png" "PNG" "jpg" "JPG" "jpeg" "JPEG" "tif" "tiff" "webp" "xcf")))))

(define (stem name)
  (unbreakupstr (butlast (strbreakup name ".")) "."))

(define (pictures folder)
  (let ((stream (dir-open-stream folder)))
    (if (not stream) (error (string-append "there is no folder " folder)))
    (let loop ((entry (dir-read-entry stream)) (found '()))
      (if (string? entry)
          (loop (dir-read-entry stream) (if (picture? entry) (cons entry found) found))
          (begin (dir-close-stream stream) (reverse found))))))

; "outer/inner 37×37×16" is a layer's name and shape; a file is called "outer-inner".
(define (layer-file name)
  (unbreakupstr (strbreakup (car (strbreakup name " ")) "/") "-"))

; A file of the layer alone.
(define (save-grid layer file)
  (let ((image (car (gimp-item-get-image layer))))
    (file-png-save RUN-NONINTERACTIVE image layer file file FALSE 9 FALSE FALSE FALSE FALSE FALSE)))

(define (activation-grid-picture from to layers model)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE from from)))
         (drawable (car (gimp-image-get-active-drawable image)))
         (made (plug-in-convlens-activation-grid RUN-NONINTERACTIVE image drawable
                 ; model architecture input-size preprocess labels resize device
                 model "" "" "auto" "" "bilinear" "auto"
                 ; layer channels columns scale normalize colormap
                 layers "all" 16 1 "book" "viridis"
                 ; background source destination
                 "255,255,255" "drawable" "new-image"))
         (grids (vector->list (cadr made))))
    (for-each
      (lambda (grid)
        (let ((file (string-append to "-" (layer-file (car (gimp-item-get-name grid))) ".png")))
          (save-grid grid file)
          (display file)
          (newline)))
      grids)
    (gimp-image-delete (car (gimp-item-get-image (car grids))))
    (gimp-image-delete image)
    #t))

(define (activation-grid-folder from to layers model)
  (let loop ((names (pictures from)) (failed 0))
    (if (pair? names)
        (let* ((name (car names))
               (good (catch #f
                       (activation-grid-picture (string-append from "/" name)
                                                (string-append to "/" (stem name)) layers model))))
          (if (not good) (begin (display (string-append name ": failed")) (newline)))
          (loop (cdr names) (if good failed (+ failed 1))))
        (if (> failed 0) (error "pictures that failed:" failed)))))
