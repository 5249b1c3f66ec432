/* The ledger that keeps the audit records: listing, finding, exporting.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/ledger.h"
#include "audit/ledger_int.h"

#include <inttypes.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define SCAN_BYTES ((size_t)64 << 20) /* looked at in one call of list */
#define GET_SCAN_MAX 200000
/* A request is recorded at most this long after it came in ... */
#define LATE_FOR apr_time_from_sec(3600)
/* ... and clocks may step back, and threads overtake each other, by this. */
#define CLOCK_SLACK apr_time_from_sec(60)

static void write_line(const cg_lane_t *lane, const cg_line_t *line,
                       cg_buf_t *out)
{
    cg_str_t json = line->json;
    while (json.len && json.ptr[json.len - 1] != '}') {
        json.len--; /* blanks behind the document */
    }
    cg_buf_add(out, json.ptr, json.len ? json.len - 1 : 0);
    cg_buf_fmt(out, ",\"position\":\"%.*s-%" PRId64 "-%" PRId64 "\"}",
               (int)lane->node.len, lane->node.ptr, line->position.segment,
               line->position.offset);
}

/* ---- list ------------------------------------------------------------------
 */

static apr_status_t
begin_list(cg_scan_t *scan, const cg_ledger_filter_t *filter, cg_error_t *err)
{
    if (filter->from > CLOCK_SLACK) {
        scan->stop_at = filter->from - CLOCK_SLACK;
    }
    if (filter->cursor && *filter->cursor) {
        if (!cg_scan_resume(scan, filter->cursor)) {
            cg_error_set(err, "cursor: not one that a list gave");
            return APR_EINVAL;
        }
        return APR_SUCCESS;
    }
    apr_status_t status = cg_scan_add_all(scan, err);
    if (status == APR_SUCCESS && filter->to) {
        status = cg_scan_seek(scan, filter->to + LATE_FOR, err);
    }
    return status;
}

static bool may_go_on(const cg_scan_t *scan, size_t found, size_t limit)
{
    return found < limit && scan->seen < CG_LEDGER_SCAN_MAX &&
           scan->seen_bytes < SCAN_BYTES;
}

apr_status_t cg_ledger_list(cg_ledger_t *ledger,
                            const cg_ledger_filter_t *filter, cg_buf_t *out,
                            const char **out_cursor, cg_error_t *err,
                            apr_pool_t *pool)
{
    size_t limit = filter->limit ? filter->limit : LIMIT_DEFAULT;
    limit = limit < CG_LEDGER_LIMIT_MAX ? limit : CG_LEDGER_LIMIT_MAX;
    size_t found = 0;
    cg_scan_t *scan = cg_scan_new(ledger, false, pool);
    cg_lane_t *lane = NULL;
    apr_status_t status = begin_list(scan, filter, err);
    *out_cursor = NULL; /* only now: it may be filter->cursor */
    if (status == APR_SUCCESS) {
        status = cg_scan_pick(scan, &lane, err);
    }
    cg_buf_char(out, '[');
    while (status == APR_SUCCESS && lane && may_go_on(scan, found, limit)) {
        const cg_line_t *line = cg_scan_take(scan, lane);
        apr_pool_clear(scan->scratch);
        if (cg_filter_matches(line, filter, scan->scratch)) {
            cg_buf_str(out, found ? "," : "");
            write_line(lane, line, out);
            found++;
        }
        status = cg_scan_pick(scan, &lane, err);
    }
    cg_buf_char(out, ']');
    if (status == APR_SUCCESS && lane) {
        *out_cursor = cg_scan_cursor(scan);
    }
    return status;
}

/* ---- get -------------------------------------------------------------------
 */

/* "<node>-<segment>-<offset>" */
static bool read_position(cg_str_t text, cg_str_t *out_node,
                          cg_journal_position_t *out)
{
    size_t skip = CG_JOURNAL_NODE_LEN + 1;
    if (text.len <= skip || text.ptr[CG_JOURNAL_NODE_LEN] != '-') {
        return false;
    }
    *out_node = (cg_str_t){text.ptr, CG_JOURNAL_NODE_LEN};
    cg_str_t id = {text.ptr + skip, text.len - skip};
    return cg_ledger_is_node(*out_node) && cg_ledger_id_parse(id, out);
}

/* The moment in a UUIDv7; 0 when it is none. */
static apr_time_t time_of(cg_str_t id)
{
    unsigned char bytes[6];
    char digits[12];
    if (id.len != 36 || id.ptr[8] != '-' || id.ptr[13] != '-' ||
        id.ptr[14] != '7') {
        return 0;
    }
    memcpy(digits, id.ptr, 8);
    memcpy(digits + 8, id.ptr + 9, 4);
    if (!cg_hex_decode(digits, sizeof digits, bytes)) {
        return 0;
    }
    int64_t millis = 0;
    for (int i = 0; i < 6; i++) {
        millis = millis << 8 | bytes[i];
    }
    return millis * 1000;
}

/* Every record begins with its id (record.h): no need to walk it. */
static bool has_id(const cg_line_t *line, const char *beginning)
{
    return cg_str_has_prefix(line->json, beginning);
}

