/* The ledger that keeps the audit records: finding, listing, exporting.
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
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/walk.h"
#include "store/keys.h"

#define LIMIT_DEFAULT 50
#define LANES_MAX 256
#define PIECE_FIRST 64 /* entries asked at once; follows their size */
#define PIECE_MAX 512
#define PIECE_BYTES ((size_t)512 << 10)
#define SCAN_BYTES ((size_t)64 << 20) /* looked at in one call of list */
#define GET_SCAN_MAX 200000
#define OFFSET_MAX (INT64_C(1) << 40)
#define BISECT_MAX 120
/* A request is recorded at most this long after it came in ... */
#define LATE_FOR apr_time_from_sec(3600)
/* ... and clocks may step back, and threads overtake each other, by this. */
#define CLOCK_SLACK apr_time_from_sec(60)

typedef struct line_t {
    cg_journal_position_t position;
    apr_time_t at;
    apr_time_t ended;
    cg_str_t json;
} line_t;

typedef struct lane_t {
    cg_str_t node;
    cg_str_t key;
    cg_journal_position_t next; /* first id not yet fetched, inclusive */
    cg_journal_position_t seen; /* last id handed out */
    bool is_done;
    size_t piece;
    line_t *lines;
    size_t at;
    size_t count;
    apr_pool_t *pool; /* of the piece */
} lane_t;

/* lives in: the pool of one call */
typedef struct scan_t {
    cg_ledger_t *ledger;
    bool is_forward; /* oldest first */
    lane_t *lanes;
    size_t lanes_count;
    apr_time_t stop_at; /* forward: ends after; else: ends before; 0: never */
    size_t seen;        /* records and bytes looked at */
    size_t seen_bytes;
    apr_pool_t *scratch; /* cleared for each record */
    apr_pool_t *pool;
} scan_t;

/* ---- ids ------------------------------------------------------------------ */

/* Above all ids: milliseconds of the year 2527. */
static const cg_journal_position_t LAST = {INT64_C(1) << 44, OFFSET_MAX};

static int compare(cg_journal_position_t a, cg_journal_position_t b)
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
    return id.segment > 0
               ? (cg_journal_position_t){id.segment - 1, OFFSET_MAX}
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

/* ---- entries -------------------------------------------------------------- */

static bool read_line(const cg_reply_t *reply, line_t *out)
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
        } else if (cg_str_is(name, "end")) {
            found += cg_parse_count(value, &out->ended);
        } else if (cg_str_is(name, "record")) {
            out->json = value;
            found++;
        }
    }
    return found == 3;
}

