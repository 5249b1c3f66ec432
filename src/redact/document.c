/* A policy document read and checked, all faults at once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a member may be stands in a table of members for each kind of object, so
 * that a member that is misspelled is told, not passed over: "whole_words" would
 * else be a list that is looser than its author thinks.
 */
#include "redact/document.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "redact/allow.h"

#define LIST_NAME_BYTES_MAX 128

/* What is being read, and where faults go. */
typedef struct reading_t {
    const cg_rules_t *known;
    cg_document_t *out;
    apr_array_header_t *faults;
    size_t words; /* of all lists so far */
    apr_pool_t *pool;
} reading_t;

typedef enum kind_t { ARRAY, OBJECT, STRING, BOOL, PACKS, ACTION } kind_t;

typedef struct member_t {
    const char *name;
    kind_t kind;
    bool is_required;
} member_t;

static const member_t DOCUMENT[] = {
    {"packs", PACKS, false},    {"locked", BOOL, false},
    {"types", ARRAY, false},    {"lists", ARRAY, false},
    {"patterns", ARRAY, false}, {"allowed", ARRAY, false},
    {NULL, OBJECT, false}};
static const member_t TYPE[] = {{"type", STRING, true},
                                {"action", STRING, true},
                                {"direction", STRING, false},
                                {NULL, OBJECT, false}};
static const member_t LIST[] = {
    {"name", STRING, true},    {"words", ARRAY, true},
    {"exact", BOOL, false},    {"whole_word", BOOL, false},
    {"action", ACTION, false}, {NULL, OBJECT, false}};
static const member_t PATTERN[] = {{"name", STRING, true},
                                   {"regex", STRING, true},
                                   {"caseless", BOOL, false},
                                   {"action", ACTION, false},
                                   {NULL, OBJECT, false}};

/* ---- faults ------------------------------------------------------------- */

static void add_fault(apr_array_header_t *faults, const char *pointer,
                      const char *code, const char *detail)
{
    if (faults->nelts < CG_DOCUMENT_FAULTS_MAX) {
        *(cg_document_fault_t *)apr_array_push(faults) =
            (cg_document_fault_t){pointer, code, detail};
    }
}

static void fault(reading_t *reading, const char *pointer, const char *code,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void fault(reading_t *reading, const char *pointer, const char *code,
                  const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *detail = apr_pvsprintf(reading->pool, fmt, ap);
    va_end(ap);
    add_fault(reading->faults, pointer, code, detail);
}

static const char *at(const reading_t *reading, const char *pointer,
                      const char *member)
{
    return apr_pstrcat(reading->pool, pointer, "/", member, NULL);
}

static const char *at_index(const reading_t *reading, const char *pointer,
                            size_t index)
{
    return apr_psprintf(reading->pool, "%s/%" APR_SIZE_T_FMT, pointer, index);
}

/* ---- members ------------------------------------------------------------ */

static bool is_kind(const cg_json_t *value, kind_t kind, const char **out_words)
{
    static const char *const words[] = {
        [ARRAY] = "must be an array",
        [OBJECT] = "must be an object",
        [STRING] = "must be a string",
        [BOOL] = "must be true or false",
        [PACKS] = "must be an array, or null",
        [ACTION] = "must be an action, or null",
    };
    *out_words = words[kind];
    switch (kind) {
    case ARRAY:
        return cg_json_is_array(value);
    case OBJECT:
        return cg_json_is_object(value);
    case STRING:
        return cg_json_is_string(value);
    case BOOL:
        return cg_json_is_bool(value);
    case PACKS:
        return cg_json_is_null(value) || cg_json_is_array(value);
    default:
        return cg_json_is_null(value) || cg_json_is_string(value);
    }
}

/* RFC 6901 section 3, of a name that anybody may have written. */
static const char *escaped(const char *name, apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 64, pool);
    for (const char *p = name; *p && buf.len < 64; p++) {
        cg_buf_str(&buf, *p == '~'   ? "~0"
                         : *p == '/' ? "~1"
                                     : (char[]){*p, '\0'});
    }
    buf.len = cg_utf8_whole(buf.ptr, buf.len);
    return cg_buf_cstr(&buf);
}

