/* Reading a rule file, line by line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "redact/rules.h"

#define FILE_BYTES_MAX ((apr_off_t)64 << 20)

typedef struct reader_t {
    const char *path;
    int line;
    apr_array_header_t *lists;   /* cg_word_list_t */
    apr_array_header_t *words;   /* cg_str_t, of the open list */
    apr_array_header_t *regexes; /* cg_regex_t */
    apr_array_header_t *allowed; /* cg_str_t */
    cg_actions_t *actions;
    cg_error_t *err;
    apr_pool_t *pool;
} reader_t;

static apr_status_t read_all(const char *path, cg_str_t *out, cg_error_t *err,
                             apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    char reason[120];
    apr_status_t status =
        apr_file_open(&file, path, APR_READ | APR_BINARY, 0, pool);
    if (status == APR_SUCCESS) {
        status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
        if (status == APR_SUCCESS && info.size > FILE_BYTES_MAX) {
            status = APR_ENOSPC;
        }
        if (status == APR_SUCCESS) {
            char *bytes = apr_palloc(pool, (apr_size_t)info.size + 1);
            apr_size_t len = 0;
            status =
                apr_file_read_full(file, bytes, (apr_size_t)info.size, &len);
            status = APR_STATUS_IS_EOF(status) ? APR_SUCCESS : status;
            *out = (cg_str_t){bytes, len};
        }
        apr_file_close(file);
    }
    if (status != APR_SUCCESS) {
        cg_error_set(err, "%s: cannot be read: %s", path,
                     apr_strerror(status, reason, sizeof reason));
    }
    return status;
}

