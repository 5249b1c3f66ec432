/* A detector outside: a service that finds names and addresses in texts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/external.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fetch.h"
#include "base/walk.h"

#define WAIT_DEFAULT apr_time_from_msec(300)
#define WAIT_MAX apr_time_from_sec(30)
#define FINDINGS_MAX 10000 /* in one answer */
#define SCORE_CHARS 31

/* ---- the directive ----------------------------------------------------- */

static bool complain(cg_error_t *err, const char *word)
{
    cg_error_set(err,
                 "ChatGPTDetector: \"%s\" is not legal; legal: off, or "
                 "http://host[:port]/path, https://…, unix:/socket[:/path], "
                 "then timeout=DURATION (1ms to 30s), fail=closed|open",
                 word);
    return false;
}

static bool read_url(const char *word, cg_external_spec_t *out,
                     apr_pool_t *pool)
{
    cg_str_t url = cg_str(word);
    if (cg_str_has_prefix(url, "http://") ||
        cg_str_has_prefix(url, "https://")) {
        out->url = word;
        return strcspn(word, " \"<>\\^`{|}") == url.len &&
               strstr(word, "://")[3] != 0;
    }
    if (!cg_str_has_prefix(url, "unix:/")) {
        return false;
    }
    const char *path = word + strlen("unix:");
    const char *colon = strchr(path, ':');
    out->socket =
        colon ? apr_pstrndup(pool, path, (size_t)(colon - path)) : path;
    out->url =
        apr_pstrcat(pool, "http://localhost", colon ? colon + 1 : "/", NULL);
    return !colon || colon[1] == '/';
}

static bool read_option(const char *word, cg_external_spec_t *out)
{
    cg_str_t option = cg_str(word);
    if (cg_str_is(option, "fail=open") || cg_str_is(option, "fail=closed")) {
        out->is_open = cg_str_is(option, "fail=open");
        return true;
    }
    static const char timeout[] = "timeout=";
    int64_t micros;
    if (!cg_str_has_prefix(option, timeout) ||
        !cg_parse_duration(cg_str(word + sizeof timeout - 1), &micros)) {
        return false;
    }
    out->wait = micros;
    return micros >= apr_time_from_msec(1) && micros <= WAIT_MAX;
}

bool cg_external_read(const apr_array_header_t *words, cg_external_spec_t *out,
                      cg_error_t *err, apr_pool_t *pool)
{
    *out = (cg_external_spec_t){.wait = WAIT_DEFAULT};
    if (!words || words->nelts == 0) {
        return true;
    }
    const char *first = APR_ARRAY_IDX(words, 0, const char *);
    if (words->nelts == 1 && cg_str_is_nocase(cg_str(first), "off")) {
        return true;
    }
    if (!read_url(first, out, pool)) {
        return complain(err, first);
    }
    for (int i = 1; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        if (!read_option(word, out)) {
            return complain(err, word);
        }
    }
    return true;
}

/* ---- texts -------------------------------------------------------------- */

typedef struct asked_t {
    uint64_t key[2];
    cg_str_t text;
    cg_findings_t found; /* until the call is over in code points */
    bool is_answered;
} asked_t;

typedef struct known_t {
    uint64_t key[2];
    cg_findings_t found;
} known_t;

struct cg_external_t {
    cg_external_spec_t spec;
    cg_breaker_t *breaker; /* NULL: none */
    uint64_t id;
    const char *request_id;
    apr_pool_t *pool;
    uint64_t secret[2];
    apr_hash_t *asked;           /* of asked_t by key */
    apr_hash_t *known;           /* of known_t by key */
    apr_array_header_t *waiting; /* of asked_t *, in order */
    size_t bytes;
};

cg_external_t *cg_external_open(const cg_external_spec_t *spec,
                                cg_breaker_t *breakers, const char *request_id,
                                apr_pool_t *pool)
{
    static const char none[] = "";
    cg_external_t *external = apr_pcalloc(pool, sizeof *external);
    const char *socket = spec->socket ? spec->socket : none;
    external->spec = *spec;
    external->id = cg_hash64(cg_hash64(1, spec->url, strlen(spec->url)), socket,
                             strlen(socket)) |
                   1;
    external->breaker =
        breakers ? &breakers[(external->id >> 8) % CG_EXTERNAL_BREAKERS] : NULL;
    external->request_id = request_id;
    external->pool = pool;
    cg_random_id(external->secret, sizeof external->secret);
    external->asked = apr_hash_make(pool);
    external->known = apr_hash_make(pool);
    external->waiting = apr_array_make(pool, 16, sizeof(asked_t *));
    return external;
}

