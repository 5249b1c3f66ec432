/* Subtitles: what is said, over the times that stand between.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   1                                   2
 *   00:00:00,000 --> 00:00:02,000       00:00:02,000 --> 00:00:04,000
 *   My card is 4111 1111                1111 1111, and that is all
 *
 * Numbers, times and tags are left out, the cues' words joined by a blank: a value
 * that was said across two cues stands there whole.
 */
#ifndef CG_FLOW_CUES_H
#define CG_FLOW_CUES_H

#include "redact/mask.h"
#include "redact/scan.h"

/* Does a text begin as SRT or WebVTT do? */
bool cg_cues_is(cg_str_t head);
/* Masks what was said across lines of the text; within a line it is the caller's
 * to mask, before. out: text itself if there is nothing. Counts in tally. Failure:
 * it could not be inspected. */
apr_status_t cg_cues_mask(const cg_rules_t *rules, const cg_actions_t *actions,
                          cg_pseudonyms_t *pseudonyms, cg_tally_t *tally,
                          cg_str_t text, cg_str_t *out,
                          cg_mask_result_t *out_result, apr_pool_t *pool);

#endif
