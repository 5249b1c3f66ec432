/* Reading a rule file, line by line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "redact/allow.h"
#include "redact/words.h"

#define FILE_BYTES_MAX ((apr_off_t)64 << 20)
#define NAME_BYTES_MAX 64
#define TEXT_BYTES_MAX 400
#define SUFFIX ".rules"

/* lives in: the stack of one reading */
typedef struct reader_t {
    const char *path;
    int line;
    apr_array_header_t *lists;   /* cg_word_list_t */
    apr_array_header_t *words;   /* cg_str_t, of the open list */
    apr_array_header_t *regexes; /* cg_regex_t */
    apr_array_header_t *allowed; /* cg_str_t */
    cg_pack_t *pack;
    bool has_pack; /* a line "pack" was read */
    cg_error_t *err;
    bool is_skipping; /* the words of a list whose head is faulty */
    apr_pool_t *pool;
} reader_t;

/* A device or a pipe would never end. */
static apr_status_t read_open(apr_file_t *file, cg_str_t *out, apr_pool_t *pool)
{
    apr_finfo_t info;
    apr_size_t len = 0;
    apr_status_t status =
        apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (status != APR_SUCCESS) {
        return status;
    }
    if (info.filetype != APR_REG) {
        return info.filetype == APR_DIR ? APR_FROM_OS_ERROR(EISDIR)
                                        : APR_FROM_OS_ERROR(EINVAL);
    }
    if (info.size > FILE_BYTES_MAX) {
        return APR_ENOSPC;
    }
    char *bytes = apr_palloc(pool, (apr_size_t)info.size + 1);
    status = apr_file_read_full(file, bytes, (apr_size_t)info.size, &len);
    *out = (cg_str_t){bytes, len};
    return APR_STATUS_IS_EOF(status) ? APR_SUCCESS : status;
}

