/* Text in another coding than UTF-8, read as UTF-8 and written back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is lost on the way there and back, whatever the bytes are: what stands
 * for no character becomes one that no text has (half of a surrogate pair, in the
 * three bytes it would take), and is written again as the byte or the unit it was.
 * So a text in which nothing is changed leaves byte for byte; but where it holds
 * such, its UTF-8 is not valid.
 */
#ifndef CG_BASE_CODING_H
#define CG_BASE_CODING_H

#include "base/text.h"

typedef enum cg_coding_kind_t {
    CG_CODING_NONE, /* UTF-8, or nothing that is known here */
    CG_CODING_UTF16_LITTLE,
    CG_CODING_UTF16_BIG,
    CG_CODING_GB18030 /* GBK and GB2312 as well */
} cg_coding_kind_t;

/* lives in: the caller, one text at a time */
typedef struct cg_coding_t {
    cg_coding_kind_t kind;
    /* private */
    char cut[4]; /* a character that is not whole yet, of what is read ... */
    size_t cut_len;
    char behind[4]; /* ... and of what is written */
    size_t behind_len;
    void *reader;
    void *writer;
} cg_coding_t;

/* By how a text begins: its first kilobytes, or all of it. */
cg_coding_kind_t cg_coding_guess(cg_str_t head);
/* False: this machine does not know the coding. */
bool cg_coding_open(cg_coding_t *coding, cg_coding_kind_t kind,
                    apr_pool_t *pool);
/* Both take pieces cut anywhere, and append. */
void cg_coding_read(cg_coding_t *coding, cg_str_t bytes, cg_buf_t *out_utf8);
void cg_coding_write(cg_coding_t *coding, cg_str_t utf8, cg_buf_t *out);
/* The text ends: first its reading, then its writing. */
void cg_coding_read_end(cg_coding_t *coding, cg_buf_t *out_utf8);
void cg_coding_write_end(cg_coding_t *coding, cg_buf_t *out);

#endif
