/* Step 6, observe: answers that are files, not JSON: sound, transcripts, content.
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are passed on as they come, looked through as an upload is (passage.h): text
 * is masked, lines of JSON one by one, what cannot be read goes as ChatGPTOpaque
 * says.
 */
#ifndef CG_FLOW_OBSERVE_FILE_H
#define CG_FLOW_OBSERVE_FILE_H

#include "flow/txn.h"

cg_verdict_t cg_flow_observe_file_open(cg_txn_t *txn, const char *media_type);
/* Appends what may go to out. */
cg_verdict_t cg_flow_observe_file_feed(cg_txn_t *txn, cg_str_t piece,
                                       cg_buf_t *out);
cg_verdict_t cg_flow_observe_file_finish(cg_txn_t *txn, bool is_cut,
                                         cg_buf_t *out);

#endif