static apr_status_t ask_range(scan_t *scan, const lane_t *lane,
                              cg_journal_position_t from, size_t most,
                              cg_reply_t *out, cg_error_t *err,
                              apr_pool_t *pool)
{
    bool is_top = compare(from, LAST) >= 0;
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
static apr_status_t refill(scan_t *scan, lane_t *lane, cg_error_t *err)
{
    apr_pool_clear(lane->pool);
    lane->at = 0;
    lane->count = 0;
    cg_reply_t reply;
    apr_status_t status = ask_range(scan, lane, lane->next, lane->piece, &reply,
                                    err, lane->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    size_t bytes = 0;
    cg_journal_position_t began_at = lane->next;
    lane->lines = apr_pcalloc(lane->pool,
                              (reply.count + 1) * sizeof *lane->lines);
    for (size_t i = 0; i < reply.count; i++) {
        line_t *line = &lane->lines[lane->count];
        if (read_line(&reply.items[i], line)) {
            lane->count++;
            bytes += line->json.len;
        }
        if (line->position.segment) {
            lane->next = scan->is_forward ? after(line->position)
                                          : before(line->position);
        }
    }
    lane->is_done = compare(lane->next, began_at) == 0;
    if (bytes > PIECE_BYTES) {
        lane->piece = lane->piece > 1 ? lane->piece / 2 : 1;
    } else if (bytes < PIECE_BYTES / 4 && lane->piece < PIECE_MAX) {
        lane->piece *= 2;
    }
    return APR_SUCCESS;
}

static bool is_past(const scan_t *scan, const line_t *line)
{
    if (scan->stop_at == 0) {
        return false;
    }
    return scan->is_forward ? line->ended > scan->stop_at
                            : line->ended < scan->stop_at;
}

/* The lane whose head comes next, or NULL when all are done. */
static apr_status_t pick(scan_t *scan, lane_t **out, cg_error_t *err)
{
    *out = NULL;
    apr_time_t best = 0;
    for (size_t i = 0; i < scan->lanes_count; i++) {
        lane_t *lane = &scan->lanes[i];
        while (!lane->is_done && lane->at == lane->count) {
            apr_status_t status = refill(scan, lane, err);
            if (status != APR_SUCCESS) {
                return status;
            }
        }
        if (lane->is_done) {
            continue;
        }
        const line_t *head = &lane->lines[lane->at];
        if (is_past(scan, head)) {
            lane->is_done = true;
            continue;
        }
        bool is_first = scan->is_forward ? head->ended < best
                                         : head->ended > best;
        if (!*out || is_first) {
            *out = lane;
            best = head->ended;
        }
    }
    return APR_SUCCESS;
}

static const line_t *take(scan_t *scan, lane_t *lane)
{
    const line_t *line = &lane->lines[lane->at++];
    lane->seen = line->position;
    scan->seen++;
    scan->seen_bytes += line->json.len;
    return line;
}

/* Sets the lane to the first entry recorded at or after `ended`: next is its id
 * (forward), or the one before it (backward). */
static apr_status_t seek(scan_t *scan, lane_t *lane, apr_time_t ended,
                         cg_error_t *err)
{
    cg_journal_position_t low = {0, 0};
    cg_journal_position_t high = LAST; /* exclusive; all at or after it match */
    scan_t forward = *scan;
    forward.is_forward = true;
    for (int i = 0; i < BISECT_MAX && compare(low, high) < 0; i++) {
        apr_pool_clear(lane->pool);
        cg_journal_position_t probe = middle(low, high);
        cg_reply_t reply;
        line_t line = {0};
        apr_status_t status =
            ask_range(&forward, lane, probe, 1, &reply, err, lane->pool);
        if (status != APR_SUCCESS) {
            return status;
        }
        bool is_there = reply.count == 1 && read_line(&reply.items[0], &line);
        if (is_there && line.ended < ended) {
            low = after(line.position);
        } else {
            high = probe;
        }
    }
    lane->next = scan->is_forward ? high : before(high);
    return APR_SUCCESS;
}

/* ---- lanes ---------------------------------------------------------------- */

static bool is_node(cg_str_t node)
{
    unsigned char bytes[CG_JOURNAL_NODE_LEN / 2];
    return node.len == CG_JOURNAL_NODE_LEN &&
           cg_hex_decode(node.ptr, node.len, bytes);
}

static void add_lane(scan_t *scan, cg_str_t node, cg_journal_position_t next)
{
    if (scan->lanes_count == LANES_MAX) {
        return;
    }
    lane_t *lane = &scan->lanes[scan->lanes_count++];
    *lane = (lane_t){
        .node = {cg_str_dup(node, scan->pool), node.len},
        .key = cg_ledger_stream_key(node, scan->pool),
        .next = next,
        .piece = PIECE_FIRST,
    };
    apr_pool_create(&lane->pool, scan->pool);
}

static scan_t *new_scan(cg_ledger_t *ledger, bool is_forward, apr_pool_t *pool)
{
    scan_t *scan = apr_pcalloc(pool, sizeof *scan);
    scan->ledger = ledger;
    scan->is_forward = is_forward;
    scan->lanes = apr_palloc(pool, LANES_MAX * sizeof *scan->lanes);
    scan->pool = pool;
    apr_pool_create(&scan->scratch, pool);
    return scan;
}

static int by_node(const void *a, const void *b)
{
    const lane_t *one = a;
    const lane_t *two = b;
    return memcmp(one->node.ptr, two->node.ptr, CG_JOURNAL_NODE_LEN);
}

/* One lane a node, in the order of their names: ties between lanes fall the
 * same way each time. */
static apr_status_t add_all_lanes(scan_t *scan, cg_error_t *err)
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
        if (is_node(reply.items[i].text)) {
            add_lane(scan, reply.items[i].text,
                     scan->is_forward ? (cg_journal_position_t){0, 0} : LAST);
        }
    }
    qsort(scan->lanes, scan->lanes_count, sizeof *scan->lanes, by_node);
    return APR_SUCCESS;
}

