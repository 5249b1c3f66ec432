/* Values that somebody hands over in pieces, one message each.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   user: first part: 4111 1111      user: next: 1111      user: 1111
 *                     ---------                  ----            ----
 *
 * The texts of one speaker are looked at in order, at their ends only. A piece is
 * what is most of its text, or what a word such as "the rest is" or 后半段 stands
 * beside. Pieces of successive texts are joined, and the scan is asked whether the
 * whole is a value, all of it. Numbers that belong to an order, a version or a
 * price are no pieces. Where no word says that there are pieces, only values are
 * believed that chance hardly makes.
 *
 * The work is linear in the number of texts.
 */
#ifndef CG_REDACT_SPREAD_H
#define CG_REDACT_SPREAD_H

#include "redact/scan.h"

#define CG_SPREAD_PARTS_MAX 8

typedef struct cg_spread_part_t {
    uint32_t text;  /* the number given to cg_spread_add */
    uint32_t start; /* bytes of the text */
    uint32_t end;
} cg_spread_part_t;

typedef struct cg_spread_found_t {
    uint8_t type;
    uint8_t score;
    int16_t rule;
    uint8_t count; /* of parts, at least two */
    bool is_quiet; /* no word said that it came in pieces */
    cg_spread_part_t parts[CG_SPREAD_PARTS_MAX];
} cg_spread_found_t;

/* lives in: the pool given to open · one for each speaker of a conversation */
typedef struct cg_spread_t cg_spread_t;

/* needs_words: pieces are joined only where a word says that they are such. */
cg_spread_t *cg_spread_open(const cg_rules_t *rules, bool needs_words,
                            apr_pool_t *pool);
/* The speaker's next text; it is not kept. goes_on: it is a further part of the
 * same message, so that its beginning touches the end of the one before. */
apr_status_t cg_spread_add(cg_spread_t *spread, uint32_t number, cg_str_t text,
                           bool goes_on);
/* Somebody else spoke in between: perhaps "go on". */
void cg_spread_hear(cg_spread_t *spread, cg_str_t text);
/* What was found so far, in the order of last parts. */
const cg_spread_found_t *cg_spread_found(const cg_spread_t *spread,
                                         size_t *out_count);

#endif
