/* What looks for findings in a request, be it a body or a part of an upload.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only inspect.c and passage.c include it.
 */
#ifndef CG_FLOW_INSPECT_INT_H
#define CG_FLOW_INSPECT_INT_H

#include "flow/finder.h"
#include "flow/flow.h"
#include "flow/sift.h"

/* Opens a finder for one document, and asks the external detector about its texts,
 * if there is one. nesting: as the sift's that will use it. memo NULL: nothing is
 * remembered. The finder lives as long as pool. */
cg_verdict_t cg_inspect_open_finder(cg_txn_t *txn, const cg_walk_t *walk,
                                    int nesting, cg_memo_t *memo,
                                    cg_finder_t *out, apr_pool_t *pool);

#endif