static apr_status_t seek_all(scan_t *scan, apr_time_t ended, cg_error_t *err)
{
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; status == APR_SUCCESS && i < scan->lanes_count; i++) {
        status = seek(scan, &scan->lanes[i], ended, err);
    }
    return status;
}

/* ---- the cursor: "<node>~<last id seen>" of every lane, joined by dots ----- */

static const char *write_cursor(const scan_t *scan)
{
    cg_buf_t out;
    cg_buf_init(&out, 256, scan->pool);
    for (size_t i = 0; i < scan->lanes_count; i++) {
        const lane_t *lane = &scan->lanes[i];
        cg_journal_position_t seen = lane->seen;
        if (lane->is_done) {
            seen = (cg_journal_position_t){0, 0};
        } else if (seen.segment == 0) {
            /* Nothing taken yet: pin the lane, lest newer entries slip in. */
            seen = after(lane->lines[lane->at].position);
        }
        cg_buf_fmt(&out, "%s%.*s~%" PRId64 "-%" PRId64, i ? "." : "",
                   (int)lane->node.len, lane->node.ptr, seen.segment,
                   seen.offset);
    }
    return cg_buf_cstr(&out);
}

static bool read_lane(scan_t *scan, cg_str_t part)
{
    cg_journal_position_t seen;
    cg_str_t node = {part.ptr, CG_JOURNAL_NODE_LEN};
    if (part.len < CG_JOURNAL_NODE_LEN + 2 || !is_node(node) ||
        part.ptr[CG_JOURNAL_NODE_LEN] != '~') {
        return false;
    }
    size_t skip = CG_JOURNAL_NODE_LEN + 1;
    cg_str_t id = {part.ptr + skip, part.len - skip};
    if (!cg_ledger_id_parse(id, &seen)) {
        return false;
    }
    add_lane(scan, node, before(seen));
    lane_t *lane = &scan->lanes[scan->lanes_count - 1];
    lane->seen = seen;
    lane->is_done = seen.segment == 0;
    return true;
}

static bool read_cursor(scan_t *scan, const char *cursor)
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

/* ---- the filter ------------------------------------------------------------ */

typedef struct rule_t {
    size_t filter; /* offset of the wanted word */
    const char *members[2];
} rule_t;

#define WANT(field) offsetof(cg_ledger_filter_t, field)