/* Takes the next line, without its end and the blanks before that. */
static bool next_line(cg_str_t *rest, cg_str_t *line)
{
    if (rest->len == 0) {
        return false;
    }
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    *line = (cg_str_t){rest->ptr, len};
    rest->ptr += len + (end != NULL);
    rest->len -= len + (end != NULL);
    while (line->len > 0 && strchr(" \t\r", line->ptr[line->len - 1])) {
        line->len--;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static cg_str_t trim_left(cg_str_t text)
{
    while (text.len > 0 && is_blank(*text.ptr)) {
        text.ptr++;
        text.len--;
    }
    return text;
}

/* Takes the next word of a line. */
static cg_str_t next_word(cg_str_t *rest)
{
    *rest = trim_left(*rest);
    cg_str_t word = {rest->ptr, 0};
    while (word.len < rest->len && !is_blank(rest->ptr[word.len])) {
        word.len++;
    }
    rest->ptr += word.len;
    rest->len -= word.len;
    return word;
}

apr_status_t cg_words_read(const char *path, cg_str_t **out_words,
                           size_t *out_count, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t rest;
    cg_str_t line;
    apr_status_t status = read_all(path, &rest, err, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    apr_array_header_t *words = apr_array_make(pool, 256, sizeof(cg_str_t));
    for (int number = 1; next_line(&rest, &line); number++) {
        line = trim_left(line);
        if (line.len == 0 || *line.ptr == '#') {
            continue;
        }
        if (!cg_utf8_valid(line.ptr, line.len)) {
            cg_error_set(err, "%s:%d: this is not UTF-8", path, number);
            return APR_EINVAL;
        }
        APR_ARRAY_PUSH(words, cg_str_t) = line;
    }
    *out_words = (cg_str_t *)(void *)words->elts;
    *out_count = (size_t)words->nelts;
    return APR_SUCCESS;
}

static apr_status_t fault(reader_t *reader, const char *what)
{
    cg_error_set(reader->err, "%s:%d: %s", reader->path, reader->line, what);
    return APR_EINVAL;
}

/* The options that follow a list's name. */
static apr_status_t read_options(reader_t *reader, cg_str_t rest,
                                 cg_word_list_t *list)
{
    list->is_caseless = true;
    for (;;) {
        cg_str_t word = next_word(&rest);
        if (word.len == 0) {
            return APR_SUCCESS;
        }
        if (cg_str_is(word, "exact")) {
            list->is_caseless = false;
        }
        else if (cg_str_is(word, "whole-word")) {
            list->is_whole_word = true;
        }
        else if (!cg_str_is(word, "caseless")) {
            return fault(reader, "expected exact, caseless or whole-word");
        }
    }
}

static void close_list(reader_t *reader)
{
    if (reader->words) {
        cg_word_list_t *list = &APR_ARRAY_IDX(
            reader->lists, reader->lists->nelts - 1, cg_word_list_t);
        list->words = (const cg_str_t *)(void *)reader->words->elts;
        list->count = (size_t)reader->words->nelts;
        reader->words = NULL;
    }
}

static apr_status_t read_list(reader_t *reader, cg_str_t rest)
{
    cg_word_list_t list = {0};
    cg_str_t name = next_word(&rest);
    if (name.len == 0) {
        return fault(reader, "list: a name is missing");
    }
    list.name = cg_str_dup(name, reader->pool);
    apr_status_t status = read_options(reader, rest, &list);
    if (status != APR_SUCCESS) {
        return status;
    }
    APR_ARRAY_PUSH(reader->lists, cg_word_list_t) = list;
    reader->words = apr_array_make(reader->pool, 16, sizeof(cg_str_t));
    return APR_SUCCESS;
}

/* words NAME FILE: the file's path counts from the rule file's folder. */
static apr_status_t read_words(reader_t *reader, cg_str_t rest)
{
    cg_word_list_t list = {0};
    cg_str_t name = next_word(&rest);
    cg_str_t file = next_word(&rest);
    if (file.len == 0) {
        return fault(reader, "words: a name and a file are needed");
    }
    list.name = cg_str_dup(name, reader->pool);
    apr_status_t status = read_options(reader, rest, &list);
    if (status != APR_SUCCESS) {
        return status;
    }
    const char *slash = strrchr(reader->path, '/');
    char *path = cg_str_dup(file, reader->pool);
    if (*path != '/' && slash) {
        path = apr_pstrcat(reader->pool,
                           apr_pstrmemdup(reader->pool, reader->path,
                                          (apr_size_t)(slash - reader->path)),
                           "/", path, NULL);
    }
    cg_str_t *words = NULL;
    status =
        cg_words_read(path, &words, &list.count, reader->err, reader->pool);
    if (status == APR_SUCCESS) {
        list.words = words;
        APR_ARRAY_PUSH(reader->lists, cg_word_list_t) = list;
    }
    return status;
}

static apr_status_t read_regex(reader_t *reader, cg_str_t rest)
{
    cg_regex_t regex = {0};
    cg_str_t name = next_word(&rest);
    rest = trim_left(rest);
    cg_str_t after = rest;
    if (cg_str_is(next_word(&after), "caseless")) {
        regex.is_caseless = true;
        rest = trim_left(after);
    }
    if (rest.len == 0) {
        return fault(reader, "regex: a name and an expression are needed");
    }
    regex.name = cg_str_dup(name, reader->pool);
    regex.regex = cg_str_dup(rest, reader->pool);
    cg_rules_spec_t spec = {.regexes = &regex, .regex_count = 1};
    cg_rules_t *rules;
    cg_error_t err;
    if (cg_rules_create(&spec, &rules, &err, reader->pool) != APR_SUCCESS) {
        return fault(reader, err.text);
    }
    APR_ARRAY_PUSH(reader->regexes, cg_regex_t) = regex;
    return APR_SUCCESS;
}

static apr_status_t read_allow(reader_t *reader, cg_str_t rest)
{
    rest = trim_left(rest);
    if (rest.len == 0) {
        return fault(reader, "allow: a value is missing");
    }
    APR_ARRAY_PUSH(reader->allowed, cg_str_t) =
        (cg_str_t){cg_str_dup(rest, reader->pool), rest.len};
    return APR_SUCCESS;
}

static apr_status_t read_action(reader_t *reader, cg_str_t rest)
{
    const char *type = cg_str_dup(next_word(&rest), reader->pool);
    const char *name = cg_str_dup(next_word(&rest), reader->pool);
    cg_action_t action;
    cg_actions_t unused;
    cg_actions_t *actions = reader->actions ? reader->actions : &unused;
    if (!cg_action_parse(name, &action)) {
        return fault(reader,
                     "action: allow, log, mask, pseudonym or block expected");
    }
    return cg_actions_set(actions, type, action)
               ? APR_SUCCESS
               : fault(reader, "action: there is no such type");
}

static const struct {
    const char *word;
    apr_status_t (*read)(reader_t *reader, cg_str_t rest);
} statements[] = {{"list", read_list},
                  {"words", read_words},
                  {"regex", read_regex},
                  {"allow", read_allow},
                  {"action", read_action}};

static apr_status_t read_line(reader_t *reader, cg_str_t line)
{
    cg_str_t rest = line;
    cg_str_t word = trim_left(line);
    if (word.len == 0 || *word.ptr == '#') {
        return APR_SUCCESS;
    }
    if (!cg_utf8_valid(line.ptr, line.len)) {
        return fault(reader, "this is not UTF-8");
    }
    if (is_blank(*line.ptr)) {
        if (!reader->words) {
            return fault(reader, "an indented word outside a list");
        }
        APR_ARRAY_PUSH(reader->words, cg_str_t) = word;
        return APR_SUCCESS;
    }
    close_list(reader);
    word = next_word(&rest);
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (cg_str_is(word, statements[i].word)) {
            return statements[i].read(reader, rest);
        }
    }
    return fault(reader, "expected list, words, regex, allow or action");
}

apr_status_t cg_rules_read(const char *path, cg_rules_spec_t *out_spec,
                           cg_actions_t *actions, cg_error_t *err,
                           apr_pool_t *pool)
{
    cg_str_t rest;
    cg_str_t line;
    reader_t reader = {
        .path = path, .actions = actions, .err = err, .pool = pool};
    apr_status_t status = read_all(path, &rest, err, pool);
    reader.lists = apr_array_make(pool, 4, sizeof(cg_word_list_t));
    reader.regexes = apr_array_make(pool, 4, sizeof(cg_regex_t));
    reader.allowed = apr_array_make(pool, 4, sizeof(cg_str_t));
    while (status == APR_SUCCESS && next_line(&rest, &line)) {
        reader.line++;
        status = read_line(&reader, line);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    close_list(&reader);
    *out_spec = (cg_rules_spec_t){
        .lists = (const cg_word_list_t *)(void *)reader.lists->elts,
        .list_count = (size_t)reader.lists->nelts,
        .regexes = (const cg_regex_t *)(void *)reader.regexes->elts,
        .regex_count = (size_t)reader.regexes->nelts,
        .allowed = (const cg_str_t *)(void *)reader.allowed->elts,
        .allowed_count = (size_t)reader.allowed->nelts,
    };
    return APR_SUCCESS;
}
