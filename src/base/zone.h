/* Time zones by name: how far ahead of UTC is Berlin at this moment?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read from the system's compiled zones (RFC 8536), for localtime() knows only
 * one zone in a process. A file is read at each call: whoever asks often keeps
 * the span, which says when it ends.
 */
#ifndef CG_BASE_ZONE_H
#define CG_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_time.h>

#include "base/text.h"

typedef struct cg_zone_span_t {
    bool is_known;         /* false: nothing may be concluded */
    int32_t ahead_seconds; /* of UTC, before changes_at */
    int32_t then_seconds;  /* from changes_at on */
    apr_time_t changes_at; /* INT64_MAX: never */
} cg_zone_span_t;

/* What holds at this moment and after the next change. name: "Europe/Berlin",
 * "UTC", "Z", "+02:00", "-0530". False when there is no such zone. */
bool cg_zone_find(cg_str_t name, apr_time_t at, cg_zone_span_t *out);
/* Seconds ahead of UTC, by a span that was found not long before at. */
int32_t cg_zone_ahead(const cg_zone_span_t *span, apr_time_t at);

/* For the test: the bytes of a compiled zone. */
bool cg_zone_read(const unsigned char *bytes, size_t len, apr_time_t at,
                  cg_zone_span_t *out);

#endif
