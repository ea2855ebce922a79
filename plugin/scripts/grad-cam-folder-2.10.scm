; SPDX-License-Identifier: GPL-3.0-or-later
; GIMP 2.10: Grad-CAM of every picture of a folder. Each becomes NAME.xcf (the heat as a layer of its own) and NAME.png
; in another folder, which has to be there. A picture that fails is named, and the others go on.
;
;   gimp-console-2.10 -i -d -f \
;     -b '(load "grad-cam-folder-2.10.scm") (grad-cam-folder "photos" "heat" "")' -b '(gimp-quit 0)'
;
; The last argument is a model file, or "" for the built-in model.

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

(define (grad-cam-picture from to model)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE from from)))
         (drawable (car (gimp-image-get-active-drawable image)))
         (made (plug-in-convlens-grad-cam RUN-NONINTERACTIVE image drawable
                 ; model architecture input-size preprocess labels resize device
                 model "" "" "auto" "" "bilinear" "auto"
                 ; class layer score colormap opacity preset
                 "auto" "auto" "logit" "jet" 40 "none"
                 ; background source
                 "255,255,255" "drawable"))
         (xcf (string-append to ".xcf"))
         (png (string-append to ".png")))
    (display (string-append from ": " (car (gimp-item-get-name (car made)))))
    (newline)
    (gimp-file-save RUN-NONINTERACTIVE image drawable xcf xcf)
    (gimp-file-save RUN-NONINTERACTIVE image (car (gimp-image-flatten image)) png png)
    (gimp-image-delete image)
    #t))

(define (grad-cam-folder from to model)
  (let loop ((names (pictures from)) (failed 0))
    (if (pair? names)
        (let* ((name (car names))
               (good (catch #f
                       (grad-cam-picture (string-append from "/" name)
                                         (string-append to "/" (stem name)) model))))
          (if (not good) (begin (display (string-append name ": failed")) (newline)))
          (loop (cdr names) (if good failed (+ failed 1))))
        (if (> failed 0) (error "pictures that failed:" failed)))))