static const member_t *find_member(const member_t *members, const char *name)
{
    for (; members->name; members++) {
        if (strcmp(members->name, name) == 0) {
            return members;
        }
    }
    return NULL;
}

/* Has the object these members and no others, each of its kind? */
static bool has_members(reading_t *reading, const cg_json_t *object,
                        const member_t *members, const char *pointer)
{
    const char *words = NULL;
    if (!is_kind(object, OBJECT, &words)) {
        fault(reading, pointer, "wrong_type", "%s", words);
        return false;
    }
    int before = reading->faults->nelts;
    void *iter = NULL;
    const char *name = NULL;
    cg_json_t *value = NULL;
    while (cg_json_each(object, &iter, &name, &value)) {
        const member_t *member = find_member(members, name);
        const char *place = at(reading, pointer, escaped(name, reading->pool));
        if (!member) {
            fault(reading, place, "unknown_member", "there is no such member");
        }
        else if (!is_kind(value, member->kind, &words)) {
            fault(reading, place, "wrong_type", "%s", words);
        }
    }
    for (; members->name; members++) {
        if (members->is_required && !cg_json_get(object, members->name)) {
            fault(reading, at(reading, pointer, members->name), "required",
                  "must be given");
        }
    }
    return reading->faults->nelts == before;
}

/* How many elements an array has; 0, with a fault, if too many. */
static size_t count_of(reading_t *reading, const cg_json_t *array,
                       const char *pointer, size_t most)
{
    size_t count = array ? cg_json_size(array) : 0;
    if (count > most) {
        fault(reading, pointer, "too_many", "at most %" APR_SIZE_T_FMT, most);
        return 0;
    }
    return count;
}

/* 0 for null or none. */
static uint8_t read_action(reading_t *reading, const cg_json_t *object,
                           const char *pointer)
{
    const char *name = cg_json_get_str(object, "action", NULL);
    cg_action_t action;
    if (!name) {
        return 0;
    }
    if (!cg_action_parse(name, &action) ||
        strcmp(name, cg_action_name(action)) != 0) {
        fault(reading, at(reading, pointer, "action"), "not_a_choice",
              "one of: allow, log, partial, pseudonym, mask, block");
        return 0;
    }
    return (uint8_t)(1 + action);
}

/* ---- packs -------------------------------------------------------------- */

static void read_packs(reading_t *reading, const cg_json_t *packs)
{
    if (!packs) {
        return;
    }
    reading->out->has_packs = true;
    size_t count = count_of(reading, packs, "/packs", CG_PACKS_MAX);
    for (size_t i = 0; i < count; i++) {
        const cg_json_t *name = cg_json_at(packs, i);
        const char *place = at_index(reading, "/packs", i);
        int number =
            cg_json_is_string(name)
                ? cg_rules_pack_find(reading->known, cg_json_text(name))
                : -1;
        if (!cg_json_is_string(name)) {
            fault(reading, place, "wrong_type", "must be a string");
        }
        else if (number < 0 || strchr(cg_json_text(name), '/')) {
            fault(reading, place, "unknown_pack",
                  "this server has no such pack");
        }
        else if (reading->out->packs & (UINT64_C(1) << number)) {
            fault(reading, place, "duplicate", "stands twice");
        }
        else {
            reading->out->packs |= UINT64_C(1) << number;
        }
    }
}

/* ---- types -------------------------------------------------------------- */

static void say(uint8_t said[CG_DETECTORS_MAX], const char *type, uint8_t value)
{
    cg_actions_t named;
    cg_actions_all(&named, CG_ACTION_ALLOW);
    cg_actions_set(&named, type, CG_ACTION_BLOCK);
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (named.by_type[t] == CG_ACTION_BLOCK) {
            said[t] = value;
        }
    }
}

static bool is_type(const char *name)
{
    cg_actions_t ignored;
    cg_actions_all(&ignored, CG_ACTION_ALLOW);
    return !strchr(name, ':') && cg_actions_set(&ignored, name, CG_ACTION_LOG);
}

