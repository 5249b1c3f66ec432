/* chatgptctl policy replay: what would other rules have found in the records?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads exported records and looks through the prompt and the answer that each
 * keeps, once with the rules of today and once with those of a file. The kept
 * texts are masked: what stands there as [TYPE] was found on that day, and counts
 * where the rules still look for the type. The values themselves are gone, so a
 * replay can tell what new rules would find more, and what they let pass, but not
 * how they would judge a value that was masked then.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>

#include "base/walk.h"
#include "ctl/input.h"
#include "redact/mask.h"
#include "redact/pseudonym.h"
#include "redact/scan.h"

static const char usage[] =
    "usage: chatgptctl policy replay --rules FILE... [--today FILE]... "
    "[FILE]...\n"
    "reads exported records, JSON lines, and prints hits before and after for\n"
    "each record in which they differ, then all of them together; before are\n"
    "the rules of --today, else the built-in types\n";

typedef struct hits_t {
    unsigned by_type[CG_DETECTORS_MAX];
    bool is_blocked;
} hits_t;

/* Rules and what they do. */
typedef struct side_t {
    cg_rules_spec_t spec;
    const cg_rules_t *rules;
    cg_actions_t actions;
    hits_t all;
    unsigned refused; /* records */
} side_t;

typedef struct call_t {
    side_t sides[2]; /* before, after */
    unsigned records;
    unsigned scanned;
    unsigned changed;
    apr_pool_t *pool; /* cleared for each line */
    cg_findings_t findings;
} call_t;

/* ---- counting ---------------------------------------------------------- */

static void count(const side_t *side, int type, int rule, hits_t *hits)
{
    cg_action_t action =
        cg_rules_action(side->rules, &side->actions, type, rule);
    hits->by_type[type] += action != CG_ACTION_ALLOW;
    hits->is_blocked = hits->is_blocked || action == CG_ACTION_BLOCK;
}

/* The type of [TYPE], [CUSTOM:name] or [[TYPE_k7q2x]], p behind the first bracket;
 * -1: it is none. */
static int placeholder_type(const char *p, const char *end)
{
    char name[CG_PLACEHOLDER_MAX];
    bool is_token = p < end && *p == '[';
    p += is_token;
    const char *close = memchr(p, ']', (size_t)(end - p));
    size_t len = close ? (size_t)(close - p) : 0;
    if (len == 0 || len >= sizeof name) {
        return -1;
    }
    memcpy(name, p, len);
    name[len] = '\0';
    if (!is_token) {
        return cg_detector_find(name);
    }
    const char *code = strrchr(name, '_');
    return code ? cg_pseudonym_type((cg_str_t){name, (size_t)(code - name)})
                : -1;
}

/* What was masked on that day. */
static void count_placeholders(const side_t *side, cg_str_t text, hits_t *hits)
{
    const char *end = text.ptr + text.len;
    const char *p = memchr(text.ptr, '[', text.len);
    while (p) {
        int type = placeholder_type(p + 1, end);
        if (type >= 0) {
            count(side, type, -1, hits);
        }
        p += type >= 0 && p[1] == '[' ? 2 : 1;
        p = p < end ? memchr(p, '[', (size_t)(end - p)) : NULL;
    }
}

static bool look(call_t *call, const side_t *side, cg_str_t text, hits_t *hits)
{
    cg_findings_init(&call->findings, call->pool);
    if (cg_redact_scan(side->rules, text, CG_SCAN_DEEP, &call->findings) !=
        APR_SUCCESS) {
        return false;
    }
    for (size_t i = 0; i < call->findings.count; i++) {
        const cg_finding_t *finding = &call->findings.items[i];
        count(side, finding->type, finding->rule, hits);
    }
    count_placeholders(side, text, hits);
    return true;
}

/* ---- saying it --------------------------------------------------------- */

static void put_hits(const char *name, const hits_t *hits)
{
    const char *comma = "";
    printf("\"%s\":{", name);
    for (int t = 0; t < CG_TYPE_COUNT; t++) {
        if (hits->by_type[t]) {
            printf("%s\"%s\":%u", comma, cg_detector_name(t), hits->by_type[t]);
            comma = ",";
        }
    }
    putchar('}');
}

static void put_record(const cg_walk_t *record, const hits_t hits[2])
{
    uint32_t id = cg_walk_member(record, 0, "id");
    cg_str_t raw = CG_STR("");
    if (id != CG_NODE_NONE && record->nodes[id].kind == CG_NODE_STRING) {
        raw = cg_walk_raw(record, id);
    }
    printf("{\"id\":\"%.*s\",", (int)raw.len, raw.ptr);
    put_hits("before", &hits[0]);
    putchar(',');
    put_hits("after", &hits[1]);
    printf(",\"refused_before\":%s,\"refused_after\":%s}\n",
           hits[0].is_blocked ? "true" : "false",
           hits[1].is_blocked ? "true" : "false");
}

