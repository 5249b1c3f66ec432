/* What kind of character is it, to the patterns that cut text?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TOKEN_CLASSES_H
#define CG_TOKEN_CLASSES_H

#include <stddef.h>
#include <stdint.h>

typedef enum cg_class_t {
    CG_CLASS_OTHER,
    CG_CLASS_UPPER, /* Lu, Lt */
    CG_CLASS_LOWER, /* Ll */
    CG_CLASS_BOTH,  /* Lm, Lo: a letter without case */
    CG_CLASS_MARK,
    CG_CLASS_NUMBER,
    CG_CLASS_BLANK, /* White_Space, but for ... */
    CG_CLASS_BREAK  /* ... CR and LF */
} cg_class_t;

#define CG_CODE_POINTS 0x110000

/* The class of every code point: CG_CODE_POINTS bytes. */
void cg_token_classes(uint8_t *out);

#endif
