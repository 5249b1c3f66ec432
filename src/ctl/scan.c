/* chatgptctl scan: what would be found in these texts, and what would leave?
 * SPDX-License-Identifier: Apache-2.0
 *
 * One JSON object a line in, one a line out, over the same calls the module
 * uses: texts, lists of messages, raw request bodies, and texts cut into the
 * pieces of a stream. A member whose text is JSON itself (the arguments of a
 * tool call) is walked in turn; places are told in the text of that member.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/walk.h"
#include "redact/mask.h"
#include "redact/scan.h"
#include "redact/stream.h"

#define NESTING_MAX 4

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: chatgptctl scan [--rules FILE] [--action NAME] [FILE]...\n"
    "reads JSON lines {\"id\",\"text\"}, {\"id\",\"messages\"}, "
    "{\"id\",\"body\"} or {\"id\",\"chunks\"};\n"
    "NAME is allow, log, mask or block, for every type; default mask\n";

typedef struct call_t {
    const cg_rules_t *rules;
    cg_actions_t actions;
    apr_pool_t *pool; /* cleared for each line */
    cg_findings_t findings;
    cg_buf_t entities;
    const char *blocked_by; /* NULL: not */
} call_t;

/* Where decoded bytes stand in the text that places are told in. */
typedef struct place_t {
    const char *path;    /* JSON pointer, or NULL */
    cg_str_t outer;      /* the text itself */
    const uint32_t *map; /* decoded byte -> byte of outer; NULL: the same */
    size_t base;         /* added to both */
} place_t;

static size_t code_points(cg_str_t text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes && i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

static size_t outer_byte(const place_t *place, uint32_t at)
{
    return place->base + (place->map ? place->map[at] : at);
}

static void put_entity(call_t *call, const place_t *place,
                       const cg_finding_t *finding)
{
    cg_buf_t *out = &call->entities;
    bool is_custom = finding->type == CG_TYPE_CUSTOM;
    cg_buf_fmt(out, "%s{\"type\":\"%s%s%s\",\"start\":%zu,\"end\":%zu",
               out->len ? "," : "", cg_detector_name(finding->type),
               is_custom ? ":" : "",
               is_custom
                   ? cg_rules_name(call->rules, finding->type, finding->rule)
                   : "",
               code_points(place->outer, outer_byte(place, finding->start)),
               code_points(place->outer, outer_byte(place, finding->end)));
    if (place->path) {
        cg_buf_str(out, ",\"path\":");
        cg_buf_json_string(out, place->path, strlen(place->path));
    }
    cg_buf_char(out, '}');
}

static void put_findings(call_t *call, const place_t *place)
{
    for (size_t i = 0; i < call->findings.count; i++) {
        const cg_finding_t *finding = &call->findings.items[i];
        if (call->actions.by_type[finding->type] != CG_ACTION_ALLOW) {
            put_entity(call, place, finding);
        }
    }
}

/* Scans one text; *out is what may leave. False: it could not be scanned. */
static bool scan_text(call_t *call, cg_str_t name, cg_str_t text,
                      const place_t *place, cg_scan_depth_t depth,
                      cg_str_t *out)
{
    cg_buf_t masked;
    *out = text;
    if (cg_redact_scan_named(call->rules, name, text, depth, &call->findings) !=
        APR_SUCCESS) {
        return false;
    }
    put_findings(call, place);
    cg_buf_init(&masked, 0, call->pool);
    cg_mask_result_t result = cg_redact_mask(call->rules, text, &call->findings,
                                             &call->actions, NULL, &masked);
    if (result.is_blocked) {
        call->blocked_by = cg_detector_name(result.blocked_by);
    }
    if (result.is_changed) {
        *out = (cg_str_t){masked.ptr, masked.len};
    }
    return true;
}

/* ---- documents --------------------------------------------------------- */

static bool is_skipped(const cg_walk_t *walk, uint32_t node)
{
    static const char *const names[] = {"model", "role",         "type",
                                        "id",    "tool_call_id", "object"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (cg_walk_key_is(walk, node, names[i])) {
            return true;
        }
    }
    return false;
}

static cg_str_t name_of(const cg_walk_t *walk, uint32_t node)
{
    const cg_node_t *at = &walk->nodes[node];
    if (at->parent == CG_NODE_NONE ||
        walk->nodes[at->parent].kind != CG_NODE_OBJECT || at->key_is_escaped) {
        return CG_STR("");
    }
    return (cg_str_t){walk->text + at->key_start, at->key_len};
}

static void add_splice(apr_array_header_t *splices, uint32_t start,
                       uint32_t end, cg_str_t with)
{
    APR_ARRAY_PUSH(splices, cg_splice_t) =
        (cg_splice_t){.start = start, .end = end, .with = with};
}

static cg_str_t escaped(cg_str_t text, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, text.len + 16, pool);
    cg_buf_json_escape(&out, text.ptr, text.len);
    return (cg_str_t){out.ptr, out.len};
}

