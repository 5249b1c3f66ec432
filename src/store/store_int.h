/* What the store gives its listener: a connection beside the pool.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For store.c and listener.c only.
 */
#ifndef CG_STORE_STORE_INT_H
#define CG_STORE_STORE_INT_H

#include "store/connection.h"

apr_status_t cg_store_dial(const cg_store_t *store, cg_connection_t **out,
                           cg_error_t *err);

#endif
