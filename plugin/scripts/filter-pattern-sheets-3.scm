; SPDX-License-Identifier: GPL-3.0-or-later
; GIMP 3: contact sheets of what a network's filters like best. Each layer becomes LAYER.png, a sheet of its first N
; by N filters, in a folder, which has to be there. A layer that fails is named, and the others go on.
;
;   gimp-console-3.0 -i -d -f --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(load "filter-pattern-sheets-3.scm")
;         (filter-pattern-sheets (list "stem_conv" "top_conv") "sheets" 8 "book" "")'
;
; The arguments are the layers, the folder, N, the preset ("book" or "clear"), and a model file, or "" for the built-in
; model.

(script-fu-use-v3)

(define (layer-file name)
  (unbreakupstr (strbreakup name "/") "-"))

(define (filter-pattern-sheet layer file n preset model)
  (let* ((made (plug-in-convlens-filter-pattern #:run-mode RUN-NONINTERACTIVE
                 #:model model #:layer layer #:sheet n #:preset preset))
         (image (car made)))
    (gimp-image-flatten image)
    (gimp-file-save RUN-NONINTERACTIVE image file)
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