static cg_str_t spliced(cg_str_t source, const apr_array_header_t *splices,
                        apr_pool_t *pool)
{
    cg_buf_t out;
    if (splices->nelts == 0) {
        return source;
    }
    cg_buf_init(&out, source.len + 256, pool);
    cg_walk_splice(source, (const cg_splice_t *)(void *)splices->elts,
                   (size_t)splices->nelts, &out);
    return (cg_str_t){out.ptr, out.len};
}

static bool is_json(cg_str_t text)
{
    size_t i = 0;
    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\n' ||
                            text.ptr[i] == '\t' || text.ptr[i] == '\r')) {
        i++;
    }
    return text.len - i >= 2 && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

static bool scan_value(call_t *call, const cg_walk_t *walk, uint32_t node,
                       const place_t *within, int nesting,
                       apr_array_header_t *splices);

/* All the strings of a document that stands inside a text. */
static bool scan_nested(call_t *call, const cg_walk_t *inner,
                        const place_t *place, int nesting, cg_str_t text,
                        cg_str_t *out)
{
    apr_array_header_t *splices =
        apr_array_make(call->pool, 4, sizeof(cg_splice_t));
    for (uint32_t node = 0; node < inner->count; node++) {
        if (!scan_value(call, inner, node, place, nesting, splices)) {
            return false;
        }
    }
    *out = spliced(text, splices, call->pool);
    return true;
}

/* Offsets of a nested string's decoded bytes in the text around it. */
static place_t nested_place(call_t *call, const cg_walk_t *walk, uint32_t node,
                            const place_t *within, char **decoded, size_t *len)
{
    cg_str_t raw = cg_walk_raw(walk, node);
    uint32_t *map = apr_palloc(call->pool, (raw.len + 1) * sizeof *map);
    *decoded = apr_palloc(call->pool, raw.len + 1);
    *len = cg_walk_unescape(raw, *decoded, map);
    for (size_t i = 0; i <= *len; i++) {
        uint32_t at = map[i] + walk->nodes[node].start;
        map[i] = within->map ? within->map[at] : at;
    }
    return (place_t){.path = within->path,
                     .outer = within->outer,
                     .map = map,
                     .base = within->base};
}

/* Numbers of nested documents count too: {"card":4111111111111111}. */
static bool scan_number(call_t *call, const cg_walk_t *walk, uint32_t node,
                        const place_t *within, apr_array_header_t *splices)
{
    cg_str_t raw = cg_walk_raw(walk, node);
    uint32_t start = walk->nodes[node].start;
    place_t place = *within;
    cg_str_t out;
    if (within->map) {
        place.map = within->map + start;
    }
    else {
        place.base += start;
    }
    if (!scan_text(call, name_of(walk, node), raw, &place, CG_SCAN_DEEP,
                   &out)) {
        return false;
    }
    if (out.ptr != raw.ptr) {
        cg_buf_t quoted;
        cg_buf_init(&quoted, out.len + 2, call->pool);
        cg_buf_json_string(&quoted, out.ptr, out.len);
        add_splice(splices, start, walk->nodes[node].end,
                   (cg_str_t){quoted.ptr, quoted.len});
    }
    return true;
}

/* One node; within is NULL for the document itself. */
static bool scan_value(call_t *call, const cg_walk_t *walk, uint32_t node,
                       const place_t *within, int nesting,
                       apr_array_header_t *splices)
{
    const cg_node_t *at = &walk->nodes[node];
    place_t place = {0};
    cg_str_t text;
    cg_str_t out;
    cg_walk_t inner;
    bool is_done;
    if (at->kind == CG_NODE_NUMBER && within) {
        return scan_number(call, walk, node, within, splices);
    }
    if (at->kind != CG_NODE_STRING || (!within && is_skipped(walk, node))) {
        return true;
    }
    if (within) {
        char *decoded;
        place = nested_place(call, walk, node, within, &decoded, &text.len);
        text.ptr = decoded;
    }
    else {
        text = cg_walk_string(walk, node, call->pool);
        place.path = cg_walk_pointer(walk, node, call->pool);
        place.outer = text;
    }
    if (nesting < NESTING_MAX && is_json(text) &&
        cg_walk(text.ptr, text.len, &inner, NULL, call->pool) == CG_WALK_OK) {
        is_done = scan_nested(call, &inner, &place, nesting + 1, text, &out);
    }
    else {
        is_done = scan_text(call, name_of(walk, node), text, &place,
                            CG_SCAN_DEEP, &out);
    }
    if (is_done && out.ptr != text.ptr) {
        add_splice(splices, at->start, at->end, escaped(out, call->pool));
    }
    return is_done;
}

