/* chatgptctl tokens: how many tokens is a text, or a whole request?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same count as the gateway's. A line is a text or the body of a request; what
 * JSON can say and a body may not (a NUL, half of a surrogate pair) is counted as
 * tiktoken counts it.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "chat/tokens.h"
#include "ctl/input.h"
#include "token/count.h"

#define INSTALLED "/usr/share/mod_chatgpt/tokens"

static const char USAGE[] =
    "usage: chatgptctl tokens [--encoding NAME] [--model NAME] [--ids] "
    "[FILE]...\n"
    "\n"
    "Reads lines {\"id\":…,\"text\":…} or {\"id\":…,\"body\":\"…\"}, writes "
    "{\"id\":…,\"count\":…}.\n"
    "\n"
    "  --encoding NAME    o200k_base (also o200k_harmony) or cl100k_base; else "
    "that\n"
    "                     of the model\n"
    "  --model NAME       for bodies that name none; else of the encoding\n"
    "  --endpoint NAME    of bodies: chat, completions, responses, embeddings; "
    "else\n"
    "                     by what they hold\n"
    "  --ids              the tokens of texts as well\n"
    "  --vocabularies DIR where the vocabularies are; else CHATGPT_TOKENS, "
    "the\n"
    "                     folder tokens beside this program, " INSTALLED "\n";

typedef struct options_t {
    cg_encoding_t encoding;
    const char *model;
    cg_endpoint_t endpoint; /* CG_ENDPOINT_NONE: by what the body holds */
    bool with_ids;
    const char *folder;
} options_t;

typedef struct run_t {
    options_t options;
    cg_vocabularies_t vocabularies;
    apr_pool_t *pool; /* cleared for each line */
} run_t;

/* ---- lines that the walker refuses ------------------------------------ */

/* The number of a \u escape at p, or -1. */
static int unit_at(const char *p, const char *end)
{
    int unit = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        char low = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] | 0x20) : p[i];
        const char *at = low == '\0' ? NULL : strchr(digits, low);
        if (!at) {
            return -1;
        }
        unit = unit << 4 | (int)(at - digits);
    }
    return unit;
}

