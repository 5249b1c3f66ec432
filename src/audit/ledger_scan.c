/* Reading several streams of the ledger as one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each node's stream is a lane, read in pieces; the lanes are merged by the
 * moment of recording, as cards are merged from several sorted stacks:
 *
 *   lane a   | 9 7 4 ...        newest first: 9 8 7 5 4 ...
 *   lane b   | 8 5 ...          a cursor is the place in each lane
 *
 * Within a lane that moment only rises (clock steps aside), and entry ids rise
 * with it, so a moment is found in a stream by bisection.
 */
#include "audit/ledger.h"
#include "audit/ledger_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "store/keys.h"

#define LANES_MAX 256
#define PIECE_FIRST 64 /* entries asked at once; follows their size */
#define PIECE_MAX 512
#define PIECE_BYTES ((size_t)512 << 10)
#define OFFSET_MAX (INT64_C(1) << 40)
#define BISECT_MAX 120

/* ---- ids ------------------------------------------------------------------
 */

/* Above all ids: milliseconds of the year 2527. */
static const cg_journal_position_t LAST = {INT64_C(1) << 44, OFFSET_MAX};

int cg_ledger_id_compare(cg_journal_position_t a, cg_journal_position_t b)
{
    if (a.segment != b.segment) {
        return a.segment < b.segment ? -1 : 1;
    }
    return a.offset < b.offset ? -1 : a.offset > b.offset;
}

/* Offsets end at OFFSET_MAX, far beyond any segment. */
static cg_journal_position_t before(cg_journal_position_t id)
{
    if (id.offset > 0) {
        return (cg_journal_position_t){id.segment, id.offset - 1};
    }
    return id.segment > 0 ? (cg_journal_position_t){id.segment - 1, OFFSET_MAX}
                          : (cg_journal_position_t){0, 0};
}

static cg_journal_position_t after(cg_journal_position_t id)
{
    return (cg_journal_position_t){id.segment, id.offset + 1};
}

static cg_journal_position_t middle(cg_journal_position_t low,
                                    cg_journal_position_t high)
{
    if (high.segment - low.segment > 1) {
        int64_t half = (high.segment - low.segment) / 2;
        return (cg_journal_position_t){low.segment + half, 0};
    }
    if (high.segment > low.segment && high.offset > 0) {
        return (cg_journal_position_t){high.segment, 0};
    }
    int64_t top = high.segment > low.segment ? OFFSET_MAX : high.offset;
    return (cg_journal_position_t){low.segment,
                                   low.offset + (top - low.offset) / 2};
}

/* ---- entries --------------------------------------------------------------
 */

bool cg_scan_read(const cg_reply_t *reply, cg_line_t *out)
{
    if (reply->kind != CG_REPLY_ARRAY || reply->count != 2 ||
        !cg_ledger_id_parse(reply->items[0].text, &out->position)) {
        return false;
    }
    const cg_reply_t *fields = &reply->items[1];
    int found = 0;
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        cg_str_t name = fields->items[i].text;
        cg_str_t value = fields->items[i + 1].text;
        if (cg_str_is(name, "at")) {
            found += cg_parse_count(value, &out->at);
        }
        else if (cg_str_is(name, "end")) {
            found += cg_parse_count(value, &out->ended);
        }
        else if (cg_str_is(name, "until")) {
            cg_parse_count(value, &out->until);
        }
        else if (cg_str_is(name, "record")) {
            out->json = value;
            found++;
        }
    }
    return found == 3;
}

apr_status_t cg_scan_ask(cg_scan_t *scan, const cg_lane_t *lane,
                         cg_journal_position_t from, size_t most,
                         cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    bool is_top = cg_ledger_id_compare(from, LAST) >= 0;
    cg_str_t argv[] = {
        scan->is_forward ? CG_STR("XRANGE") : CG_STR("XREVRANGE"),
        lane->key,
        is_top ? CG_STR("+") : cg_ledger_id(from, pool),
        scan->is_forward ? CG_STR("+") : CG_STR("-"),
        CG_STR("COUNT"),
        cg_str(apr_psprintf(pool, "%" APR_SIZE_T_FMT, most)),
    };
    return cg_ledger_call(scan->ledger, argv, 6, out, err, pool);
}