uint64_t cg_external_id(const cg_external_t *external)
{
    return external->id;
}

static void key_of(const cg_external_t *external, cg_str_t name, cg_str_t text,
                   uint64_t out[2])
{
    cg_siphash(external->secret, name.ptr, name.len, out);
    cg_siphash(out, text.ptr, text.len, out);
}

static const void *find(apr_hash_t *in, const uint64_t key[2])
{
    return apr_hash_get(in, key, 2 * sizeof *key);
}

void cg_external_know(cg_external_t *external, cg_str_t name, cg_str_t text,
                      const cg_findings_t *findings)
{
    known_t *known = apr_pcalloc(external->pool, sizeof *known);
    key_of(external, name, text, known->key);
    known->found.count = findings->count;
    known->found.items =
        findings->count ? apr_pmemdup(external->pool, findings->items,
                                      findings->count * sizeof(cg_finding_t))
                        : NULL;
    apr_hash_set(external->known, known->key, sizeof known->key, known);
}

/* A name has letters. */
static bool has_words(cg_str_t text)
{
    int letters = 0;
    for (size_t i = 0; i < text.len && letters < 2; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        letters += c >= 0x80 || (c | 0x20) >= 'a';
    }
    return letters >= 2;
}

void cg_external_want(cg_external_t *external, cg_str_t name, cg_str_t text)
{
    uint64_t key[2];
    key_of(external, name, text, key);
    if (find(external->asked, key)) {
        return;
    }
    asked_t *asked = apr_pcalloc(external->pool, sizeof *asked);
    memcpy(asked->key, key, sizeof key);
    asked->text = text;
    asked->is_answered = !has_words(text);
    cg_findings_init(&asked->found, external->pool);
    apr_hash_set(external->asked, asked->key, sizeof asked->key, asked);
    if (!asked->is_answered) {
        APR_ARRAY_PUSH(external->waiting, asked_t *) = asked;
        external->bytes += text.len;
    }
}

const cg_findings_t *cg_external_known(const cg_external_t *external,
                                       cg_str_t name, cg_str_t text)
{
    uint64_t key[2];
    key_of(external, name, text, key);
    const known_t *known = find(external->known, key);
    return known ? &known->found : NULL;
}

const cg_findings_t *cg_external_found(const cg_external_t *external,
                                       cg_str_t name, cg_str_t text)
{
    uint64_t key[2];
    key_of(external, name, text, key);
    const asked_t *asked = find(external->asked, key);
    return asked && asked->is_answered ? &asked->found : NULL;
}

/* ---- one call ------------------------------------------------------------ */

static asked_t *waiting_at(const cg_external_t *external, int i)
{
    return APR_ARRAY_IDX(external->waiting, i, asked_t *);
}

/* Writes the texts from first on that fit; returns how many. */
static int write_call(const cg_external_t *external, int first, cg_buf_t *out)
{
    int count = 0;
    cg_buf_str(out, "{\"version\":1,\"request_id\":");
    cg_buf_json_string(out, external->request_id, strlen(external->request_id));
    cg_buf_str(out, ",\"texts\":[");
    for (int i = first; i < external->waiting->nelts; i++) {
        const asked_t *asked = waiting_at(external, i);
        if (count > 0 && out->len + asked->text.len > CG_EXTERNAL_POST_MAX) {
            break;
        }
        cg_buf_fmt(out, "%s{\"id\":\"%d\",\"text\":", count ? "," : "", count);
        cg_buf_json_string(out, asked->text.ptr, asked->text.len);
        cg_buf_char(out, '}');
        count++;
    }
    cg_buf_str(out, "]}");
    return count;
}

static bool is_odd(cg_error_t *err, const char *what)
{
    cg_error_set(err, "ChatGPTDetector: the answer is not as agreed: %s", what);
    return false;
}

static bool read_score(const cg_walk_t *walk, uint32_t node, uint8_t *out)
{
    char digits[SCORE_CHARS + 1];
    *out = CG_SCORE_MEDIUM;
    if (node == CG_NODE_NONE) {
        return true;
    }
    cg_str_t raw = cg_walk_raw(walk, node);
    if (walk->nodes[node].kind != CG_NODE_NUMBER || raw.len > SCORE_CHARS) {
        return false;
    }
    memcpy(digits, raw.ptr, raw.len);
    digits[raw.len] = 0;
    double score = strtod(digits, NULL);
    *out = (uint8_t)(score * 100 + 0.5);
    return score >= 0 && score <= 1;
}