static void read_type(reading_t *reading, const cg_json_t *row,
                      const char *pointer, apr_hash_t *seen)
{
    if (!has_members(reading, row, TYPE, pointer)) {
        return;
    }
    const char *type = cg_json_get_str(row, "type", "");
    const char *direction = cg_json_get_str(row, "direction", "both");
    bool is_both = strcmp(direction, "both") == 0;
    bool in_request = is_both || strcmp(direction, "request") == 0;
    bool in_answer = is_both || strcmp(direction, "answer") == 0;
    uint8_t action = read_action(reading, row, pointer);
    if (!is_type(type)) {
        fault(reading, at(reading, pointer, "type"), "unknown_type",
              "there is no such type");
        return;
    }
    if (!in_request && !in_answer) {
        fault(reading, at(reading, pointer, "direction"), "not_a_choice",
              "one of: both, request, answer");
        return;
    }
    const char *keys[] = {
        in_request ? apr_pstrcat(reading->pool, type, " <", NULL) : NULL,
        in_answer ? apr_pstrcat(reading->pool, type, " >", NULL) : NULL};
    for (int i = 0; i < 2; i++) {
        if (keys[i] && apr_hash_get(seen, keys[i], APR_HASH_KEY_STRING)) {
            fault(reading, pointer, "duplicate",
                  "the type stands twice for one direction");
            return;
        }
        if (keys[i]) {
            apr_hash_set(seen, keys[i], APR_HASH_KEY_STRING, type);
        }
    }
    if (in_request) {
        say(reading->out->said_request, type, action);
    }
    if (in_answer) {
        say(reading->out->said_answer, type, action);
    }
}

/* Families first, as wide as they are: what is said of one type stands, wherever
 * it is written. */
static int width_of(const cg_json_t *row)
{
    const char *type = cg_json_get_str(row, "type", "");
    return strcmp(type, "*") == 0 ? 0 : strchr(type, '*') ? 1 : 2;
}

static void read_types(reading_t *reading, const cg_json_t *types)
{
    apr_hash_t *seen = apr_hash_make(reading->pool);
    size_t count = count_of(reading, types, "/types", CG_DOCUMENT_TYPES_MAX);
    for (int width = 0; width < 3; width++) {
        for (size_t i = 0; i < count; i++) {
            const cg_json_t *row = cg_json_at(types, i);
            if (width_of(row) == width) {
                read_type(reading, row, at_index(reading, "/types", i), seen);
            }
        }
    }
}

/* ---- lists and patterns -------------------------------------------------- */

/* Names stand in records, on pages and in logs. */
static bool is_list_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return false;
        }
    }
    return len > 0 && len <= LIST_NAME_BYTES_MAX && name[0] != ' ' &&
           name[len - 1] != ' ';
}

static bool is_pattern_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_") == len;
}

static void check_name(reading_t *reading, const char *name, bool is_right,
                       const char *legal, const char *pointer, apr_hash_t *seen)
{
    const char *place = at(reading, pointer, "name");
    if (!is_right) {
        fault(reading, place, "bad_name", "%s", legal);
    }
    else if (apr_hash_get(seen, name, APR_HASH_KEY_STRING)) {
        fault(reading, place, "duplicate", "another one has this name");
    }
    apr_hash_set(seen, name, APR_HASH_KEY_STRING, name);
}

/* Texts of an array, borrowed from the JSON. */
static cg_str_t *read_texts(reading_t *reading, const cg_json_t *array,
                            size_t count, const char *pointer)
{
    cg_str_t *texts = apr_palloc(reading->pool, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const cg_json_t *value = cg_json_at(array, i);
        texts[i] = cg_str(cg_json_text(value));
        if (!cg_json_is_string(value)) {
            fault(reading, at_index(reading, pointer, i), "wrong_type",
                  "must be a string");
        }
        else if (texts[i].len == 0 ||
                 texts[i].len > CG_DOCUMENT_VALUE_BYTES_MAX) {
            fault(reading, at_index(reading, pointer, i), "bad_length",
                  "1 to %d bytes", CG_DOCUMENT_VALUE_BYTES_MAX);
        }
        if (reading->faults->nelts >= CG_DOCUMENT_FAULTS_MAX) {
            return texts;
        }
    }
    return texts;
}