static apr_status_t find_id(cg_scan_t *scan, const char *beginning,
                            cg_str_t *out_json, cg_error_t *err)
{
    cg_lane_t *lane = NULL;
    apr_status_t status = cg_scan_pick(scan, &lane, err);
    while (status == APR_SUCCESS && lane && scan->seen < GET_SCAN_MAX) {
        const cg_line_t *line = cg_scan_take(scan, lane);
        if (has_id(line, beginning)) {
            cg_buf_t out;
            cg_buf_init(&out, line->json.len + 80, scan->pool);
            write_line(lane, line, &out);
            *out_json = (cg_str_t){out.ptr, out.len};
            return APR_SUCCESS;
        }
        status = cg_scan_pick(scan, &lane, err);
    }
    return status == APR_SUCCESS ? APR_NOTFOUND : status;
}

static apr_status_t get_at(cg_ledger_t *ledger, cg_str_t node,
                           cg_journal_position_t position, cg_str_t *out_json,
                           cg_error_t *err, apr_pool_t *pool)
{
    cg_scan_t *scan = cg_scan_new(ledger, true, pool);
    cg_reply_t reply;
    cg_line_t line = {0};
    cg_scan_add(scan, node, position);
    apr_status_t status =
        cg_scan_ask(scan, scan->lanes, position, 1, &reply, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    if (reply.count != 1 || !cg_scan_read(&reply.items[0], &line) ||
        cg_ledger_id_compare(line.position, position) != 0 ||
        cg_scan_is_over(scan, &line)) {
        return APR_NOTFOUND;
    }
    cg_buf_t out;
    cg_buf_init(&out, line.json.len + 80, pool);
    write_line(scan->lanes, &line, &out);
    *out_json = (cg_str_t){out.ptr, out.len};
    return APR_SUCCESS;
}

/* An id that tells its time: from that moment on. */
static apr_status_t get_from(cg_ledger_t *ledger, apr_time_t at,
                             const char *beginning, cg_str_t *out_json,
                             cg_error_t *err, apr_pool_t *pool)
{
    cg_scan_t *scan = cg_scan_new(ledger, true, pool);
    scan->stop_at = at + LATE_FOR;
    apr_status_t status = cg_scan_add_all(scan, err);
    if (status == APR_SUCCESS) {
        status = cg_scan_seek(scan, at - CLOCK_SLACK, err);
    }
    return status == APR_SUCCESS ? find_id(scan, beginning, out_json, err)
                                 : status;
}

static apr_status_t get_newest(cg_ledger_t *ledger, const char *beginning,
                               cg_str_t *out_json, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_scan_t *scan = cg_scan_new(ledger, false, pool);
    apr_status_t status = cg_scan_add_all(scan, err);
    return status == APR_SUCCESS ? find_id(scan, beginning, out_json, err)
                                 : status;
}

apr_status_t cg_ledger_get(cg_ledger_t *ledger, const char *id,
                           cg_str_t *out_json, cg_error_t *err,
                           apr_pool_t *pool)
{
    cg_str_t node;
    cg_journal_position_t position;
    if (read_position(cg_str(id), &node, &position)) {
        apr_status_t status =
            get_at(ledger, node, position, out_json, err, pool);
        if (status != APR_NOTFOUND) {
            return status;
        }
    }
    cg_buf_t beginning;
    cg_buf_init(&beginning, 64, pool);
    cg_buf_str(&beginning, "{\"id\":");
    cg_buf_json_string(&beginning, id, strlen(id));
    const char *wanted = cg_buf_cstr(&beginning);
    apr_time_t at = time_of(cg_str(id));
    if (at) {
        apr_status_t status = get_from(ledger, at, wanted, out_json, err, pool);
        if (status != APR_NOTFOUND) {
            return status;
        }
    }
    return get_newest(ledger, wanted, out_json, err, pool);
}

/* ---- export ----------------------------------------------------------------
 */

static apr_status_t
begin_export(cg_scan_t *scan, const cg_ledger_filter_t *filter, cg_error_t *err)
{
    apr_status_t status = cg_scan_add_all(scan, err);
    if (filter->to) {
        scan->stop_at = filter->to + LATE_FOR;
    }
    if (status == APR_SUCCESS && filter->from > CLOCK_SLACK) {
        status = cg_scan_seek(scan, filter->from - CLOCK_SLACK, err);
    }
    return status;
}

apr_status_t
cg_ledger_export(cg_ledger_t *ledger, const cg_ledger_filter_t *filter,
                 apr_status_t (*on_line)(void *baton, cg_str_t json),
                 void *baton, cg_error_t *err, apr_pool_t *pool)
{
    size_t found = 0;
    cg_scan_t *scan = cg_scan_new(ledger, true, pool);
    cg_lane_t *lane = NULL;
    apr_status_t status = begin_export(scan, filter, err);
    if (status == APR_SUCCESS) {
        status = cg_scan_pick(scan, &lane, err);
    }
    while (status == APR_SUCCESS && lane &&
           (filter->limit == 0 || found < filter->limit)) {
        const cg_line_t *line = cg_scan_take(scan, lane);
        apr_pool_clear(scan->scratch);
        if (cg_filter_matches(line, filter, scan->scratch)) {
            cg_buf_t out;
            cg_buf_init(&out, line->json.len + 80, scan->scratch);
            write_line(lane, line, &out);
            status = on_line(baton, (cg_str_t){out.ptr, out.len});
            found++;
        }
        if (status == APR_SUCCESS) {
            status = cg_scan_pick(scan, &lane, err);
        }
    }
    return status;
}