static const rule_t RULES[] = {
    {WANT(key), {"key_id", "key_name"}},
    {WANT(team), {"team", NULL}},
    {WANT(user), {"user", NULL}},
    {WANT(model), {"model_asked", "model_served"}},
    {WANT(decision), {"decision", NULL}},
    {WANT(reason), {"reason", NULL}},
    {WANT(endpoint), {"endpoint", NULL}},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* needle is lower case already. */
static bool contains(cg_str_t text, cg_str_t needle)
{
    for (size_t i = 0; i + needle.len <= text.len; i++) {
        size_t same = 0;
        while (same < needle.len &&
               lower(text.ptr[i + same]) == needle.ptr[same]) {
            same++;
        }
        if (same == needle.len) {
            return true;
        }
    }
    return false;
}

static bool member_is(const cg_walk_t *walk, const char *member,
                      const char *wanted, apr_pool_t *pool)
{
    uint32_t node = cg_walk_member(walk, 0, member);
    return node != CG_NODE_NONE &&
           cg_str_is_nocase(cg_walk_string(walk, node, pool), wanted);
}

static bool rule_holds(const cg_walk_t *walk, const rule_t *rule,
                       const cg_ledger_filter_t *filter, apr_pool_t *pool)
{
    const char *wanted =
        *(const char *const *)(const void *)((const char *)filter +
                                             rule->filter);
    if (!wanted || !*wanted) {
        return true;
    }
    for (int i = 0; i < 2 && rule->members[i]; i++) {
        if (member_is(walk, rule->members[i], wanted, pool)) {
            return true;
        }
    }
    return false;
}

static bool has_finding(const cg_walk_t *walk, const char *type,
                        apr_pool_t *pool)
{
    if (!type || !*type) {
        return true;
    }
    uint32_t list = cg_walk_member(walk, 0, "findings");
    uint32_t one = list == CG_NODE_NONE ? list : walk->nodes[list].child;
    for (; one != CG_NODE_NONE; one = walk->nodes[one].next) {
        uint32_t node = cg_walk_member(walk, one, "type");
        if (node != CG_NODE_NONE &&
            cg_str_is_nocase(cg_walk_string(walk, node, pool), type)) {
            return true;
        }
    }
    return false;
}

/* q is looked for in the values as they are written, escapes and all; so the
 * words are escaped the same way, and member names never match. */
static bool has_words(const cg_walk_t *walk, cg_str_t json, const char *q,
                      apr_pool_t *pool)
{
    if (!q || !*q) {
        return true;
    }
    cg_buf_t needle;
    cg_buf_init(&needle, 64, pool);
    cg_buf_json_escape(&needle, q, strlen(q));
    for (size_t i = 0; i < needle.len; i++) {
        needle.ptr[i] = lower(needle.ptr[i]);
    }
    cg_str_t words = {needle.ptr, needle.len};
    if (!contains(json, words)) {
        return false;
    }
    for (uint32_t node = 0; node < walk->count; node++) {
        if (walk->nodes[node].kind == CG_NODE_STRING &&
            contains(cg_walk_raw(walk, node), words)) {
            return true;
        }
    }
    return false;
}

static bool matches(const line_t *line, const cg_ledger_filter_t *filter,
                    apr_pool_t *pool)
{
    if (line->at < filter->from || (filter->to && line->at >= filter->to)) {
        return false;
    }
    cg_walk_t walk;
    cg_error_t ignored;
    if (cg_walk(line->json.ptr, line->json.len, &walk, &ignored, pool) !=
            CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return false; /* not ours: it would break the page it stands on */
    }
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (!rule_holds(&walk, &RULES[i], filter, pool)) {
            return false;
        }
    }
    return has_finding(&walk, filter->finding, pool) &&
           has_words(&walk, line->json, filter->q, pool);
}

static void write_line(const lane_t *lane, const line_t *line, cg_buf_t *out)
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

/* ---- list ------------------------------------------------------------------ */

static apr_status_t begin_list(scan_t *scan, const cg_ledger_filter_t *filter,
                               cg_error_t *err)
{
    if (filter->from > CLOCK_SLACK) {
        scan->stop_at = filter->from - CLOCK_SLACK;
    }
    if (filter->cursor && *filter->cursor) {
        if (!read_cursor(scan, filter->cursor)) {
            cg_error_set(err, "cursor: not one that a list gave");
            return APR_EINVAL;
        }
        return APR_SUCCESS;
    }
    apr_status_t status = add_all_lanes(scan, err);
    if (status == APR_SUCCESS && filter->to) {
        status = seek_all(scan, filter->to + LATE_FOR, err);
    }
    return status;
}

static bool may_go_on(const scan_t *scan, size_t found, size_t limit)
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
    scan_t *scan = new_scan(ledger, false, pool);
    lane_t *lane = NULL;
    apr_status_t status = begin_list(scan, filter, err);
    *out_cursor = NULL; /* only now: it may be filter->cursor */
    if (status == APR_SUCCESS) {
        status = pick(scan, &lane, err);
    }
    cg_buf_char(out, '[');
    while (status == APR_SUCCESS && lane && may_go_on(scan, found, limit)) {
        const line_t *line = take(scan, lane);
        apr_pool_clear(scan->scratch);
        if (matches(line, filter, scan->scratch)) {
            cg_buf_str(out, found ? "," : "");
            write_line(lane, line, out);
            found++;
        }
        status = pick(scan, &lane, err);
    }
    cg_buf_char(out, ']');
    if (status == APR_SUCCESS && lane) {
        *out_cursor = write_cursor(scan);
    }
    return status;
}