static void read_list(reading_t *reading, const cg_json_t *row,
                      const char *pointer, apr_hash_t *seen,
                      cg_word_list_t *out)
{
    if (!has_members(reading, row, LIST, pointer)) {
        return;
    }
    const cg_json_t *words = cg_json_get(row, "words");
    const char *place = at(reading, pointer, "words");
    out->name = cg_json_get_str(row, "name", "");
    check_name(reading, out->name, is_list_name(out->name),
               "1 to 128 bytes, no control characters, no blank at its ends",
               pointer, seen);
    out->count =
        count_of(reading, words, place, CG_DOCUMENT_WORDS_MAX - reading->words);
    reading->words += out->count;
    out->words = read_texts(reading, words, out->count, place);
    out->is_caseless = !cg_json_get_bool(row, "exact", false);
    out->is_whole_word = cg_json_get_bool(row, "whole_word", false);
    out->action = read_action(reading, row, pointer);
    if (cg_json_size(words) == 0) {
        fault(reading, place, "empty", "a list needs a word");
    }
}

static void read_lists(reading_t *reading, const cg_json_t *lists)
{
    apr_hash_t *seen = apr_hash_make(reading->pool);
    size_t count = count_of(reading, lists, "/lists", CG_DOCUMENT_LISTS_MAX);
    cg_word_list_t *out = apr_pcalloc(reading->pool, (count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        read_list(reading, cg_json_at(lists, i), at_index(reading, "/lists", i),
                  seen, &out[i]);
    }
    reading->out->spec.lists = out;
    reading->out->spec.list_count = count;
}

static void read_pattern(reading_t *reading, const cg_json_t *row,
                         const char *pointer, apr_hash_t *seen, cg_regex_t *out)
{
    if (!has_members(reading, row, PATTERN, pointer)) {
        return;
    }
    out->name = cg_json_get_str(row, "name", "");
    out->regex = cg_json_get_str(row, "regex", "");
    out->is_caseless = cg_json_get_bool(row, "caseless", false);
    out->action = read_action(reading, row, pointer);
    check_name(reading, out->name, is_pattern_name(out->name),
               "1 to 64 letters, digits, - or _", pointer, seen);
    size_t len = strlen(out->regex);
    if (len == 0 || len > CG_DOCUMENT_REGEX_BYTES_MAX) {
        fault(reading, at(reading, pointer, "regex"), "bad_length",
              "1 to %d bytes", CG_DOCUMENT_REGEX_BYTES_MAX);
    }
}

static void read_patterns(reading_t *reading, const cg_json_t *patterns)
{
    apr_hash_t *seen = apr_hash_make(reading->pool);
    size_t count =
        count_of(reading, patterns, "/patterns", CG_DOCUMENT_PATTERNS_MAX);
    cg_regex_t *out = apr_pcalloc(reading->pool, (count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        read_pattern(reading, cg_json_at(patterns, i),
                     at_index(reading, "/patterns", i), seen, &out[i]);
    }
    reading->out->spec.regexes = out;
    reading->out->spec.regex_count = count;
}

/* ---- allowed values ------------------------------------------------------ */

static void check_allowed(reading_t *reading, const cg_rules_spec_t *spec)
{
    for (size_t i = 0; i < spec->allowed_count &&
                       reading->faults->nelts < CG_DOCUMENT_FAULTS_MAX;
         i++) {
        cg_str_t value = spec->allowed[i];
        if (value.len > 0 && value.len <= CG_DOCUMENT_VALUE_BYTES_MAX &&
            !cg_allow_check(value, NULL)) {
            fault(reading, at_index(reading, "/allowed", i), "bad_value",
                  "no value, address, range or domain, such as @example.com");
        }
    }
}

/* ---- the whole ---------------------------------------------------------- */

/* What is no array was told already. */
static const cg_json_t *array_of(const cg_json_t *json, const char *name)
{
    const cg_json_t *value =
        cg_json_is_object(json) ? cg_json_get(json, name) : NULL;
    return value && cg_json_is_array(value) ? value : NULL;
}

void cg_document_empty(cg_document_t *out)
{
    *out = (cg_document_t){.json = NULL};
}

bool cg_document_read(const cg_json_t *json, const cg_rules_t *known,
                      cg_document_t *out, apr_array_header_t *faults,
                      apr_pool_t *pool)
{
    reading_t reading = {
        .known = known, .out = out, .faults = faults, .pool = pool};
    int before = faults->nelts;
    cg_document_empty(out);
    out->json = json;
    has_members(&reading, json, DOCUMENT, "");
    const cg_json_t *allowed = array_of(json, "allowed");
    out->is_locked =
        cg_json_is_object(json) && cg_json_get_bool(json, "locked", false);
    read_packs(&reading, array_of(json, "packs"));
    read_types(&reading, array_of(json, "types"));
    read_lists(&reading, array_of(json, "lists"));
    read_patterns(&reading, array_of(json, "patterns"));
    out->spec.allowed_count =
        count_of(&reading, allowed, "/allowed", CG_DOCUMENT_ALLOWED_MAX);
    out->spec.allowed =
        read_texts(&reading, allowed, out->spec.allowed_count, "/allowed");
    check_allowed(&reading, &out->spec);
    return faults->nelts == before;
}

/* ---- compiling ---------------------------------------------------------- */

/* Compiles one thing, in a pool of its own. */
static void prove_one(const cg_rules_spec_t *spec, const char *pointer,
                      const char *code, apr_array_header_t *faults,
                      apr_pool_t *pool)
{
    cg_rules_t *ignored = NULL;
    cg_error_t err = {""};
    apr_pool_t *scratch;
    apr_pool_create(&scratch, pool);
    if (cg_rules_create(spec, &ignored, &err, scratch) != APR_SUCCESS) {
        add_fault(faults, pointer, code, apr_pstrdup(pool, err.text));
    }
    apr_pool_destroy(scratch);
}

bool cg_document_prove(const cg_document_t *document, apr_time_t most_for,
                       apr_array_header_t *faults, apr_pool_t *pool)
{
    const cg_rules_spec_t *spec = &document->spec;
    size_t things = spec->list_count + spec->regex_count;
    apr_time_t until = cg_clock_monotonic() + most_for;
    int before = faults->nelts;
    for (size_t i = 0; i < things; i++) {
        bool is_list = i < spec->list_count;
        size_t n = is_list ? i : i - spec->list_count;
        cg_rules_spec_t one = {0};
        if (is_list) {
            one.lists = &spec->lists[n];
            one.list_count = 1;
        }
        else {
            one.regexes = &spec->regexes[n];
            one.regex_count = 1;
        }
        const char *pointer =
            apr_psprintf(pool,
                         is_list ? "/lists/%" APR_SIZE_T_FMT "/words"
                                 : "/patterns/%" APR_SIZE_T_FMT "/regex",
                         n);
        if (cg_clock_monotonic() > until) {
            add_fault(faults, pointer, "too_costly",
                      "compiling took too long; use fewer or simpler ones");
            break;
        }
        prove_one(&one, pointer, is_list ? "bad_words" : "bad_regex", faults,
                  pool);
    }
    return faults->nelts == before;
}

apr_status_t cg_document_compile(const cg_document_t *document,
                                 const cg_rules_spec_t *configured,
                                 cg_rules_t **out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    cg_rules_spec_t both = {0};
    if (configured) {
        both = *configured;
    }
    apr_status_t rv = cg_rules_spec_add(&both, &document->spec, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* A view may go without the values that the document allows. */
    size_t before = both.allowed_count - document->spec.allowed_count;
    uint64_t *packs =
        apr_palloc(pool, (both.allowed_count + 1) * sizeof *packs);
    for (size_t i = 0; i < both.allowed_count; i++) {
        packs[i] = i < before ? both.allowed_packs[i] : CG_PACK_PUBLISHED;
    }
    both.allowed_packs = packs;
    return cg_rules_create(&both, out, err, pool);
}