static bool read_place(const cg_walk_t *walk, uint32_t object, const char *name,
                       uint32_t *out)
{
    int64_t number = -1;
    uint32_t node = cg_walk_member(walk, object, name);
    if (node == CG_NODE_NONE || !cg_walk_int(walk, node, &number) ||
        number < 0 || number > (int64_t)CG_EXTERNAL_BYTES_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static asked_t *read_id(const cg_external_t *external, const cg_walk_t *walk,
                        uint32_t object, int first, int count)
{
    int64_t number;
    uint32_t node = cg_walk_member(walk, object, "id");
    if (node == CG_NODE_NONE || walk->nodes[node].kind != CG_NODE_STRING ||
        !cg_parse_count(cg_walk_raw(walk, node), &number) || number >= count) {
        return NULL;
    }
    return waiting_at(external, first + (int)number);
}

static int read_type(const cg_walk_t *walk, uint32_t object, apr_pool_t *pool)
{
    uint32_t node = cg_walk_member(walk, object, "type");
    if (node == CG_NODE_NONE || walk->nodes[node].kind != CG_NODE_STRING) {
        return -1;
    }
    int type =
        cg_detector_find(cg_str_dup(cg_walk_string(walk, node, pool), pool));
    bool is_ours = type == CG_TYPE_KEYWORD || type == CG_TYPE_CUSTOM;
    return is_ours ? -1 : type; /* these are an administrator's */
}

static void push(asked_t *to, const cg_finding_t *finding)
{
    cg_findings_t *found = &to->found;
    if (found->count == found->cap) {
        size_t cap = found->cap ? found->cap * 2 : 8;
        cg_finding_t *items = apr_palloc(found->pool, cap * sizeof *items);
        if (found->count) {
            memcpy(items, found->items, found->count * sizeof *items);
        }
        found->items = items;
        found->cap = cap;
    }
    found->items[found->count++] = *finding;
}

static bool read_finding(const cg_external_t *external, const cg_walk_t *walk,
                         uint32_t node, int first, int count, cg_error_t *err)
{
    cg_finding_t finding = {.rule = -1};
    if (walk->nodes[node].kind != CG_NODE_OBJECT) {
        return is_odd(err, "a finding is no object");
    }
    asked_t *asked = read_id(external, walk, node, first, count);
    if (!asked) {
        return is_odd(err, "a finding has the id of no text");
    }
    int type = read_type(walk, node, external->pool);
    if (type < 0) {
        return is_odd(err, "a finding's type is not known");
    }
    finding.type = (uint8_t)type;
    if (!read_place(walk, node, "start", &finding.start) ||
        !read_place(walk, node, "end", &finding.end) ||
        finding.start >= finding.end) {
        return is_odd(err, "a finding has no place");
    }
    if (!read_score(walk, cg_walk_member(walk, node, "score"),
                    &finding.score)) {
        return is_odd(err, "a score is not from 0 to 1");
    }
    if (finding.score >= CG_SCORE_FOUND) {
        push(asked, &finding);
    }
    return true;
}

static int by_place(const void *a, const void *b)
{
    const cg_finding_t *left = a;
    const cg_finding_t *right = b;
    if (left->start != right->start) {
        return left->start < right->start ? -1 : 1;
    }
    return (left->end < right->end) - (left->end > right->end);
}

/* Brings the places from code points to bytes, in order and apart from each other.
 * False: one of them lies behind the text's end. */
static bool settle(asked_t *asked)
{
    cg_findings_t *found = &asked->found;
    const char *text = asked->text.ptr;
    const char *end = text + asked->text.len;
    const char *at = text;
    uint32_t points = 0;
    uint32_t after = 0;
    size_t kept = 0;
    if (found->count > 1) {
        qsort(found->items, found->count, sizeof *found->items, by_place);
    }
    for (size_t i = 0; i < found->count; i++) {
        cg_finding_t finding = found->items[i];
        finding.start = finding.start > after ? finding.start : after;
        if (finding.start >= finding.end) {
            continue; /* inside the one before */
        }
        after = finding.end;
        uint32_t byte[2];
        uint32_t place[2] = {finding.start, finding.end};
        for (int k = 0; k < 2; k++) {
            while (points < place[k] && at < end) {
                uint32_t cp;
                int len = cg_utf8_decode(at, end, &cp);
                at += len > 0 ? len : 1;
                points++;
            }
            if (points < place[k]) {
                return false;
            }
            byte[k] = (uint32_t)(at - text);
        }
        finding.start = byte[0];
        finding.end = byte[1];
        found->items[kept++] = finding;
    }
    found->count = kept;
    return true;
}

static bool read_answer(const cg_external_t *external, cg_str_t body, int first,
                        int count, cg_error_t *err)
{
    cg_walk_t walk;
    if (cg_walk(body.ptr, body.len, &walk, NULL, external->pool) !=
            CG_WALK_OK ||
        walk.nodes[0].kind != CG_NODE_OBJECT) {
        return is_odd(err, "no JSON object");
    }
    uint32_t list = cg_walk_member(&walk, 0, "findings");
    if (list == CG_NODE_NONE || walk.nodes[list].kind != CG_NODE_ARRAY ||
        walk.nodes[list].length > FINDINGS_MAX) {
        return is_odd(err, "no list of findings, or too many");
    }
    uint32_t nodes = 0;
    for (uint32_t at = walk.nodes[list].child; at != CG_NODE_NONE;
         at = walk.nodes[at].next) {
        nodes++;
        if (!read_finding(external, &walk, at, first, count, err)) {
            return false;
        }
    }
    if (nodes != walk.nodes[list].length) {
        return is_odd(err, "a finding is no object");
    }
    for (int i = 0; i < count; i++) {
        asked_t *asked = waiting_at(external, first + i);
        if (!settle(asked)) {
            return is_odd(err, "a finding lies behind the end of its text");
        }
        asked->is_answered = true;
    }
    return true;
}

static cg_external_status_t call(cg_external_t *external, int first,
                                 int *out_count, cg_error_t *err)
{
    cg_buf_t body;
    cg_fetched_t answer;
    apr_array_header_t *headers =
        apr_array_make(external->pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(headers, const char *) = "Content-Type: application/json";
    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";
    cg_buf_init(&body, 4096, external->pool);
    *out_count = write_call(external, first, &body);
    cg_fetch_t fetch = {.url = external->spec.url,
                        .socket = external->spec.socket,
                        .headers = headers,
                        .body = {body.ptr, body.len},
                        .connect_for = external->spec.wait,
                        .total_for = external->spec.wait,
                        .is_kept = true};
    cg_error_t why;
    apr_status_t rv = cg_fetch(&fetch, &answer, &why, external->pool);
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "ChatGPTDetector: %s", why.text);
        return APR_STATUS_IS_TIMEUP(rv) ? CG_EXTERNAL_TIMEOUT
                                        : CG_EXTERNAL_ERROR;
    }
    if (answer.status != 200) {
        cg_error_set(err, "ChatGPTDetector: it answered with status %d",
                     answer.status);
        return CG_EXTERNAL_ERROR;
    }
    return read_answer(external, answer.body, first, *out_count, err)
               ? CG_EXTERNAL_OK
               : CG_EXTERNAL_ERROR;
}

static cg_external_status_t ask(cg_external_t *external, int first,
                                int *out_count, cg_error_t *err)
{
    cg_breaker_t *breaker = external->breaker;
    if (breaker && !cg_breaker_may_try(breaker, cg_clock_monotonic())) {
        cg_error_set(err, "ChatGPTDetector: it failed just now and is not "
                          "asked for a moment");
        return CG_EXTERNAL_SKIPPED;
    }
    cg_external_status_t status = call(external, first, out_count, err);
    if (breaker && status == CG_EXTERNAL_OK) {
        cg_breaker_succeeded(breaker);
    }
    else if (breaker) {
        cg_breaker_failed(breaker, cg_clock_monotonic());
    }
    return status;
}

cg_external_status_t cg_external_ask(cg_external_t *external, int *out_asked,
                                     cg_error_t *err)
{
    *out_asked = 0;
    if (external->bytes > CG_EXTERNAL_BYTES_MAX) {
        cg_error_set(err,
                     "ChatGPTDetector: the request holds more than %zu bytes "
                     "of text to ask about",
                     CG_EXTERNAL_BYTES_MAX);
        return CG_EXTERNAL_ERROR;
    }
    cg_external_status_t status = CG_EXTERNAL_OK;
    int first = 0;
    while (first < external->waiting->nelts && status == CG_EXTERNAL_OK) {
        int count = 0;
        status = ask(external, first, &count, err);
        *out_asked += status != CG_EXTERNAL_SKIPPED;
        first += count;
    }
    return status;
}
