/* Putting back what tokens stand for, in a text that arrives in pieces.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values that are put back must not be taken for values that the model wrote, and
 * a token must not be taken apart by a rule that finds something in it. So it is
 * done in two steps, with the mask between them:
 *
 *   hide    each token issued in this request becomes one character of plane 16,
 *           its stand-in, in which no rule finds anything
 *   show    each stand-in becomes the value, or for the record the token
 *
 * Characters of plane 16 that the model itself wrote get stand-ins of their own
 * and come out as they were.
 *
 * A token is known as it was issued, in any case, with \_ or \[ as Markdown writes
 * it, with brackets and underscores as HTML, percent or JSON escapes, and in
 * full-width characters or 【【 】】; nothing that is merely like it. The result is
 * the same for every way of cutting the text; held back is at most what could
 * still become a token, CG_RESTORE_HELD_MAX bytes.
 */
#ifndef CG_REDACT_RESTORE_H
#define CG_REDACT_RESTORE_H

#include <apr_tables.h>

#include "base/text.h"
#include "redact/pseudonym.h"

#define CG_RESTORE_HELD_MAX 48 /* bytes of the longest spelling of a token */

/* Of one running text; plain, zero but for pseudonyms. */
typedef struct cg_restore_t {
    cg_pseudonyms_t *pseudonyms;
    uint32_t held_len;
    char held[CG_RESTORE_HELD_MAX];
} cg_restore_t;

/* Appends delta with its tokens hidden, as far as that is certain. */
void cg_restore_hide(cg_restore_t *restore, cg_str_t delta, cg_buf_t *out);
/* The text has ended: what is held is no token. Begins anew. */
void cg_restore_end(cg_restore_t *restore, cg_buf_t *out);

/* Where a whole text has tokens. */
typedef struct cg_hidden_t {
    uint32_t start, end; /* bytes of the text */
    uint32_t at;         /* of its stand-in, in the text with all hidden */
    const cg_pseudonym_t *what;
} cg_hidden_t;

/* A whole text with its tokens hidden: text itself if it has none, when *out is
 * NULL; else *out is an array of cg_hidden_t, ascending. */
cg_str_t cg_restore_hide_all(cg_pseudonyms_t *pseudonyms, cg_str_t text,
                             apr_array_header_t **out, apr_pool_t *pool);
/* The place in the text of a place in the text with all hidden. */
uint32_t cg_restore_source(const apr_array_header_t *hidden, uint32_t at);

/* What the stand-in that text begins with stands for; NULL: it begins with none. */
const cg_pseudonym_t *cg_restore_at(const cg_pseudonyms_t *pseudonyms,
                                    cg_str_t text);
#define CG_STAND_IN_BYTES 4
/* The first byte of every stand-in. */
#define CG_STAND_IN_MARK 0xF4
/* Appends text with every stand-in shown as its value. */
void cg_restore_show(const cg_pseudonyms_t *pseudonyms, cg_str_t text,
                     cg_buf_t *out);

#endif