/* The next piece; its size follows the size of what the last one held. */
static apr_status_t refill(cg_scan_t *scan, cg_lane_t *lane, cg_error_t *err)
{
    apr_pool_clear(lane->pool);
    lane->at = 0;
    lane->count = 0;
    cg_reply_t reply;
    apr_status_t status = cg_scan_ask(scan, lane, lane->next, lane->piece,
                                      &reply, err, lane->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    size_t bytes = 0;
    cg_journal_position_t began_at = lane->next;
    lane->lines =
        apr_pcalloc(lane->pool, (reply.count + 1) * sizeof *lane->lines);
    for (size_t i = 0; i < reply.count; i++) {
        cg_line_t *line = &lane->lines[lane->count];
        if (cg_scan_read(&reply.items[i], line)) {
            lane->count++;
            bytes += line->json.len;
        }
        if (line->position.segment) {
            lane->next = scan->is_forward ? after(line->position)
                                          : before(line->position);
        }
    }
    lane->is_done = cg_ledger_id_compare(lane->next, began_at) == 0;
    if (bytes > PIECE_BYTES) {
        lane->piece = lane->piece > 1 ? lane->piece / 2 : 1;
    }
    else if (bytes < PIECE_BYTES / 4 && lane->piece < PIECE_MAX) {
        lane->piece *= 2;
    }
    return APR_SUCCESS;
}

static bool is_past(const cg_scan_t *scan, const cg_line_t *line)
{
    if (scan->stop_at == 0) {
        return false;
    }
    return scan->is_forward ? line->ended > scan->stop_at
                            : line->ended < scan->stop_at;
}

bool cg_scan_is_over(const cg_scan_t *scan, const cg_line_t *line)
{
    return line->until && line->until <= scan->now;
}

/* Fetches until the lane has a head, which has not expired, or is done. */
static apr_status_t find_head(cg_scan_t *scan, cg_lane_t *lane, cg_error_t *err)
{
    while (!lane->is_done) {
        if (lane->at == lane->count) {
            apr_status_t status = refill(scan, lane, err);
            if (status != APR_SUCCESS) {
                return status;
            }
        }
        else if (cg_scan_is_over(scan, &lane->lines[lane->at])) {
            cg_scan_take(scan, lane);
        }
        else {
            return APR_SUCCESS;
        }
    }
    return APR_SUCCESS;
}

/* The lane whose head comes next, or NULL when all are done. */
apr_status_t cg_scan_pick(cg_scan_t *scan, cg_lane_t **out, cg_error_t *err)
{
    *out = NULL;
    apr_time_t best = 0;
    for (size_t i = 0; i < scan->lanes_count; i++) {
        cg_lane_t *lane = &scan->lanes[i];
        apr_status_t status = find_head(scan, lane, err);
        if (status != APR_SUCCESS) {
            return status;
        }
        if (lane->is_done) {
            continue;
        }
        const cg_line_t *head = &lane->lines[lane->at];
        if (is_past(scan, head)) {
            lane->is_done = true;
            continue;
        }
        bool is_first =
            scan->is_forward ? head->ended < best : head->ended > best;
        if (!*out || is_first) {
            *out = lane;
            best = head->ended;
        }
    }
    return APR_SUCCESS;
}

const cg_line_t *cg_scan_take(cg_scan_t *scan, cg_lane_t *lane)
{
    const cg_line_t *line = &lane->lines[lane->at++];
    lane->seen = line->position;
    scan->seen++;
    scan->seen_bytes += line->json.len;
    return line;
}

/* Sets the lane to the first entry recorded at or after `ended`: next is its id
 * (forward), or the one before it (backward). */
static apr_status_t seek(cg_scan_t *scan, cg_lane_t *lane, apr_time_t ended,
                         cg_error_t *err)
{
    cg_journal_position_t low = {0, 0};
    cg_journal_position_t high = LAST; /* exclusive; all at or after it match */
    cg_scan_t forward = *scan;
    forward.is_forward = true;
    for (int i = 0; i < BISECT_MAX && cg_ledger_id_compare(low, high) < 0;
         i++) {
        apr_pool_clear(lane->pool);
        cg_journal_position_t probe = middle(low, high);
        cg_reply_t reply;
        cg_line_t line = {0};
        apr_status_t status =
            cg_scan_ask(&forward, lane, probe, 1, &reply, err, lane->pool);
        if (status != APR_SUCCESS) {
            return status;
        }
        bool is_there =
            reply.count == 1 && cg_scan_read(&reply.items[0], &line);
        if (is_there && line.ended < ended) {
            low = after(line.position);
        }
        else {
            high = probe;
        }
    }
    lane->next = scan->is_forward ? high : before(high);
    return APR_SUCCESS;
}

/* ---- lanes ----------------------------------------------------------------
 */

bool cg_ledger_is_node(cg_str_t node)
{
    unsigned char bytes[CG_JOURNAL_NODE_LEN / 2];
    return node.len == CG_JOURNAL_NODE_LEN &&
           cg_hex_decode(node.ptr, node.len, bytes);
}

void cg_scan_add(cg_scan_t *scan, cg_str_t node, cg_journal_position_t next)
{
    if (scan->lanes_count == LANES_MAX) {
        return;
    }
    cg_lane_t *lane = &scan->lanes[scan->lanes_count++];
    *lane = (cg_lane_t){
        .node = {cg_str_dup(node, scan->pool), node.len},
        .key = cg_ledger_stream_key(node, scan->pool),
        .next = next,
        .piece = PIECE_FIRST,
    };
    apr_pool_create(&lane->pool, scan->pool);
}

cg_scan_t *cg_scan_new(cg_ledger_t *ledger, bool is_forward, apr_pool_t *pool)
{
    cg_scan_t *scan = apr_pcalloc(pool, sizeof *scan);
    scan->ledger = ledger;
    scan->is_forward = is_forward;
    scan->now = cg_clock_now();
    scan->lanes = apr_palloc(pool, LANES_MAX * sizeof *scan->lanes);
    scan->pool = pool;
    apr_pool_create(&scan->scratch, pool);
    return scan;
}

static int by_node(const void *a, const void *b)
{
    const cg_lane_t *one = a;
    const cg_lane_t *two = b;
    return memcmp(one->node.ptr, two->node.ptr, CG_JOURNAL_NODE_LEN);
}

/* One lane a node, in the order of their names: ties between lanes fall the
 * same way each time. */
apr_status_t cg_scan_add_all(cg_scan_t *scan, cg_error_t *err)
{
    cg_str_t key = cg_keys_make(CG_KEYS_AUDIT_NODES, NULL, 0, scan->pool);
    cg_str_t argv[] = {CG_STR("SMEMBERS"), key};
    cg_reply_t reply;
    apr_status_t status =
        cg_ledger_call(scan->ledger, argv, 2, &reply, err, scan->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    for (size_t i = 0; i < reply.count; i++) {
        if (cg_ledger_is_node(reply.items[i].text)) {
            cg_scan_add(scan, reply.items[i].text,
                        scan->is_forward ? (cg_journal_position_t){0, 0}
                                         : LAST);
        }
    }
    qsort(scan->lanes, scan->lanes_count, sizeof *scan->lanes, by_node);
    return APR_SUCCESS;
}

apr_status_t cg_scan_seek(cg_scan_t *scan, apr_time_t ended, cg_error_t *err)
{
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; status == APR_SUCCESS && i < scan->lanes_count; i++) {
        status = seek(scan, &scan->lanes[i], ended, err);
    }
    return status;
}

/* ---- the cursor: "<node>~<last id seen>" of every lane, joined by dots -----
 */

const char *cg_scan_cursor(const cg_scan_t *scan)
{
    cg_buf_t out;
    cg_buf_init(&out, 256, scan->pool);
    for (size_t i = 0; i < scan->lanes_count; i++) {
        const cg_lane_t *lane = &scan->lanes[i];
        cg_journal_position_t seen = lane->seen;
        if (lane->is_done) {
            seen = (cg_journal_position_t){0, 0};
        }
        else if (seen.segment == 0) {
            /* Nothing taken yet: pin the lane, lest newer entries slip in. */
            seen = after(lane->lines[lane->at].position);
        }
        cg_buf_fmt(&out, "%s%.*s~%" PRId64 "-%" PRId64, i ? "." : "",
                   (int)lane->node.len, lane->node.ptr, seen.segment,
                   seen.offset);
    }
    return cg_buf_cstr(&out);
}

static bool read_lane(cg_scan_t *scan, cg_str_t part)
{
    cg_journal_position_t seen;
    cg_str_t node = {part.ptr, CG_JOURNAL_NODE_LEN};
    if (part.len < CG_JOURNAL_NODE_LEN + 2 || !cg_ledger_is_node(node) ||
        part.ptr[CG_JOURNAL_NODE_LEN] != '~') {
        return false;
    }
    size_t skip = CG_JOURNAL_NODE_LEN + 1;
    cg_str_t id = {part.ptr + skip, part.len - skip};
    if (!cg_ledger_id_parse(id, &seen)) {
        return false;
    }
    cg_scan_add(scan, node, before(seen));
    cg_lane_t *lane = &scan->lanes[scan->lanes_count - 1];
    lane->seen = seen;
    lane->is_done = seen.segment == 0;
    return true;
}

bool cg_scan_resume(cg_scan_t *scan, const char *cursor)
{
    for (const char *part = cursor; part && scan->lanes_count < LANES_MAX;) {
        const char *dot = strchr(part, '.');
        size_t len = dot ? (size_t)(dot - part) : strlen(part);
        if (!read_lane(scan, (cg_str_t){part, len})) {
            return false;
        }
        part = dot ? dot + 1 : NULL;
    }
    return true;
}
