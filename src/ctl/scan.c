/* chatgptctl scan: what would be found in these texts, and what would leave?
 * SPDX-License-Identifier: Apache-2.0
 *
 * One JSON object a line in, one a line out, over the same calls the module
 * uses: texts, lists of messages, raw request bodies, and texts cut into the
 * pieces of a stream. Places in a member whose text is JSON itself (the arguments
 * of a tool call) are told in the text of that member.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/digest.h"
#include "base/walk.h"
#include "ctl/input.h"
#include "flow/review.h"
#include "flow/sift.h"
#include "redact/mask.h"
#include "redact/scan.h"
#include "redact/stream.h"

static const char usage[] =
    "usage: chatgptctl scan [--rules FILE]... [--action NAME]\n"
    "                       [--pseudonym-key FILE] [FILE]...\n"
    "reads JSON lines {\"id\",\"text\"}, {\"id\",\"messages\"}, "
    "{\"id\",\"body\"} or {\"id\",\"chunks\"};\n"
    "NAME is allow, log, partial, pseudonym, mask or block, for every type;\n"
    "default mask. Pseudonyms are made under the first key of FILE, else "
    "under\n"
    "one that holds for this run\n";

typedef struct call_t {
    const cg_rules_t *rules;
    cg_actions_t actions;
    const cg_pseudonym_keys_t *keys;
    cg_pseudonyms_t *pseudonyms; /* of the line */
    apr_pool_t *pool;            /* cleared for each line */
    cg_findings_t findings;
    cg_buf_t entities;
    const char *blocked_by; /* NULL: not */
} call_t;

static size_t code_points(cg_str_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

/* start and end in code points; path NULL: the text is no member's. */
static void put_entity(call_t *call, const cg_finding_t *finding, size_t start,
                       size_t end, const char *path)
{
    cg_buf_t *out = &call->entities;
    bool is_custom = finding->type == CG_TYPE_CUSTOM;
    cg_buf_fmt(out, "%s{\"type\":\"%s%s%s\",\"start\":%zu,\"end\":%zu",
               out->len ? "," : "", cg_detector_name(finding->type),
               is_custom ? ":" : "",
               is_custom
                   ? cg_rules_name(call->rules, finding->type, finding->rule)
                   : "",
               start, end);
    if (path) {
        cg_buf_str(out, ",\"path\":");
        cg_buf_json_string(out, path, strlen(path));
    }
    cg_buf_char(out, '}');
}

/* Findings ascend, so each is counted on from the one before. */
static void put_findings(call_t *call, cg_str_t text)
{
    size_t at = 0;
    size_t points = 0;
    for (size_t i = 0; i < call->findings.count; i++) {
        const cg_finding_t *finding = &call->findings.items[i];
        size_t start = points + code_points((cg_str_t){text.ptr + at,
                                                       finding->start - at});
        at = finding->end;
        points = start + code_points((cg_str_t){text.ptr + finding->start,
                                                at - finding->start});
        if (cg_rules_action(call->rules, &call->actions, finding->type,
                            finding->rule) != CG_ACTION_ALLOW) {
            put_entity(call, finding, start, points, NULL);
        }
    }
}

/* Scans one text; *out is what may leave. False: it could not be scanned. */
static bool scan_text(call_t *call, cg_str_t text, cg_scan_depth_t depth,
                      cg_str_t *out)
{
    cg_buf_t masked;
    *out = text;
    if (cg_redact_scan(call->rules, text, depth, &call->findings) !=
        APR_SUCCESS) {
        return false;
    }
    put_findings(call, text);
    cg_buf_init(&masked, 0, call->pool);
    cg_mask_result_t result =
        cg_redact_mask(call->rules, text, &call->findings, &call->actions,
                       call->pseudonyms, NULL, &masked);
    if (result.is_blocked) {
        call->blocked_by = cg_detector_name(result.blocked_by);
    }
    if (result.is_changed) {
        *out = (cg_str_t){masked.ptr, masked.len};
    }
    return true;
}

/* ---- documents --------------------------------------------------------- */

/* The string, or the member, that holds a spot: what its path names. */
static uint32_t holder_of(const cg_walk_t *walk, uint32_t at)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        const cg_node_t *here = &walk->nodes[node];
        bool is_text =
            here->kind == CG_NODE_STRING && at >= here->start && at < here->end;
        bool is_name = here->key_len > 0 && at >= here->key_start &&
                       at < here->key_start + here->key_len;
        if (is_text || is_name) {
            return node;
        }
    }
    return 0;
}

/* Code points before at in the decoded text that begins at from. */
static size_t points_between(const call_t *call, const cg_walk_t *walk,
                             uint32_t from, uint32_t at)
{
    cg_str_t raw = {walk->text + from, at - from};
    char *decoded = apr_palloc(call->pool, raw.len + 1);
    size_t len = cg_walk_unescape(raw, decoded, NULL);
    return code_points((cg_str_t){decoded, len});
}

static void put_spot(call_t *call, const cg_walk_t *walk,
                     const cg_finding_t *spot)
{
    uint32_t node = holder_of(walk, spot->start);
    const cg_node_t *at = &walk->nodes[node];
    bool is_name = spot->start < at->start;
    uint32_t from = is_name ? at->key_start : at->start;
    const char *path =
        cg_walk_pointer(walk, is_name ? at->parent : node, call->pool);
    put_entity(call, spot, points_between(call, walk, from, spot->start),
               points_between(call, walk, from, spot->end), path);
}