static bool is_high(int unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(int unit)
{
    return unit >= 0xDC00 && unit < 0xE000;
}

/* Half a pair becomes U+FFFD, and a NUL a character that the line does not hold:
 * nul, as an escape. */
static cg_str_t tame(cg_str_t line, const char *nul, apr_pool_t *pool)
{
    cg_buf_t out;
    const char *p = line.ptr;
    const char *end = p + line.len;
    cg_buf_init(&out, line.len + 16, pool);
    while (p < end) {
        int unit = unit_at(p, end);
        if (unit == 0) {
            cg_buf_str(&out, nul);
            p += 6;
        }
        else if (is_high(unit) && is_low(unit_at(p + 6, end))) {
            cg_buf_add(&out, p, 12);
            p += 12;
        }
        else if (is_high(unit) || is_low(unit)) {
            cg_buf_str(&out, "\\ufffd");
            p += 6;
        }
        else {
            size_t len = *p == '\\' && unit < 0 && end - p >= 2 ? 2 : 1;
            cg_buf_add(&out, p, unit >= 0 ? 6 : len);
            p += unit >= 0 ? 6 : len;
        }
    }
    return (cg_str_t){out.ptr, out.len};
}

#define STAND_INS 16

/* A private character that stands for NUL, and that the line has not. */
static uint32_t stand_in(cg_str_t line)
{
    char utf8[5];
    char escape[8];
    for (uint32_t cp = 0xE000; cp < 0xE000 + STAND_INS; cp++) {
        utf8[cg_utf8_encode(cp, utf8)] = '\0';
        apr_snprintf(escape, sizeof escape, "\\u%04x", cp);
        if (memmem(line.ptr, line.len, utf8, 3) == NULL &&
            memmem(line.ptr, line.len, escape, 6) == NULL) {
            return cp;
        }
    }
    return 0xE000;
}

static cg_str_t put_nuls(cg_str_t text, uint32_t cp, apr_pool_t *pool)
{
    char utf8[4];
    cg_utf8_encode(cp, utf8);
    cg_buf_t out;
    cg_buf_init(&out, text.len, pool);
    for (size_t at = 0; at < text.len;) {
        if (text.len - at >= 3 && memcmp(text.ptr + at, utf8, 3) == 0) {
            cg_buf_char(&out, '\0');
            at += 3;
            continue;
        }
        cg_buf_char(&out, text.ptr[at++]);
    }
    return (cg_str_t){out.ptr, out.len};
}

/* ---- counting --------------------------------------------------------- */

static const cg_vocabulary_t *vocabulary_of(const run_t *run, cg_str_t model)
{
    bool is_known;
    return run->options.encoding != CG_ENCODING_NONE
               ? run->vocabularies.of[run->options.encoding]
               : cg_chat_vocabulary(&run->vocabularies, model, &is_known);
}

static void write_text(const run_t *run, cg_str_t text, cg_buf_t *out)
{
    const cg_vocabulary_t *vocabulary =
        vocabulary_of(run, cg_str(run->options.model));
    if (!run->options.with_ids) {
        cg_buf_int(out, cg_token_count(vocabulary, text));
        return;
    }
    uint32_t *ids = apr_palloc(run->pool, (text.len + 1) * sizeof *ids);
    size_t count = cg_token_encode(vocabulary, text, ids);
    cg_buf_int(out, (int64_t)count);
    cg_buf_str(out, ",\"ids\":[");
    for (size_t i = 0; i < count; i++) {
        cg_buf_str(out, i > 0 ? "," : "");
        cg_buf_int(out, (int64_t)ids[i]);
    }
    cg_buf_char(out, ']');
}

static cg_endpoint_t endpoint_of(const run_t *run, const cg_walk_t *walk)
{
    if (run->options.endpoint != CG_ENDPOINT_NONE) {
        return run->options.endpoint;
    }
    if (cg_walk_member(walk, 0, "prompt") != CG_NODE_NONE) {
        return CG_ENDPOINT_COMPLETIONS;
    }
    return cg_walk_member(walk, 0, "messages") != CG_NODE_NONE ||
                   cg_walk_member(walk, 0, "input") == CG_NODE_NONE
               ? CG_ENDPOINT_CHAT
               : CG_ENDPOINT_RESPONSES;
}

/* A model that is known to read with the encoding. */
static const char *usual_model(const run_t *run)
{
    if (run->options.model) {
        return run->options.model;
    }
    return run->options.encoding == CG_ENCODING_CL100K ? "gpt-4" : "gpt-4o";
}

static cg_str_t with_model(const run_t *run, const cg_walk_t *walk,
                           cg_str_t body)
{
    bool has_model = cg_walk_member(walk, 0, "model") != CG_NODE_NONE;
    if (has_model || walk->nodes[0].kind != CG_NODE_OBJECT) {
        return body;
    }
    cg_buf_t out;
    cg_buf_init(&out, body.len + 300, run->pool);
    cg_buf_str(&out, "{\"model\":");
    cg_buf_json_string(&out, usual_model(run), strlen(usual_model(run)));
    bool is_empty = walk->nodes[0].child == CG_NODE_NONE;
    cg_buf_str(&out, is_empty ? "" : ",");
    uint32_t start = walk->nodes[0].start + 1;
    cg_buf_add(&out, body.ptr + start, body.len - start);
    return (cg_str_t){out.ptr, out.len};
}

static bool write_body(const run_t *run, cg_str_t body, cg_buf_t *out,
                       cg_error_t *err)
{
    cg_walk_t walk;
    cg_request_t request;
    const char *param = NULL;
    if (cg_walk(body.ptr, body.len, &walk, err, run->pool) != CG_WALK_OK) {
        return false;
    }
    body = with_model(run, &walk, body);
    if (cg_chat_request_read(endpoint_of(run, &walk), body, &request, &param,
                             err, run->pool) != CG_REQUEST_OK) {
        return false;
    }
    cg_vocabularies_t chosen = run->vocabularies;
    if (run->options.encoding != CG_ENCODING_NONE) {
        for (int i = 0; i < CG_ENCODING_COUNT; i++) {
            chosen.of[i] = run->vocabularies.of[run->options.encoding];
        }
    }
    bool is_exact;
    cg_buf_int(out, cg_chat_tokens_of_request(&request, &chosen, &is_exact,
                                              run->pool));
    cg_buf_str(out, is_exact ? "" : ",\"estimate\":true");
    return true;
}

static bool fault(const cg_line_t *line, const char *words)
{
    fprintf(stderr, "%s:%d: %s\n", line->file, line->number, words);
    return false;
}

static bool write_count(const run_t *run, const cg_walk_t *walk, uint32_t nul,
                        cg_buf_t *out, cg_error_t *err)
{
    uint32_t text = cg_walk_member(walk, 0, "text");
    uint32_t body = cg_walk_member(walk, 0, "body");
    uint32_t node = text != CG_NODE_NONE ? text : body;
    if (node == CG_NODE_NONE || walk->nodes[node].kind != CG_NODE_STRING) {
        cg_error_set(err, "neither \"text\" nor \"body\" is a string");
        return false;
    }
    cg_str_t value = cg_walk_string(walk, node, run->pool);
    if (nul != 0) {
        value = put_nuls(value, nul, run->pool);
    }
    if (node == body) {
        return write_body(run, value, out, err);
    }
    write_text(run, value, out);
    return true;
}

static bool on_line(void *baton, const cg_line_t *line)
{
    run_t *run = baton;
    apr_pool_clear(run->pool);
    cg_error_t err = {""};
    cg_walk_t walk;
    uint32_t nul = 0;
    cg_str_t text = cg_token_repair(line->text, run->pool);
    cg_walk_status_t status =
        cg_walk(text.ptr, text.len, &walk, &err, run->pool);
    if (status == CG_WALK_ENCODING) {
        nul = stand_in(text);
        text = tame(text, apr_psprintf(run->pool, "\\u%04x", nul), run->pool);
        status = cg_walk(text.ptr, text.len, &walk, &err, run->pool);
    }
    if (status != CG_WALK_OK || walk.nodes[0].kind != CG_NODE_OBJECT) {
        return fault(line, status != CG_WALK_OK ? err.text : "is no object");
    }
    cg_buf_t out;
    cg_buf_init(&out, 256, run->pool);
    uint32_t id = cg_walk_member(&walk, 0, "id");
    bool is_text = id != CG_NODE_NONE && walk.nodes[id].kind == CG_NODE_STRING;
    cg_str_t raw = id == CG_NODE_NONE ? CG_STR("null") : cg_walk_raw(&walk, id);
    cg_buf_str(&out, is_text ? "{\"id\":\"" : "{\"id\":");
    cg_buf_add(&out, raw.ptr, raw.len);
    cg_buf_str(&out, is_text ? "\",\"count\":" : ",\"count\":");
    if (!write_count(run, &walk, nul, &out, &err)) {
        return fault(line, err.text);
    }
    printf("%s}\n", cg_buf_cstr(&out));
    return true;
}

/* ---- the vocabularies ------------------------------------------------- */

static const char *beside_program(apr_pool_t *pool)
{
    char path[1024];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0) {
        return NULL;
    }
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash) {
        return NULL;
    }
    *slash = '\0';
    return apr_pstrcat(pool, path, "/tokens", NULL);
}