static void put_summary(const call_t *call)
{
    printf("{\"records\":%u,\"scanned\":%u,\"changed\":%u,", call->records,
           call->scanned, call->changed);
    put_hits("before", &call->sides[0].all);
    putchar(',');
    put_hits("after", &call->sides[1].all);
    printf(",\"refused_before\":%u,\"refused_after\":%u}\n",
           call->sides[0].refused, call->sides[1].refused);
}

/* ---- one record -------------------------------------------------------- */

static void add_up(side_t *side, const hits_t *hits)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        side->all.by_type[t] += hits->by_type[t];
    }
    side->refused += hits->is_blocked;
}

static bool replay(call_t *call, const cg_walk_t *record)
{
    static const char *const members[] = {"prompt", "answer"};
    hits_t hits[2] = {{{0}, false}, {{0}, false}};
    bool has_text = false;
    for (int m = 0; m < 2; m++) {
        uint32_t node = cg_walk_member(record, 0, members[m]);
        if (node == CG_NODE_NONE ||
            record->nodes[node].kind != CG_NODE_STRING) {
            continue;
        }
        cg_str_t text = cg_walk_string(record, node, call->pool);
        has_text = true;
        if (!look(call, &call->sides[0], text, &hits[0]) ||
            !look(call, &call->sides[1], text, &hits[1])) {
            return false;
        }
    }
    call->scanned += has_text;
    for (int i = 0; i < 2; i++) {
        add_up(&call->sides[i], &hits[i]);
    }
    if (memcmp(&hits[0], &hits[1], sizeof hits[0]) != 0) {
        call->changed++;
        put_record(record, hits);
    }
    return true;
}

static bool on_line(void *baton, const cg_line_t *line)
{
    call_t *call = baton;
    cg_walk_t record;
    cg_error_t err;
    apr_pool_clear(call->pool);
    if (cg_walk(line->text.ptr, line->text.len, &record, &err, call->pool) !=
            CG_WALK_OK ||
        record.nodes[0].kind != CG_NODE_OBJECT) {
        fprintf(stderr, "chatgptctl policy: %s:%d: this is no record\n",
                line->file, line->number);
        return false;
    }
    call->records++;
    if (!replay(call, &record)) {
        fprintf(stderr, "chatgptctl policy: %s:%d: it could not be scanned\n",
                line->file, line->number);
        return false;
    }
    return true;
}

/* ---- options ----------------------------------------------------------- */

static int complain(const char *what)
{
    fprintf(stderr, "chatgptctl policy: %s\n%s", what, usage);
    return CG_CTL_USAGE;
}

static bool make_ready(side_t *side, apr_pool_t *pool)
{
    side->rules = cg_ctl_compile("policy", &side->spec, pool);
    if (!side->rules) {
        return false;
    }
    cg_rules_pack_actions(side->rules, &side->actions);
    side->rules = cg_rules_look_for(side->rules, &side->actions, pool);
    return true;
}

static int run(call_t *call, int argc, char **argv, apr_pool_t *pool)
{
    int i = 2;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        bool is_after = strcmp(argv[i], "--rules") == 0;
        if (!is_after && strcmp(argv[i], "--today") != 0) {
            return complain("there is no such option");
        }
        if (i + 1 >= argc) {
            return complain("a value is missing");
        }
        if (!cg_ctl_add_rules("policy", argv[i + 1],
                              &call->sides[is_after].spec, pool)) {
            return CG_CTL_NO;
        }
    }
    if (call->sides[1].spec.pack_count == 0) {
        return complain("--rules FILE is missing");
    }
    if (!make_ready(&call->sides[0], pool) ||
        !make_ready(&call->sides[1], pool)) {
        return CG_CTL_NO;
    }
    bool is_good = cg_ctl_lines("policy", argc - i, argv + i, on_line, call);
    put_summary(call);
    return is_good ? CG_CTL_DONE : CG_CTL_NO;
}

int cg_ctl_policy(int argc, char **argv)
{
    apr_pool_t *pool;
    if (argc > 1 && strcmp(argv[argc - 1], "--help") == 0) {
        fputs(usage, stdout);
        return CG_CTL_DONE;
    }
    if (argc < 2 || strcmp(argv[1], "replay") != 0) {
        return complain("replay is what there is");
    }
    apr_pool_create(&pool, NULL);
    call_t *call = apr_pcalloc(pool, sizeof *call);
    apr_pool_create(&call->pool, pool);
    int status = run(call, argc, argv, pool);
    apr_pool_destroy(pool);
    return status;
}
