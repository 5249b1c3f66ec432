/* The hours of a key: on which days, from when to when, in which zone?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   mon-fri 08:00-18:00; sat,sun 10:00-12:00 Europe/Berlin
 *
 * Days: mon tue wed thu fri sat sun, ranges and lists; without days, every day.
 * A span that ends before it begins goes on past midnight and belongs to the day
 * on which it began. Without a zone: UTC. For auth's own files.
 */
#ifndef CG_AUTH_KEYHOURS_H
#define CG_AUTH_KEYHOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

#define CG_KEY_SPANS_MAX 8

typedef struct cg_keyhours_t {
    struct {
        uint8_t days; /* bit 0 Sunday … bit 6 Saturday */
        int16_t from; /* minutes of the day */
        int16_t to;   /* up to 1440 */
    } spans[CG_KEY_SPANS_MAX];
    int count;
    cg_str_t zone; /* in the text that was read */
} cg_keyhours_t;

/* The zone is not looked up. */
bool cg_keyhours_read(cg_str_t text, cg_keyhours_t *out, cg_error_t *err);
/* Is this second, of a clock in the zone since 1970, within a span? */
bool cg_keyhours_has(const cg_keyhours_t *hours, int64_t local_seconds);

#endif
