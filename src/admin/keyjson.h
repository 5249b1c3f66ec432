/* A key as JSON, and what the endpoints of keys share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the files of admin that handle keys.
 */
#ifndef CG_ADMIN_KEYJSON_H
#define CG_ADMIN_KEYJSON_H

#include "admin/admin_int.h"
#include "auth/keyfind.h"

cg_json_t *cg_admin_key_json(const cg_ask_t *ask, const cg_key_t *key);
/* Writes what the body gives over key; false: the faults are answered. */
bool cg_admin_take_key(cg_ask_t *ask, cg_key_t *key);
/* The filter of the query; false: the faults are answered. */
bool cg_admin_key_filter(cg_ask_t *ask, cg_key_filter_t *out);
/* Is it a demand, and are its packs there? Words if not. */
bool cg_admin_redact_check(const cg_ask_t *ask, const char *redact,
                           cg_error_t *err);
/* Records the step from before (NULL: there was none) to after. NULL: it could
 * not be recorded, which is answered. */
const char *cg_admin_record_key(cg_ask_t *ask, int status,
                                const cg_key_t *before, const cg_key_t *after);
/* False: the problem is answered. */
bool cg_admin_has_keyring(cg_ask_t *ask);

#endif
