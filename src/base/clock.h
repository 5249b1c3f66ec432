/* The one place that asks what time it is, and how a time is written.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_BASE_CLOCK_H
#define CG_BASE_CLOCK_H

#include <stdbool.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/text.h"

apr_time_t cg_clock_now(void);       /* microseconds since 1970, UTC */
apr_time_t cg_clock_monotonic(void); /* microseconds, never goes back */
/* RFC 3339 in UTC with milliseconds: 2026-11-24T22:48:31.042Z; 25 bytes. */
void cg_clock_rfc3339(apr_time_t at, char out[25]);
bool cg_clock_parse_rfc3339(cg_str_t text, apr_time_t *out);
/* UUIDv7, RFC 9562 section 5.7, lower case; 37 bytes. */
void cg_clock_uuid7(apr_time_t at, char out[37]);
/* "2026-11" of a moment in UTC; 8 bytes. */
void cg_clock_month(apr_time_t at, char out[8]);

#endif
