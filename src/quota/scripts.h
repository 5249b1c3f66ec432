/* The scripts that run in Redis, made ready.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files, and their tests.
 */
#ifndef CG_QUOTA_SCRIPTS_H
#define CG_QUOTA_SCRIPTS_H

#include "store/store.h"

typedef struct cg_scripts_t {
    cg_script_t admit;
    cg_script_t settle;
    cg_script_t usage;
    cg_script_t progress;
    cg_script_t charge;
} cg_scripts_t;

/* Sources live in pool. */
void cg_scripts_init(cg_scripts_t *scripts, apr_pool_t *pool);

#endif