/* ---- one line ---------------------------------------------------------- */

/* Begins a line of output: {"id":…,"entities":[…] */
static void put_head(call_t *call, const cg_walk_t *line, uint32_t id)
{
    cg_str_t raw = CG_STR("null");
    bool is_string = false;
    if (id != CG_NODE_NONE) {
        raw = cg_walk_raw(line, id);
        is_string = line->nodes[id].kind == CG_NODE_STRING;
    }
    printf("{\"id\":%s%.*s%s,\"entities\":[%.*s]", is_string ? "\"" : "",
           (int)raw.len, raw.ptr, is_string ? "\"" : "",
           (int)call->entities.len,
           call->entities.len ? call->entities.ptr : "");
}

static void put_string(call_t *call, cg_str_t text)
{
    cg_buf_t out;
    cg_buf_init(&out, text.len + 16, call->pool);
    cg_buf_json_string(&out, text.ptr, text.len);
    fwrite(out.ptr, 1, out.len, stdout);
}

static void put_tail(call_t *call, cg_str_t masked, bool is_json_value)
{
    fputs(",\"masked\":", stdout);
    if (call->blocked_by) {
        printf("null,\"blocked_by\":\"%s\"}\n", call->blocked_by);
        return;
    }
    if (is_json_value) {
        fwrite(masked.ptr, 1, masked.len, stdout);
    }
    else {
        put_string(call, masked);
    }
    fputs("}\n", stdout);
}

static bool do_text(call_t *call, const cg_walk_t *line, uint32_t id,
                    uint32_t node)
{
    cg_str_t text = cg_walk_string(line, node, call->pool);
    place_t place = {.outer = text};
    cg_str_t out;
    if (!scan_text(call, CG_STR(""), text, &place, CG_SCAN_DEEP, &out)) {
        return false;
    }
    put_head(call, line, id);
    put_tail(call, out, false);
    return true;
}

static bool do_chunks(call_t *call, const cg_walk_t *line, uint32_t id,
                      uint32_t node)
{
    cg_buf_t joined;
    cg_buf_t masked;
    uint8_t blocked_by;
    cg_str_t unused;
    cg_stream_t *stream =
        cg_stream_open(call->rules, &call->actions, call->pool);
    cg_buf_init(&joined, 1024, call->pool);
    cg_buf_init(&masked, 1024, call->pool);
    for (uint32_t at = line->nodes[node].child; at != CG_NODE_NONE;
         at = line->nodes[at].next) {
        cg_str_t delta = cg_walk_string(line, at, call->pool);
        cg_buf_add(&joined, delta.ptr, delta.len);
        cg_stream_feed(stream, delta, &masked);
    }
    cg_stream_finish(stream, &masked);
    cg_str_t text = {joined.ptr, joined.len};
    place_t place = {.outer = text};
    if (!scan_text(call, CG_STR(""), text, &place, CG_SCAN_PLAIN, &unused)) {
        return false;
    }
    if (cg_stream_is_blocked(stream, &blocked_by)) {
        call->blocked_by = cg_detector_name(blocked_by);
    }
    put_head(call, line, id);
    put_tail(call, (cg_str_t){masked.ptr, masked.len}, false);
    return true;
}

static bool do_body(call_t *call, const cg_walk_t *line, uint32_t id,
                    uint32_t node)
{
    cg_str_t body = cg_walk_string(line, node, call->pool);
    apr_array_header_t *splices =
        apr_array_make(call->pool, 8, sizeof(cg_splice_t));
    cg_walk_t walk;
    cg_error_t err;
    if (cg_walk(body.ptr, body.len, &walk, &err, call->pool) != CG_WALK_OK) {
        fprintf(stderr, "chatgptctl scan: body: %s\n", err.text);
        return false;
    }
    for (uint32_t at = 0; at < walk.count; at++) {
        if (!scan_value(call, &walk, at, NULL, 0, splices)) {
            return false;
        }
    }
    put_head(call, line, id);
    put_tail(call, spliced(body, splices, call->pool), false);
    return true;
}

static bool is_under(const cg_walk_t *walk, uint32_t node, uint32_t top)
{
    while (node != CG_NODE_NONE && node != top) {
        node = walk->nodes[node].parent;
    }
    return node == top;
}

