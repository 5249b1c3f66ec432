/* What a key demands beyond its place: "EMAIL_ADDRESS=block,SECRET_*=mask:answer".
 * SPDX-License-Identifier: Apache-2.0
 *
 *   TYPE=ACTION[:request|:answer|:both]   a type, SECRET_* or *; both unless said
 *   +PACK                                 a pack of rules chosen beside the others
 *
 * Items stand apart by commas or blanks. A demand is a least: it makes a place
 * stricter and never looser, so its items add up in any order.
 */
#ifndef CG_REDACT_DEMAND_H
#define CG_REDACT_DEMAND_H

#include "redact/rules.h"

#define CG_DEMAND_PACKS_MAX 8

/* lives in: the caller · borrows the text */
typedef struct cg_demand_t {
    cg_actions_t request; /* the least that is done; ALLOW: nothing demanded */
    cg_actions_t answer;
    size_t packs_count;
    cg_str_t packs[CG_DEMAND_PACKS_MAX]; /* names; whether there is such a pack,
                                            the rules of the server know */
} cg_demand_t;

/* False, and words that name the item and what is legal, for anything else. An
 * empty text demands nothing. */
bool cg_demand_read(cg_str_t text, cg_demand_t *out, cg_error_t *err);
/* Raises actions to what is demanded. */
void cg_actions_raise(cg_actions_t *actions, const cg_actions_t *least);

#endif
