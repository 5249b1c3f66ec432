/* What commands reach for: the store, and the master keys that seal secrets.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CTL_REACH_H
#define CG_CTL_REACH_H

#include <stdbool.h>

#include <apr_pools.h>
#include <apr_tables.h>

#include "auth/seal.h"
#include "base/error.h"
#include "store/store.h"

#define CG_CTL_REACH_USAGE                                                     \
    "URL defaults to $CHATGPT_STORE, else to \"redis\" in "                    \
    "$RUN_DIR/ready.json;\n"                                                   \
    "it may be all words of ChatGPTStore: \"sentinel://a,b/main user=u "       \
    "password=file:/p\";\n"                                                    \
    "WORD is file:/path, env:NAME or \"exec:/path ...\", as in "               \
    "ChatGPTSealKey, the current\n"                                            \
    "one first; default $CHATGPT_SEAL_KEY, else file:$RUN_DIR/seal.key; "      \
    "RUN_DIR is build/run\n"

/* NAME in RUN_DIR, absolute. */
const char *cg_ctl_in_run_dir(const char *name, apr_pool_t *pool);
/* url: the words of ChatGPTStore in one string; NULL: what the environment says. */
bool cg_ctl_store(const char *url, cg_store_t **out, cg_error_t *err,
                  apr_pool_t *pool);
/* words: of const char *; empty or NULL: what the environment says. */
bool cg_ctl_sealer(const apr_array_header_t *words, cg_sealer_t **out,
                   cg_error_t *err, apr_pool_t *pool);

#endif