/* ---- get ------------------------------------------------------------------- */

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
    return is_node(*out_node) && cg_ledger_id_parse(id, out);
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
static bool has_id(const line_t *line, const char *beginning)
{
    return cg_str_has_prefix(line->json, beginning);
}

static apr_status_t find_id(scan_t *scan, const char *beginning,
                            cg_str_t *out_json, cg_error_t *err)
{
    lane_t *lane = NULL;
    apr_status_t status = pick(scan, &lane, err);
    while (status == APR_SUCCESS && lane && scan->seen < GET_SCAN_MAX) {
        const line_t *line = take(scan, lane);
        if (has_id(line, beginning)) {
            cg_buf_t out;
            cg_buf_init(&out, line->json.len + 80, scan->pool);
            write_line(lane, line, &out);
            *out_json = (cg_str_t){out.ptr, out.len};
            return APR_SUCCESS;
        }
        status = pick(scan, &lane, err);
    }
    return status == APR_SUCCESS ? APR_NOTFOUND : status;
}

static apr_status_t get_at(cg_ledger_t *ledger, cg_str_t node,
                           cg_journal_position_t position, cg_str_t *out_json,
                           cg_error_t *err, apr_pool_t *pool)
{
    scan_t *scan = new_scan(ledger, true, pool);
    cg_reply_t reply;
    line_t line = {0};
    add_lane(scan, node, position);
    apr_status_t status =
        ask_range(scan, scan->lanes, position, 1, &reply, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    if (reply.count != 1 || !read_line(&reply.items[0], &line) ||
        compare(line.position, position) != 0) {
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
    scan_t *scan = new_scan(ledger, true, pool);
    scan->stop_at = at + LATE_FOR;
    apr_status_t status = add_all_lanes(scan, err);
    if (status == APR_SUCCESS) {
        status = seek_all(scan, at - CLOCK_SLACK, err);
    }
    return status == APR_SUCCESS ? find_id(scan, beginning, out_json, err)
                                 : status;
}

static apr_status_t get_newest(cg_ledger_t *ledger, const char *beginning,
                               cg_str_t *out_json, cg_error_t *err,
                               apr_pool_t *pool)
{
    scan_t *scan = new_scan(ledger, false, pool);
    apr_status_t status = add_all_lanes(scan, err);
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
        apr_status_t status =
            get_from(ledger, at, wanted, out_json, err, pool);
        if (status != APR_NOTFOUND) {
            return status;
        }
    }
    return get_newest(ledger, wanted, out_json, err, pool);
}

/* ---- export ---------------------------------------------------------------- */

static apr_status_t begin_export(scan_t *scan, const cg_ledger_filter_t *filter,
                                 cg_error_t *err)
{
    apr_status_t status = add_all_lanes(scan, err);
    if (filter->to) {
        scan->stop_at = filter->to + LATE_FOR;
    }
    if (status == APR_SUCCESS && filter->from > CLOCK_SLACK) {
        status = seek_all(scan, filter->from - CLOCK_SLACK, err);
    }
    return status;
}

apr_status_t cg_ledger_export(cg_ledger_t *ledger,
                              const cg_ledger_filter_t *filter,
                              apr_status_t (*on_line)(void *baton,
                                                      cg_str_t json),
                              void *baton, cg_error_t *err, apr_pool_t *pool)
{
    size_t found = 0;
    scan_t *scan = new_scan(ledger, true, pool);
    lane_t *lane = NULL;
    apr_status_t status = begin_export(scan, filter, err);
    if (status == APR_SUCCESS) {
        status = pick(scan, &lane, err);
    }
    while (status == APR_SUCCESS && lane &&
           (filter->limit == 0 || found < filter->limit)) {
        const line_t *line = take(scan, lane);
        apr_pool_clear(scan->scratch);
        if (matches(line, filter, scan->scratch)) {
            cg_buf_t out;
            cg_buf_init(&out, line->json.len + 80, scan->scratch);
            write_line(lane, line, &out);
            status = on_line(baton, (cg_str_t){out.ptr, out.len});
            found++;
        }
        if (status == APR_SUCCESS) {
            status = pick(scan, &lane, err);
        }
    }
    return status;
}
