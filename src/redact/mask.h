/* Putting [TYPE] in the place of what was found.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_MASK_H
#define CG_REDACT_MASK_H

#include "base/text.h"
#include "redact/pseudonym.h"
#include "redact/rules.h"
#include "redact/scan.h"

/* Findings by type, added up over the texts of a request or an answer. */
typedef struct cg_tally_t {
    uint32_t by_type[CG_DETECTORS_MAX];
} cg_tally_t;

typedef struct cg_mask_result_t {
    bool is_changed;    /* out differs from the text */
    bool is_blocked;    /* a finding's action is BLOCK; nothing was written */
    uint8_t blocked_by; /* the first such type */
} cg_mask_result_t;

/* Appends the masked text to out_buf only if it differs from text: when
 * is_changed is false out_buf is untouched and text may be used as it is.
 * Types whose action is ALLOW are not counted; all others are added to tally
 * (which may be NULL). */
cg_mask_result_t cg_redact_mask(const cg_rules_t *rules, cg_str_t text,
                                const cg_findings_t *findings,
                                const cg_actions_t *actions,
                                cg_pseudonyms_t *pseudonyms, cg_tally_t *tally,
                                cg_buf_t *out_buf);

/* Appends what stands in the place of a finding whose action is PARTIAL or
 * stricter, and returns how many bytes. value: the bytes found; empty where they
 * are not known (a key of any length in a stream). PSEUDONYM acts as MASK where
 * pseudonyms is NULL or has no token for it, PARTIAL where four characters of a
 * secret would remain. */
size_t cg_mask_replace(const cg_rules_t *rules, cg_pseudonyms_t *pseudonyms,
                       cg_action_t action, const cg_finding_t *finding,
                       cg_str_t value, cg_buf_t *out);

/* What is put in the place of a finding, e.g. "[CREDIT_CARD]". Returns its
 * length; out is NUL-terminated. */
#define CG_PLACEHOLDER_MAX 96
size_t cg_mask_placeholder(const cg_rules_t *rules, const cg_finding_t *finding,
                           char out[CG_PLACEHOLDER_MAX]);

/* Names of the types in a tally with their counts: "CREDIT_CARD=2,US_SSN=1".
 * Appends nothing for an empty tally. */
void cg_tally_write(const cg_tally_t *tally, cg_buf_t *out);
uint32_t cg_tally_total(const cg_tally_t *tally);

#endif