static bool open_in(const char *folder, cg_vocabularies_t *out, cg_error_t *err,
                    apr_pool_t *pool)
{
    for (int i = 0; i < CG_ENCODING_COUNT; i++) {
        if (cg_vocabulary_open(folder, (cg_encoding_t)i, &out->of[i], err,
                               pool) != APR_SUCCESS) {
            return false;
        }
        if (!cg_vocabulary_is_sound(out->of[i])) {
            cg_error_set(err, "the vocabulary %s in %s is damaged",
                         cg_encodings[i].name, folder);
            return false;
        }
    }
    return true;
}

static bool open_all(const options_t *options, cg_vocabularies_t *out,
                     apr_pool_t *pool)
{
    cg_error_t err = {""};
    const char *named =
        options->folder ? options->folder : getenv("CHATGPT_TOKENS");
    const char *beside = named ? named : beside_program(pool);
    if (beside && open_in(beside, out, &err, pool)) {
        return true;
    }
    if (!named && open_in(INSTALLED, out, &err, pool)) {
        return true;
    }
    fprintf(stderr, "chatgptctl tokens: %s\n", err.text);
    return false;
}

/* ---- the command ------------------------------------------------------ */

static int misuse(const char *words)
{
    fprintf(stderr, "chatgptctl tokens: %s\n\n%s", words, USAGE);
    return CG_CTL_USAGE;
}

static cg_endpoint_t endpoint_named(const char *name)
{
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        if (cg_endpoints[i].has_body && !cg_endpoints[i].is_upload &&
            strcmp(cg_endpoints[i].name, name) == 0) {
            return (cg_endpoint_t)i;
        }
    }
    return CG_ENDPOINT_NONE;
}

/* One option with its value; false: the words say why not. */
static bool read_option(options_t *options, const char *name, const char *value,
                        const char **out_words)
{
    if (strcmp(name, "--encoding") == 0) {
        options->encoding = cg_encoding_find(cg_str(value));
        *out_words = "--encoding: o200k_base, o200k_harmony or cl100k_base";
        return options->encoding != CG_ENCODING_NONE;
    }
    if (strcmp(name, "--endpoint") == 0) {
        options->endpoint = endpoint_named(value);
        *out_words = "--endpoint: chat, completions, responses, embeddings";
        return options->endpoint != CG_ENDPOINT_NONE;
    }
    if (strcmp(name, "--model") == 0) {
        options->model = value;
        *out_words = "--model: the name of a model";
        return cg_chat_model_is_sound(cg_str(value));
    }
    if (strcmp(name, "--vocabularies") == 0) {
        options->folder = value;
        return true;
    }
    *out_words = "there is no such option";
    return false;
}

int cg_ctl_tokens(int argc, char **argv)
{
    run_t run = {.options = {.encoding = CG_ENCODING_NONE,
                             .endpoint = CG_ENDPOINT_NONE}};
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        const char *words = "the value is missing";
        if (strcmp(argv[at], "--help") == 0) {
            fputs(USAGE, stdout);
            return EXIT_SUCCESS;
        }
        if (strcmp(argv[at], "--ids") == 0) {
            run.options.with_ids = true;
            continue;
        }
        if (at + 1 == argc ||
            !read_option(&run.options, argv[at], argv[at + 1], &words)) {
            return misuse(words);
        }
        at++;
    }
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    apr_pool_create(&run.pool, pool);
    bool is_good = open_all(&run.options, &run.vocabularies, pool) &&
                   cg_ctl_lines("tokens", argc - at, argv + at, on_line, &run);
    apr_pool_destroy(pool);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