/* Masks a document as the gateway does; *out is what may leave. */
static bool scan_document(call_t *call, cg_str_t body, cg_str_t *out)
{
    cg_walk_t walk;
    cg_error_t err;
    if (cg_walk(body.ptr, body.len, &walk, &err, call->pool) != CG_WALK_OK) {
        fprintf(stderr, "chatgptctl scan: body: %s\n", err.text);
        return false;
    }
    cg_sift_t sift = {.rules = call->rules,
                      .actions = &call->actions,
                      .pseudonyms = call->pseudonyms,
                      .depth = CG_SCAN_DEEP,
                      .pool = call->pool};
    cg_review_t review;
    cg_opaque_t opaque = {{0}};
    sift.opaque = &opaque;
    sift.spots = apr_array_make(call->pool, 8, sizeof(cg_finding_t));
    cg_sift_open(&sift);
    cg_review_open(&review, &sift);
    if (cg_sift_document(&sift, &walk) != APR_SUCCESS ||
        cg_review_finish(&review, &sift, &walk) != APR_SUCCESS) {
        fputs("chatgptctl scan: the document cannot be inspected\n", stderr);
        return false;
    }
    for (int i = 0; i < sift.spots->nelts; i++) {
        put_spot(call, &walk, &APR_ARRAY_IDX(sift.spots, i, cg_finding_t));
    }
    if (sift.is_blocked) {
        call->blocked_by = cg_detector_name(sift.blocked_by);
    }
    *out = cg_sift_apply(&sift, body);
    return true;
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
    cg_str_t out;
    if (!scan_text(call, text, CG_SCAN_DEEP, &out)) {
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
    cg_stream_t *stream = cg_stream_open(call->rules, &call->actions,
                                         call->pseudonyms, call->pool);
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
    if (!scan_text(call, text, CG_SCAN_PLAIN, &unused)) {
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
    cg_str_t out;
    if (!scan_document(call, body, &out)) {
        return false;
    }
    put_head(call, line, id);
    put_tail(call, out, false);
    return true;
}

/* Messages are scanned as the body that they would stand in. */
static bool do_messages(call_t *call, const cg_walk_t *line, uint32_t id,
                        uint32_t node)
{
    static const char head[] = "{\"messages\":";
    cg_str_t raw = cg_walk_raw(line, node);
    cg_buf_t body;
    cg_str_t out;
    cg_buf_init(&body, raw.len + sizeof head + 1, call->pool);
    cg_buf_str(&body, head);
    cg_buf_add(&body, raw.ptr, raw.len);
    cg_buf_char(&body, '}');
    if (!scan_document(call, (cg_str_t){body.ptr, body.len}, &out)) {
        return false;
    }
    size_t cut = sizeof head - 1;
    put_head(call, line, id);
    put_tail(call, (cg_str_t){out.ptr + cut, out.len - cut - 1}, true);
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

static bool on_line(void *baton, const cg_line_t *line)
{
    call_t *call = baton;
    call->pseudonyms = cg_pseudonyms_open(call->keys, call->pool);
    cg_pseudonyms_note_typed(call->pseudonyms, line->text);
    bool is_good = do_line(call, line->text.ptr, line->text.len);
    apr_pool_clear(call->pool);
    return is_good;
}

/* ---- options ----------------------------------------------------------- */

static int complain(const char *what)
{
    fprintf(stderr, "chatgptctl scan: %s\n%s", what, usage);
    return CG_CTL_USAGE;
}

/* path NULL: a key for this run. */
static bool load_keys(call_t *call, const char *path, apr_pool_t *pool)
{
    unsigned char random[32];
    cg_pseudonym_keys_t *keys = NULL;
    cg_error_t err;
    if (path) {
        if (cg_pseudonym_keys_load(path, &keys, &err, pool) != APR_SUCCESS) {
            fprintf(stderr, "chatgptctl scan: %s\n", err.text);
            return false;
        }
    }
    else {
        cg_random(random, sizeof random);
        keys = cg_pseudonym_keys_make(
            (cg_str_t){(const char *)random, sizeof random}, &err, pool);
    }
    call->keys = keys;
    return true;
}

int cg_ctl_scan(int argc, char **argv)
{
    call_t call = {.rules = cg_rules_builtin()};
    apr_pool_t *pool;
    cg_rules_spec_t spec = {0};
    const char *action_name = NULL;
    cg_action_t action;
    const char *key_file = NULL;
    int i = 1;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&call.pool, pool);
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return CG_CTL_DONE;
        }
        if (i + 1 >= argc) {
            return complain("a value is missing");
        }
        if (strcmp(argv[i], "--rules") == 0) {
            if (!cg_ctl_add_rules("scan", argv[i + 1], &spec, pool)) {
                return CG_CTL_NO;
            }
        }
        else if (strcmp(argv[i], "--action") == 0) {
            if (!cg_action_parse(argv[i + 1], &action)) {
                return complain(
                    "--action: allow, log, partial, pseudonym, mask or block");
            }
            action_name = argv[i + 1];
        }
        else if (strcmp(argv[i], "--pseudonym-key") == 0) {
            key_file = argv[i + 1];
        }
        else {
            return complain("there is no such option");
        }
    }
    call.rules = cg_ctl_compile("scan", &spec, pool);
    if (!call.rules || !load_keys(&call, key_file, pool)) {
        return CG_CTL_NO;
    }
    cg_rules_pack_actions(call.rules, &call.actions);
    if (action_name) {
        cg_actions_all(&call.actions, action);
    }
    call.rules = cg_rules_look_for(call.rules, &call.actions, pool);
    bool is_good = cg_ctl_lines("scan", argc - i, argv + i, on_line, &call);
    apr_pool_destroy(pool);
    return is_good ? CG_CTL_DONE : CG_CTL_NO;
}