static apr_status_t read_all(const char *path, cg_str_t *out, cg_error_t *err,
                             apr_pool_t *pool)
{
    apr_file_t *file;
    char reason[120];
    apr_status_t status =
        apr_file_open(&file, path, APR_READ | APR_BINARY, 0, pool);
    if (status == APR_SUCCESS) {
        status = read_open(file, out, pool);
        apr_file_close(file);
    }
    if (status != APR_SUCCESS) {
        cg_error_set(err, "%s: cannot be read: %s", path,
                     apr_strerror(status, reason, sizeof reason));
    }
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
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
    while (line->len > 0 && (is_blank(line->ptr[line->len - 1]) ||
                             line->ptr[line->len - 1] == '\r')) {
        line->len--;
    }
    return true;
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

/* A mark at the beginning of a file, which editors of one house put there. */
static void skip_mark(cg_str_t *text)
{
    if (text->len >= 3 && memcmp(text->ptr, "\xEF\xBB\xBF", 3) == 0) {
        text->ptr += 3;
        text->len -= 3;
    }
}

/* NULL, or what is wrong with the letters of a line. */
static const char *fault_of_line(cg_str_t line)
{
    if (!cg_utf8_valid(line.ptr, line.len)) {
        return "this is not UTF-8";
    }
    return memchr(line.ptr, 0, line.len) ? "this holds a NUL" : NULL;
}

/* The same of a word. */
static const char *fault_of(cg_str_t word)
{
    const char *what = fault_of_line(word);
    if (what) {
        return what;
    }
    return cg_word_is_fit(word) ? NULL : "a word must have 2 to 160 bytes";
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
    skip_mark(&rest);
    apr_array_header_t *words = apr_array_make(pool, 256, sizeof(cg_str_t));
    for (int number = 1; next_line(&rest, &line); number++) {
        line = trim_left(line);
        if (line.len == 0 || *line.ptr == '#') {
            continue;
        }
        const char *fault = fault_of(line);
        if (fault) {
            cg_error_set(err, "%s:%d: %s", path, number, fault);
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

/* ---- what a line holds ---- */

static bool is_name(cg_str_t word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return word.len > 0 && word.len <= NAME_BYTES_MAX;
}

/* The rest of a line, in quotes or without; NULL: they are not closed. */
static const char *text_of(reader_t *reader, cg_str_t rest)
{
    rest = trim_left(rest);
    if (rest.len > 0 && *rest.ptr == '"') {
        if (rest.len < 2 || rest.ptr[rest.len - 1] != '"') {
            return NULL;
        }
        rest.ptr++;
        rest.len -= 2;
    }
    return cg_str_dup(rest, reader->pool);
}

static apr_status_t parse_action(reader_t *reader, cg_str_t word,
                                 uint8_t *out_said)
{
    cg_action_t action;
    if (!cg_action_parse(cg_str_dup(word, reader->pool), &action)) {
        return fault(reader, "the action must be one of allow, log, partial, "
                             "pseudonym, mask, block");
    }
    *out_said = (uint8_t)(1 + action);
    return APR_SUCCESS;
}

/* action=NAME, the option of lists and regexes. */
static bool is_action_option(cg_str_t *word)
{
    static const char option[] = "action=";
    if (!cg_str_has_prefix(*word, option)) {
        return false;
    }
    word->ptr += sizeof option - 1;
    word->len -= sizeof option - 1;
    return true;
}

/* The options that follow a list's name. */
static apr_status_t read_options(reader_t *reader, cg_str_t rest,
                                 cg_word_list_t *list)
{
    list->is_caseless = true;
    list->packs = 1;
    for (cg_str_t word = next_word(&rest); word.len > 0;
         word = next_word(&rest)) {
        if (cg_str_is(word, "exact") || cg_str_is(word, "caseless")) {
            list->is_caseless = cg_str_is(word, "caseless");
        }
        else if (cg_str_is(word, "whole-word")) {
            list->is_whole_word = true;
        }
        else if (!is_action_option(&word)) {
            return fault(reader, "expected exact, caseless, whole-word or "
                                 "action=NAME");
        }
        else if (parse_action(reader, word, &list->action) != APR_SUCCESS) {
            return APR_EINVAL;
        }
    }
    return APR_SUCCESS;
}

/* Findings, versions and actions go by the name. */
static bool has_list(const reader_t *reader, cg_str_t name)
{
    for (int i = 0; i < reader->lists->nelts; i++) {
        if (cg_str_is(name,
                      APR_ARRAY_IDX(reader->lists, i, cg_word_list_t).name)) {
            return true;
        }
    }
    return false;
}

static bool has_regex(const reader_t *reader, cg_str_t name)
{
    for (int i = 0; i < reader->regexes->nelts; i++) {
        if (cg_str_is(name,
                      APR_ARRAY_IDX(reader->regexes, i, cg_regex_t).name)) {
            return true;
        }
    }
    return false;
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

/* ---- statements ---- */

static apr_status_t read_list(reader_t *reader, cg_str_t rest)
{
    cg_word_list_t list = {0};
    cg_str_t name = next_word(&rest);
    if (!is_name(name)) {
        return fault(reader, "list: a name of letters, digits, - and _ is "
                             "missing");
    }
    if (has_list(reader, name)) {
        return fault(reader, "list: another list of the file has this name");
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

/* A path counts from the rule file's folder. */
static const char *beside(const reader_t *reader, const char *path)
{
    const char *slash = strrchr(reader->path, '/');
    if (*path == '/' || !slash) {
        return path;
    }
    return apr_pstrcat(reader->pool,
                       apr_pstrmemdup(reader->pool, reader->path,
                                      (apr_size_t)(slash - reader->path)),
                       "/", path, NULL);
}

static apr_status_t read_words(reader_t *reader, cg_str_t rest)
{
    cg_word_list_t list = {0};
    cg_str_t *words = NULL;
    cg_error_t why;
    cg_str_t name = next_word(&rest);
    cg_str_t file = next_word(&rest);
    if (!is_name(name) || file.len == 0) {
        return fault(reader, "words: a name and a file are needed");
    }
    if (has_list(reader, name)) {
        return fault(reader, "words: another list of the file has this name");
    }
    list.name = cg_str_dup(name, reader->pool);
    apr_status_t status = read_options(reader, rest, &list);
    if (status != APR_SUCCESS) {
        return status;
    }
    const char *path = beside(reader, cg_str_dup(file, reader->pool));
    status = cg_words_read(path, &words, &list.count, &why, reader->pool);
    if (status != APR_SUCCESS) {
        return fault(reader, why.text);
    }
    list.words = words;
    APR_ARRAY_PUSH(reader->lists, cg_word_list_t) = list;
    return APR_SUCCESS;
}

static apr_status_t read_regex(reader_t *reader, cg_str_t rest)
{
    cg_regex_t regex = {.packs = 1};
    cg_error_t why;
    cg_str_t name = next_word(&rest);
    for (;;) {
        cg_str_t after = rest;
        cg_str_t word = next_word(&after);
        if (cg_str_is(word, "caseless")) {
            regex.is_caseless = true;
        }
        else if (!is_action_option(&word)) {
            break;
        }
        else if (parse_action(reader, word, &regex.action) != APR_SUCCESS) {
            return APR_EINVAL;
        }
        rest = after;
    }
    rest = trim_left(rest);
    if (rest.len == 0) {
        return fault(reader, "regex: a name and an expression are needed");
    }
    regex.name = cg_str_dup(name, reader->pool);
    regex.regex = cg_str_dup(rest, reader->pool);
    if (!is_name(name)) {
        return fault(reader, "regex: its name must be 1 to 64 letters, digits, "
                             "- or _");
    }
    if (has_regex(reader, name)) {
        return fault(reader, "regex: another one of the file has this name");
    }
    if (cg_regex_check(&regex, &why) != APR_SUCCESS) {
        return fault(reader, why.text);
    }
    APR_ARRAY_PUSH(reader->regexes, cg_regex_t) = regex;
    return APR_SUCCESS;
}

static apr_status_t read_allow(reader_t *reader, cg_str_t rest)
{
    cg_error_t why;
    rest = trim_left(rest);
    if (rest.len == 0) {
        return fault(reader, "allow: a value is missing");
    }
    if (!cg_allow_check(rest, &why)) {
        return fault(reader, why.text);
    }
    APR_ARRAY_PUSH(reader->allowed, cg_str_t) =
        (cg_str_t){cg_str_dup(rest, reader->pool), rest.len};
    return APR_SUCCESS;
}

/* Puts said at the place of a type, a family or all. */
static apr_status_t set_types(reader_t *reader, cg_str_t type, uint8_t said)
{
    cg_actions_t actions = {.least_keyword = 0};
    memcpy(actions.by_type, reader->pack->action, sizeof actions.by_type);
    if (!cg_actions_set(&actions, cg_str_dup(type, reader->pool),
                        (cg_action_t)said)) {
        return fault(reader, apr_psprintf(reader->pool,
                                          "there is no type \"%.*s\"; "
                                          "docs/manual/entity-types.md lists "
                                          "them",
                                          (int)(type.len < 80 ? type.len : 80),
                                          type.ptr));
    }
    memcpy(reader->pack->action, actions.by_type, sizeof actions.by_type);
    return APR_SUCCESS;
}

/* Nothing may follow what a line says. */
static apr_status_t at_end(reader_t *reader, cg_str_t rest)
{
    return trim_left(rest).len == 0
               ? APR_SUCCESS
               : fault(reader, "there is one word too many");
}

static apr_status_t read_type(reader_t *reader, cg_str_t rest)
{
    uint8_t said = 1 + CG_ACTION_MASK;
    cg_str_t type = next_word(&rest);
    cg_str_t action = next_word(&rest);
    if (type.len == 0) {
        return fault(reader, "type: a type is missing");
    }
    if (action.len > 0 && parse_action(reader, action, &said) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    reader->pack->has_types = true;
    return set_types(reader, type, said) == APR_SUCCESS ? at_end(reader, rest)
                                                        : APR_EINVAL;
}

static apr_status_t read_action(reader_t *reader, cg_str_t rest)
{
    uint8_t said = 0;
    cg_str_t type = next_word(&rest);
    cg_str_t action = next_word(&rest);
    if (parse_action(reader, action, &said) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    return set_types(reader, type, said) == APR_SUCCESS ? at_end(reader, rest)
                                                        : APR_EINVAL;
}

static apr_status_t read_pack(reader_t *reader, cg_str_t rest)
{
    cg_str_t name = next_word(&rest);
    if (!is_name(name)) {
        return fault(reader, "pack: its name must be 1 to 64 letters, digits, "
                             "- or _");
    }
    if (reader->has_pack) {
        return fault(reader, "pack: the file has a pack line already");
    }
    const char *title = text_of(reader, rest);
    if (!title) {
        return fault(reader, "pack: the quotes of its title are not closed");
    }
    reader->has_pack = true;
    reader->pack->name = cg_str_dup(name, reader->pool);
    reader->pack->title = *title ? title : reader->pack->name;
    return APR_SUCCESS;
}

/* cn,hk: names, with nothing between them but a comma. */
static apr_status_t read_upstreams(reader_t *reader, cg_str_t rest)
{
    const char *names[32];
    size_t count = 0;
    char *last;
    char *words = cg_str_dup(trim_left(rest), reader->pool);
    for (char *word = apr_strtok(words, ", \t", &last); word;
         word = apr_strtok(NULL, ", \t", &last)) {
        if (!is_name(cg_str(word)) || count == sizeof names / sizeof names[0]) {
            return fault(reader, "region: 1 to 32 regions such as cn,hk must "
                                 "follow upstreams");
        }
        names[count++] = word;
    }
    if (count == 0) {
        return fault(reader, "region: regions such as cn,hk must follow "
                             "upstreams");
    }
    reader->pack->upstreams =
        apr_pmemdup(reader->pool, names, count * sizeof names[0]);
    reader->pack->upstream_count = count;
    return APR_SUCCESS;
}

static apr_status_t read_region(reader_t *reader, cg_str_t rest)
{
    cg_str_t name = next_word(&rest);
    if (!is_name(name)) {
        return fault(reader, "region: a name such as cn is missing");
    }
    reader->pack->region = cg_str_dup(name, reader->pool);
    cg_str_t word = next_word(&rest);
    if (word.len == 0) {
        return APR_SUCCESS;
    }
    return cg_str_is(word, "upstreams")
               ? read_upstreams(reader, rest)
               : fault(reader, "region: upstreams REGION,REGION is all that "
                               "may follow its name");
}

static apr_status_t read_keep(reader_t *reader, cg_str_t rest)
{
    int64_t micros = 0;
    if (!cg_parse_duration(next_word(&rest), &micros) || micros <= 0) {
        return fault(reader, "keep: a duration such as 180d is needed");
    }
    reader->pack->keep_for = micros;
    return at_end(reader, rest);
}

static apr_status_t read_label(reader_t *reader, cg_str_t rest)
{
    cg_str_t word = next_word(&rest);
    if (cg_str_is(word, "required")) {
        reader->pack->label = CG_LABEL_REQUIRED;
    }
    else if (cg_str_is(word, "none")) {
        reader->pack->label = CG_LABEL_NONE;
    }
    else {
        return fault(reader, "label: required or none is needed");
    }
    return at_end(reader, rest);
}

static apr_status_t read_label_text(reader_t *reader, cg_str_t rest)
{
    cg_pack_t *pack = reader->pack;
    cg_str_t language = next_word(&rest);
    const char *text = text_of(reader, rest);
    if (!is_name(language) || !text || !*text ||
        strlen(text) > TEXT_BYTES_MAX) {
        return fault(reader, "label-text: a language such as en and a text of "
                             "at most 400 bytes are needed");
    }
    size_t at = 0;
    while (at < pack->label_count &&
           !cg_str_is(language, pack->labels[at].language)) {
        at++;
    }
    if (at == CG_PACK_LANGUAGES_MAX) {
        return fault(reader, "label-text: there are too many languages");
    }
    pack->labels[at].language = cg_str_dup(language, reader->pool);
    pack->labels[at].text = text;
    pack->label_count += at == pack->label_count;
    return APR_SUCCESS;
}

static const struct {
    const char *word;
    apr_status_t (*read)(reader_t *reader, cg_str_t rest);
} statements[] = {{"pack", read_pack},
                  {"type", read_type},
                  {"action", read_action},
                  {"list", read_list},
                  {"words", read_words},
                  {"regex", read_regex},
                  {"allow", read_allow},
                  {"region", read_region},
                  {"keep", read_keep},
                  {"label", read_label},
                  {"label-text", read_label_text}};

static apr_status_t add_word(reader_t *reader, cg_str_t word)
{
    if (reader->is_skipping) {
        return APR_SUCCESS;
    }
    if (!reader->words) {
        return fault(reader, "an indented word outside a list");
    }
    const char *what = fault_of(word);
    if (what) {
        return fault(reader, what);
    }
    APR_ARRAY_PUSH(reader->words, cg_str_t) =
        (cg_str_t){cg_str_dup(word, reader->pool), word.len};
    return APR_SUCCESS;
}

static apr_status_t read_line(reader_t *reader, cg_str_t line)
{
    cg_str_t rest = line;
    cg_str_t word = trim_left(line);
    if (word.len == 0 || *word.ptr == '#') {
        return APR_SUCCESS;
    }
    const char *what = fault_of_line(line);
    if (what) {
        return fault(reader, what);
    }
    if (is_blank(*line.ptr)) {
        return add_word(reader, word);
    }
    close_list(reader);
    reader->is_skipping = false;
    word = next_word(&rest);
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (cg_str_is(word, statements[i].word)) {
            return statements[i].read(reader, rest);
        }
    }
    return fault(reader, "expected pack, type, action, list, words, regex, "
                         "allow, region, keep, label or label-text");
}

/* /etc/ours.rules is the pack "ours", until the file says otherwise. */
static const char *name_of(const char *path, apr_pool_t *pool)
{
    const char *base = apr_filepath_name_get(path);
    size_t len = strlen(base);
    size_t cut = sizeof SUFFIX - 1;
    bool has_suffix = len > cut && strcmp(base + len - cut, SUFFIX) == 0;
    return apr_pstrmemdup(pool, base, has_suffix ? len - cut : len);
}

static void begin(reader_t *reader, const char *path, cg_error_t *err,
                  apr_pool_t *pool)
{
    *reader = (reader_t){.path = apr_pstrdup(pool, path),
                         .pack = apr_pcalloc(pool, sizeof *reader->pack),
                         .err = err,
                         .pool = pool};
    reader->pack->name = name_of(path, pool);
    reader->pack->title = reader->pack->name;
    reader->pack->path = reader->path;
    reader->lists = apr_array_make(pool, 4, sizeof(cg_word_list_t));
    reader->regexes = apr_array_make(pool, 4, sizeof(cg_regex_t));
    reader->allowed = apr_array_make(pool, 4, sizeof(cg_str_t));
}

apr_status_t cg_rules_parse(const char *path, cg_str_t text,
                            cg_rules_spec_t *out_spec, cg_error_t *err,
                            apr_pool_t *pool)
{
    cg_str_t line;
    apr_status_t status = APR_SUCCESS;
    reader_t reader;
    begin(&reader, path, err, pool);
    skip_mark(&text);
    while (status == APR_SUCCESS && next_line(&text, &line)) {
        reader.line++;
        status = read_line(&reader, line);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    close_list(&reader);
    uint64_t *packs =
        apr_palloc(pool, ((size_t)reader.allowed->nelts + 1) * sizeof *packs);
    for (int i = 0; i < reader.allowed->nelts; i++) {
        packs[i] = 1;
    }
    *out_spec = (cg_rules_spec_t){
        .lists = (const cg_word_list_t *)(void *)reader.lists->elts,
        .list_count = (size_t)reader.lists->nelts,
        .regexes = (const cg_regex_t *)(void *)reader.regexes->elts,
        .regex_count = (size_t)reader.regexes->nelts,
        .allowed = (const cg_str_t *)(void *)reader.allowed->elts,
        .allowed_count = (size_t)reader.allowed->nelts,
        .allowed_packs = packs,
        .packs = reader.pack,
        .pack_count = 1,
    };
    return APR_SUCCESS;
}

apr_status_t cg_rules_read(const char *path, cg_rules_spec_t *out_spec,
                           cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t text = {"", 0};
    apr_status_t status = read_all(path, &text, err, pool);
    return status == APR_SUCCESS
               ? cg_rules_parse(path, text, out_spec, err, pool)
               : status;
}

int cg_rules_check(const char *path, cg_on_fault_t *on_fault, void *baton,
                   apr_pool_t *pool)
{
    cg_str_t text = {"", 0};
    cg_str_t line;
    cg_error_t err;
    reader_t reader;
    int faults = 0;
    if (read_all(path, &text, &err, pool) != APR_SUCCESS) {
        on_fault(baton, err.text);
        return 1;
    }
    begin(&reader, path, &err, pool);
    skip_mark(&text);
    while (next_line(&text, &line)) {
        reader.line++;
        if (read_line(&reader, line) != APR_SUCCESS) {
            on_fault(baton, err.text);
            reader.is_skipping = !reader.words;
            faults++;
        }
    }
    return faults;
}
