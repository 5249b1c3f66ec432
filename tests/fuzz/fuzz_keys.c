/* Fuzz target: what an operator writes about keys, and the zones of the system.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says what the rest is taken for: CSV, hours, addresses, a time
 * zone. A key that CSV accepts must come back from its own export unchanged.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/keycsv.h"
#include "auth/keyhours.h"
#include "auth/keyplace.h"
#include "auth/keyrecord.h"
#include "base/zone.h"
#include "replay.h"

#define NOW apr_time_from_sec(1767225600)

static void need(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static void need_same(const cg_key_t *a, const cg_key_t *b, apr_pool_t *pool)
{
    cg_str_t of_a[2 * CG_KEYRECORD_FIELDS], of_b[2 * CG_KEYRECORD_FIELDS];
    size_t count = cg_keyrecord_write(a, of_a, pool);
    need(cg_keyrecord_write(b, of_b, pool) == count);
    for (size_t i = 0; i < count; i++) {
        need(cg_str_equal(of_a[i], of_b[i]));
    }
}

static void there_and_back(const cg_key_t *key, apr_pool_t *pool)
{
    cg_buf_t text;
    cg_keycsv_row_t row;
    cg_key_t back = {.name = "other", .team = "other"};
    cg_error_t err = {""};
    cg_buf_init(&text, 256, pool);
    cg_keycsv_head(&text);
    cg_keycsv_write(key, NOW, &text, pool);
    cg_keycsv_t *csv =
        cg_keycsv_open((cg_str_t){text.ptr, text.len}, &err, pool);
    need(csv && cg_keycsv_next(csv, &row, pool) && !row.fault);
    need(cg_keycsv_apply(csv, &row, &back, &err, pool));
    back.state = key->state;
    need_same(key, &back, pool);
    need(!cg_keycsv_next(csv, &row, pool));
}

static void read_csv(cg_str_t text, apr_pool_t *pool)
{
    cg_keycsv_row_t row;
    cg_error_t err = {""};
    cg_keycsv_t *csv = cg_keycsv_open(text, &err, pool);
    int64_t line = 0;
    while (csv && cg_keycsv_next(csv, &row, pool)) {
        cg_key_t key = {.state = CG_KEY_STATE_ACTIVE};
        need(row.line > line);
        line = row.line;
        if (!row.fault && cg_keycsv_apply(csv, &row, &key, &err, pool)) {
            there_and_back(&key, pool);
        }
    }
    need(csv || err.text[0]);
}

/* What is accepted is judged, and what is not allows nothing. */
static void read_hours(const char *text)
{
    cg_key_t key = {.name = "x"};
    cg_error_t err = {""};
    if (strlen(text) >= sizeof key.hours) {
        return;
    }
    apr_cpystrn(key.hours, text, sizeof key.hours);
    bool is_legal = cg_key_hours_check(text, &err);
    bool comes = false;
    cg_key_hours_prepare(&key, NOW);
    for (int hour = 0; hour < 7 * 24; hour++) {
        apr_time_t at = NOW + apr_time_from_sec(3600 * hour);
        comes = comes || cg_key_may_come(&key, "192.0.2.1", "h",
                                         CG_ENDPOINT_CHAT,
                                         at) == CG_KEY_PLACE_RIGHT;
    }
    need(is_legal || !comes);
}

static void read_addresses(const char *text)
{
    cg_key_t key = {.name = "x"};
    cg_error_t err = {""};
    const char *half = strchr(text, '|');
    size_t len = half ? (size_t)(half - text) : strlen(text);
    if (len >= sizeof key.addresses) {
        return;
    }
    memcpy(key.addresses, text, len);
    cg_key_addresses_check(key.addresses, &err);
    cg_key_may_come(&key, half ? half + 1 : "2001:db8::1", "h",
                    CG_ENDPOINT_CHAT, NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    apr_pool_t *pool;
    cg_zone_span_t span;
    if (!is_ready) {
        apr_initialize();
        is_ready = true;
    }
    if (size == 0) {
        return 0;
    }
    apr_pool_create(&pool, NULL);
    const char *text =
        apr_pstrmemdup(pool, (const char *)data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        read_csv((cg_str_t){text, size - 1}, pool);
        break;
    case 1:
        read_hours(text);
        break;
    case 2:
        read_addresses(text);
        break;
    default:
        cg_zone_read(data + 1, size - 1, NOW, &span);
    }
    apr_pool_destroy(pool);
    return 0;
}