static bool do_messages(call_t *call, const cg_walk_t *line, uint32_t id,
                        uint32_t node)
{
    apr_array_header_t *splices =
        apr_array_make(call->pool, 8, sizeof(cg_splice_t));
    const cg_node_t *top = &line->nodes[node];
    for (uint32_t at = node; at < line->count; at++) {
        if (is_under(line, at, node) &&
            !scan_value(call, line, at, NULL, 0, splices)) {
            return false;
        }
    }
    for (int i = 0; i < splices->nelts; i++) {
        APR_ARRAY_IDX(splices, i, cg_splice_t).start -= top->start;
        APR_ARRAY_IDX(splices, i, cg_splice_t).end -= top->start;
    }
    cg_str_t source = {line->text + top->start, top->end - top->start};
    put_head(call, line, id);
    put_tail(call, spliced(source, splices, call->pool), true);
    return true;
}

static const struct form_t {
    const char *member;
    int kind;
    bool (*run)(call_t *call, const cg_walk_t *line, uint32_t id,
                uint32_t node);
} forms[] = {{"text", CG_NODE_STRING, do_text},
             {"chunks", CG_NODE_ARRAY, do_chunks},
             {"messages", CG_NODE_ARRAY, do_messages},
             {"body", CG_NODE_STRING, do_body}};

/* False: the line could not be scanned; said on standard error. */
static bool do_line(call_t *call, const char *bytes, size_t len)
{
    cg_walk_t line;
    cg_error_t err;
    cg_buf_init(&call->entities, 256, call->pool);
    cg_findings_init(&call->findings, call->pool);
    call->blocked_by = NULL;
    if (cg_walk(bytes, len, &line, &err, call->pool) != CG_WALK_OK) {
        fprintf(stderr, "chatgptctl scan: %s\n", err.text);
        return false;
    }
    uint32_t id = cg_walk_member(&line, 0, "id");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint32_t node = cg_walk_member(&line, 0, forms[i].member);
        if (node != CG_NODE_NONE && line.nodes[node].kind == forms[i].kind) {
            return forms[i].run(call, &line, id, node);
        }
    }
    fputs("chatgptctl scan: a line has no text, messages, body or chunks\n",
          stderr);
    return false;
}

static bool do_file(call_t *call, FILE *in)
{
    char *bytes = NULL;
    size_t room = 0;
    ssize_t len = getline(&bytes, &room, in);
    bool is_good = true;
    while (len >= 0) {
        while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
            len--;
        }
        if (len > 0) {
            is_good = do_line(call, bytes, (size_t)len) && is_good;
        }
        apr_pool_clear(call->pool);
        len = getline(&bytes, &room, in);
    }
    free(bytes);
    return is_good;
}

/* ---- options ----------------------------------------------------------- */

static int complain(const char *what)
{
    fprintf(stderr, "chatgptctl scan: %s\n%s", what, usage);
    return EXIT_USAGE;
}

static bool load_rules(call_t *call, const char *path, apr_pool_t *pool)
{
    cg_rules_spec_t spec;
    cg_rules_t *rules;
    cg_error_t err;
    if (cg_rules_read(path, &spec, &call->actions, &err, pool) != APR_SUCCESS ||
        cg_rules_create(&spec, &rules, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "chatgptctl scan: %s\n", err.text);
        return false;
    }
    call->rules = rules;
    return true;
}

static int run_files(call_t *call, int argc, char **argv, int first)
{
    bool is_good = true;
    if (first == argc) {
        is_good = do_file(call, stdin);
    }
    for (int i = first; i < argc; i++) {
        FILE *in = fopen(argv[i], "rb");
        if (!in) {
            fprintf(stderr, "chatgptctl scan: %s cannot be opened\n", argv[i]);
            return EXIT_NO;
        }
        is_good = do_file(call, in) && is_good;
        fclose(in);
    }
    return is_good ? EXIT_DONE : EXIT_NO;
}

int cg_ctl_scan(int argc, char **argv)
{
    call_t call = {.rules = cg_rules_builtin()};
    apr_pool_t *pool;
    cg_action_t action;
    int i = 1;
    cg_actions_default(&call.actions);
    apr_pool_create(&pool, NULL);
    apr_pool_create(&call.pool, pool);
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return EXIT_DONE;
        }
        if (i + 1 >= argc) {
            return complain("a value is missing");
        }
        if (strcmp(argv[i], "--rules") == 0) {
            if (!load_rules(&call, argv[i + 1], pool)) {
                return EXIT_NO;
            }
        }
        else if (strcmp(argv[i], "--action") == 0) {
            if (!cg_action_parse(argv[i + 1], &action)) {
                return complain("--action: allow, log, mask or block");
            }
            cg_actions_all(&call.actions, action);
        }
        else {
            return complain("there is no such option");
        }
    }
    int status = run_files(&call, argc, argv, i);
    apr_pool_destroy(pool);
    return status;
}
