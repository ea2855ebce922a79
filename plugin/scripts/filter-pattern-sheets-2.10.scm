; SPDX-License-Identifier: GPL-3.0-or-later
; GIMP 2.10: contact sheets of what a network's filters like best. Each layer becomes LAYER.png, a sheet of its first N
; by N filters, in a folder, which has to be there. A layer that fails is named, and the others go on.
;
;   gimp-console-2.10 -i -d -f \
;     -b '(load "filter-pattern-sheets-2.10.scm")
;         (filter-pattern-sheets (list "stem_conv" "top_conv") "sheets" 8 "book" "")' \
;     -b '(gimp-quit 0)'
;
; The arguments are the layers, the folder, N, the preset ("book" or "clear"), and a model file, or "" for the built-in
; model.

(define (layer-file name)
  (unbreakupstr (strbreakup name "/") "-"))

(define (filter-pattern-sheet layer file n preset model)
  (let* ((made (plug-in-convlens-filter-pattern RUN-NONINTERACTIVE
                 ; model architecture input-size preprocess labels resize device
                 model "" "" "auto" "" "bilinear" "auto"
                 ; layer class filter filters sheet
                 layer "" 0 "" n
                 ; size steps rate seed start crop preset
                 200 30 10 0 "noise" 25 preset))
         (image (car made)))
    (gimp-file-save RUN-NONINTERACTIVE image (car (gimp-image-flatten image)) file file)
    (gimp-image-delete image)
    (display file)
    (newline)
    #t))

(define (filter-pattern-sheets layers to n preset model)
  (let loop ((left layers) (failed 0))
    (if (pair? left)
        (let* ((layer (car left))
               (file (string-append to "/" (layer-file layer) ".png"))
               (good (catch #f (filter-pattern-sheet layer file n preset model))))
          (if (not good) (begin (display (string-append layer ": failed")) (newline)))
          (loop (cdr left) (if good failed (+ failed 1))))
        (if (> failed 0) (error "layers that failed:" failed)))))
