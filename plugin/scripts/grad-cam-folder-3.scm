; SPDX-License-Identifier: GPL-3.0-or-later
; GIMP 3: Grad-CAM of every picture of a folder. Each becomes NAME.xcf (the heat as a layer of its own) and NAME.png
; in another folder, which has to be there. A picture that fails is named, and the others go on.
;
;   gimp-console-3.0 -i -d -f --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(load "grad-cam-folder-3.scm") (grad-cam-folder "photos" "heat" "")'
;
; The last argument is a model file, or "" for the built-in model.

(script-fu-use-v3)

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
  (let* ((image (gimp-file-load RUN-NONINTERACTIVE from))
         (made (plug-in-convlens-grad-cam #:run-mode RUN-NONINTERACTIVE #:image image
                 #:drawables (gimp-image-get-selected-drawables image)
                 #:model model #:colormap "jet" #:opacity 40.0)))
    (display (string-append from ": " (gimp-item-get-name (car made))))
    (newline)
    (gimp-file-save RUN-NONINTERACTIVE image (string-append to ".xcf"))
    (gimp-image-flatten image)
    (gimp-file-save RUN-NONINTERACTIVE image (string-append to ".png"))
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
