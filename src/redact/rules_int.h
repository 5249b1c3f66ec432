/* The body of compiled rules, for the files of this room.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_RULES_INT_H
#define CG_REDACT_RULES_INT_H

#include "redact/allow.h"
#include "redact/pattern.h"
#include "redact/words.h"

/* Belongs to what stands in no pack; every view has it. */
#define CG_PACK_EVERYWHERE (UINT64_C(1) << 63)

/* One list or regex, by its number. */
typedef struct cg_rule_t {
    const char *name;
    uint64_t packs; /* never 0 */
    uint8_t action; /* 0: its type's; else 1 + cg_action_t */
} cg_rule_t;

/* All that is compiled; shared by its views.
 * lives in: the pool of cg_rules_create or cg_rules_map */
typedef struct cg_rule_set_t {
    const cg_words_t *words;       /* NULL: none */
    const cg_patterns_t *patterns; /* NULL: none */
    const cg_rule_t *lists;
    size_t list_count;
    const cg_rule_t *regexes;
    size_t regex_count;
    const cg_pack_t *packs;
    size_t pack_count;
    const cg_str_t *allowed; /* as written: what an image keeps */
    const uint64_t *allowed_packs;
    size_t allowed_count;
    const cg_allow_t *allow; /* NULL: none */
    uint64_t version;
} cg_rule_set_t;

/* A view: what of the set counts. */
struct cg_rules_t {
    const cg_rule_set_t *set;
    const cg_words_t *words;       /* NULL: no list counts */
    const cg_patterns_t *patterns; /* NULL: no regex counts */
    const cg_allow_t *more;        /* values allowed in this view alone */
    size_t allowed_count;          /* 0: no value is allowed */
    uint64_t packs;                /* with CG_PACK_EVERYWHERE */
    bool is_weighed;               /* cg_rules_look_for made it */
    cg_actions_t actions;          /* then: what is done with findings */
    uint64_t version;
};

/* How little of a finding is left to see, in steps. Among findings that overlap
 * the one that leaves less counts, where a list or a regex is one of them. */
typedef enum cg_weight_t {
    CG_WEIGHT_ALLOW,
    CG_WEIGHT_LOG,
    CG_WEIGHT_PARTIAL,
    CG_WEIGHT_HIDDEN, /* pseudonym, mask: nothing of it is seen */
    CG_WEIGHT_BLOCK
} cg_weight_t;

cg_weight_t cg_rules_weight(const cg_rules_t *rules, int type, int rule);

/* Is the value one that is never found? */
bool cg_rules_allow(const cg_rules_t *rules, int type, cg_str_t value);

/* ---- packs.c ---- */

/* The mask of what belongs to these packs of a spec: 0 there is everywhere. */
uint64_t cg_packs_of(uint64_t packs);
/* Identity of all that a spec says. */
uint64_t cg_rules_version_of(const cg_rules_spec_t *spec);
/* A view of the whole set. */
void cg_rules_view(cg_rules_t *view, const cg_rule_set_t *set);

#endif
