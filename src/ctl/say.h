/* What commands say: JSON lines for programs, words for people.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CTL_SAY_H
#define CG_CTL_SAY_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/json.h"

/* One line on standard output. */
void cg_ctl_print(const cg_json_t *object, apr_pool_t *pool);
/* Words on standard error; returns status. */
int cg_ctl_complain(const char *command, int status, const cg_error_t *err);
/* A moment by RFC 3339; null when at is 0. */
void cg_ctl_set_time(cg_json_t *object, const char *name, apr_time_t at);

#endif
