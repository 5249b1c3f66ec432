/* Checking what came in, row by row of an endpoint's tables.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every fault of a call is gathered before it is refused, so that a form can
 * mark all its fields at once. A fault's words never repeat the value: it may
 * be a secret pasted into the wrong field.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "base/clock.h"
#include "policy/limit.h"

#define CURSOR_BYTES_MAX 1024
#define QUERY_BYTES_MAX 8192

/* ---- faults ------------------------------------------------------------ */

void cg_admin_fault(cg_ask_t *ask, const char *in, const char *pointer,
                    const char *code, const char *detail)
{
    cg_json_t *fault = cg_json_object(ask->pool);
    cg_json_set_str(fault, "pointer", pointer);
    cg_json_set_str(fault, "in", in);
    cg_json_set_str(fault, "code", code);
    cg_json_set_str(fault, "detail", detail);
    cg_json_add(ask->errors, fault);
}

bool cg_admin_has_faults(const cg_ask_t *ask)
{
    return cg_json_size(ask->errors) > 0;
}

/* RFC 6901 section 3: "~" and "/" of a name are escaped. */
static const char *pointer_to(const char *name, apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 32, pool);
    cg_buf_char(&buf, '/');
    for (const char *p = name; *p; p++) {
        if (*p == '~') {
            cg_buf_str(&buf, "~0");
        }
        else if (*p == '/') {
            cg_buf_str(&buf, "~1");
        }
        else {
            cg_buf_char(&buf, *p);
        }
    }
    return cg_buf_cstr(&buf);
}

/* Where a value stands while it is checked. */
typedef struct place_t {
    cg_ask_t *ask;
    const char *in;
    const char *pointer;
} place_t;

static void fault_at(const place_t *place, const char *code, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));

static void fault_at(const place_t *place, const char *code, const char *fmt,
                     ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *detail = apr_pvsprintf(place->ask->pool, fmt, ap);
    va_end(ap);
    cg_admin_fault(place->ask, place->in, place->pointer, code, detail);
}

/* ---- one value --------------------------------------------------------- */

/* Code points that would break a line, a log or a reader's eye: C0, DEL, C1,
 * the line and paragraph separators, and the marks that turn the direction of
 * text round (a name must look like what it is). */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || cp == 0x2028 ||
           cp == 0x2029 || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

static size_t count_chars(const char *text, bool *out_has_control)
{
    size_t count = 0;
    const char *end = text + strlen(text);
    for (const char *p = text; p < end; count++) {
        uint32_t cp = 0;
        int step = cg_utf8_decode(p, end, &cp);
        *out_has_control = *out_has_control || !step || is_control(cp);
        p += step ? step : 1;
    }
    return count;
}

static void check_text(const place_t *place, const cg_field_t *field,
                       const char *text)
{
    bool has_control = false;
    size_t chars = count_chars(text, &has_control);
    apr_int64_t max = field->max ? field->max : CG_ADMIN_NAME_CHARS_MAX;
    if (chars > (size_t)max) {
        fault_at(place, "too_long", "at most %" APR_INT64_T_FMT " characters",
                 max);
    }
    if (field->kind == CG_FIELD_TEXT) {
        return;
    }
    if (has_control) {
        fault_at(place, "control_character", "no control characters");
    }
    if (text[strspn(text, " ")] == '\0') {
        fault_at(place, "empty", "must not be empty");
    }
}

static void check_choice(const place_t *place, const cg_field_t *field,
                         const char *text)
{
    for (const char *const *c = field->choices; *c; c++) {
        if (strcmp(*c, text) == 0) {
            return;
        }
    }
    cg_buf_t legal;
    cg_buf_init(&legal, 64, place->ask->pool);
    for (const char *const *c = field->choices; *c; c++) {
        cg_buf_fmt(&legal, "%s%s", c == field->choices ? "" : ", ", *c);
    }
    fault_at(place, "not_a_choice", "one of: %s", cg_buf_cstr(&legal));
}

static void check_time(const place_t *place, const char *text)
{
    apr_time_t at = 0;
    if (!cg_clock_parse_rfc3339(cg_str(text), &at)) {
        fault_at(place, "bad_time",
                 "a time of RFC 3339, e.g. 2026-11-24T22:48:31Z");
    }
}

static void check_limit(const place_t *place, const char *text, bool is_budget)
{
    cg_limit_t limit = {0};
    cg_error_t err = {""};
    if (!cg_limit_parse(cg_str(text), &limit, &err)) {
        fault_at(place, "bad_limit", "%s",
                 is_budget ? "an amount of USD, e.g. 5USD/month"
                           : "e.g. 100/60s, 10000tokens/day or 20concurrent, "
                             "windows of 1 s to 366 days");
        return;
    }
    if (is_budget != (limit.quantity == CG_QUANTITY_MICROS)) {
        fault_at(place, "bad_limit", "%s",
                 is_budget ? "a budget counts USD"
                           : "USD belongs into budget, not into limits");
    }
}

/* The printable ASCII of a cursor; what it means its maker checks. */
static void check_cursor(const place_t *place, const char *text)
{
    size_t len = strlen(text);
    bool is_sound = len > 0 && len <= CURSOR_BYTES_MAX;
    for (size_t i = 0; i < len && is_sound; i++) {
        is_sound = text[i] > 0x20 && text[i] < 0x7F;
    }
    if (!is_sound) {
        fault_at(place, "bad_cursor", "a next_cursor of an earlier answer");
    }
}

static void check_string(const place_t *place, const cg_field_t *field,
                         const char *text)
{
    switch (field->kind) {
    case CG_FIELD_TIME:
        check_time(place, text);
        return;
    case CG_FIELD_BUDGET:
        check_limit(place, text, true);
        return;
    case CG_FIELD_CURSOR:
        check_cursor(place, text);
        return;
    default:
        break;
    }
    if (field->choices) {
        check_choice(place, field, text);
    }
    else {
        check_text(place, field, text);
    }
}

/* ---- the body ---------------------------------------------------------- */

static const cg_field_t *find_field(const cg_field_t *fields, const char *name)
{
    for (const cg_field_t *f = fields; f && f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static void check_element(const place_t *place, const cg_field_t *field,
                          const cg_json_t *value, size_t index)
{
    place_t at = *place;
    at.pointer = apr_psprintf(place->ask->pool, "%s/%" APR_SIZE_T_FMT,
                              place->pointer, index);
    if (!cg_json_is_string(value)) {
        fault_at(&at, "wrong_type", "must be a string");
    }
    else if (field->kind == CG_FIELD_LIMITS) {
        check_limit(&at, cg_json_text(value), false);
    }
    else {
        cg_field_t name = {.kind = CG_FIELD_NAME};
        check_text(&at, &name, cg_json_text(value));
    }
}

static void check_array(const place_t *place, const cg_field_t *field,
                        const cg_json_t *value)
{
    if (!cg_json_is_array(value)) {
        fault_at(place, "wrong_type", "must be an array of strings");
        return;
    }
    size_t count = cg_json_size(value);
    if (count > (size_t)field->max) {
        fault_at(place, "too_many", "at most %" APR_INT64_T_FMT " elements",
                 field->max);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        check_element(place, field, cg_json_at(value, i), i);
    }
}

static void check_number(const place_t *place, const cg_field_t *field,
                         const cg_json_t *value)
{
    if (!cg_json_is_int(value)) {
        fault_at(place, "wrong_type", "must be a whole number");
    }
    else if (cg_json_int(value) < 0 || cg_json_int(value) > field->max) {
        fault_at(place, "out_of_range", "0 to %" APR_INT64_T_FMT, field->max);
    }
}

static void check_member(const place_t *place, const cg_field_t *field,
                         const cg_json_t *value)
{
    if (cg_json_is_null(value)) {
        if (!field->is_nullable) {
            fault_at(place, "wrong_type", "must not be null");
        }
        return;
    }
    if (field->kind == CG_FIELD_NAMES || field->kind == CG_FIELD_LIMITS) {
        check_array(place, field, value);
    }
    else if (field->kind == CG_FIELD_COUNT) {
        check_number(place, field, value);
    }
    else if (field->kind == CG_FIELD_BOOL) {
        if (!cg_json_is_bool(value)) {
            fault_at(place, "wrong_type", "must be true or false");
        }
    }
    else if (field->kind == CG_FIELD_OBJECT) {
        if (!cg_json_is_object(value)) {
            fault_at(place, "wrong_type", "must be an object");
        }
    }
    else if (!cg_json_is_string(value)) {
        fault_at(place, "wrong_type", "must be a string");
    }
    else {
        check_string(place, field, cg_json_text(value));
    }
}

static void check_body(cg_ask_t *ask)
{
    void *iter = NULL;
    const char *name = NULL;
    cg_json_t *value = NULL;
    while (cg_json_each(ask->body, &iter, &name, &value)) {
        const cg_field_t *field = find_field(ask->endpoint->body, name);
        place_t place = {ask, "body", pointer_to(name, ask->pool)};
        if (!field) {
            fault_at(&place, "unknown_member", "there is no such member");
        }
        else {
            check_member(&place, field, value);
        }
    }
    for (const cg_field_t *f = ask->endpoint->body; f->name; f++) {
        if (f->is_required && !cg_json_get(ask->body, f->name)) {
            cg_admin_fault(ask, "body", pointer_to(f->name, ask->pool),
                           "required", "must be given");
        }
    }
}

/* No body at all stands for {}: a revocation needs no reason. */
void cg_admin_read_body(cg_ask_t *ask)
{
    if (!ask->endpoint->body) {
        return;
    }
    cg_str_t text = ask->call->body;
    if (text.len == 0) {
        text = CG_STR("{}");
    }
    cg_error_t err = {""};
    ask->body = cg_json_parse(text.ptr, text.len, &err, ask->pool);
    if (!ask->body) {
        cg_admin_fault(ask, "body", "", "invalid_json", err.text);
        return;
    }
    if (!cg_json_is_object(ask->body)) {
        cg_admin_fault(ask, "body", "", "wrong_type", "must be an object");
        return;
    }
    check_body(ask);
}

/* ---- the query --------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    int lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

const char *cg_admin_decode(cg_str_t raw, bool is_query, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '+' && is_query) {
            c = ' ';
        }
        else if (c == '%') {
            if (raw.len - i < 3) {
                return NULL;
            }
            int high = hex_value(raw.ptr[i + 1]);
            int low = hex_value(raw.ptr[i + 2]);
            if (high < 0 || low < 0) {
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            return NULL;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return cg_utf8_valid(out, len) ? out : NULL;
}

static void check_param(const place_t *place, const cg_field_t *field,
                        const char *text)
{
    if (field->kind != CG_FIELD_COUNT) {
        check_string(place, field, text);
        return;
    }
    int64_t value = 0;
    if (!cg_parse_count(cg_str(text), &value) || value < 1 ||
        value > field->max) {
        fault_at(place, "out_of_range",
                 "a whole number from 1 to %" APR_INT64_T_FMT, field->max);
    }
}

static void take_param(cg_ask_t *ask, const char *name, const char *value)
{
    const cg_field_t *field =
        name ? find_field(ask->endpoint->params, name) : NULL;
    place_t place = {ask, "query", name ? pointer_to(name, ask->pool) : ""};
    if (!name || !value) {
        fault_at(&place, "bad_encoding", "not UTF-8 in percent-encoding");
    }
    else if (!field) {
        fault_at(&place, "unknown_parameter", "there is no such parameter");
    }
    else if (apr_table_get(ask->params, name)) {
        fault_at(&place, "duplicate", "stands twice");
    }
    else {
        apr_table_setn(ask->params, name, value);
        if (*value) { /* "?q=" of a form left empty says nothing */
            check_param(&place, field, value);
        }
    }
}

void cg_admin_read_params(cg_ask_t *ask)
{
    ask->params = apr_table_make(ask->pool, 8);
    cg_str_t rest = cg_str(ask->call->query);
    if (rest.len > QUERY_BYTES_MAX) {
        cg_admin_fault(ask, "query", "", "too_long", "a shorter query");
        return;
    }
    while (rest.len > 0) {
        const char *amp = memchr(rest.ptr, '&', rest.len);
        size_t len = amp ? (size_t)(amp - rest.ptr) : rest.len;
        const char *equal = memchr(rest.ptr, '=', len);
        size_t name_len = equal ? (size_t)(equal - rest.ptr) : len;
        if (len > 0) {
            cg_str_t name = {rest.ptr, name_len};
            cg_str_t value =
                equal ? (cg_str_t){equal + 1, len - name_len - 1} : CG_STR("");
            take_param(ask, cg_admin_decode(name, true, ask->pool),
                       cg_admin_decode(value, true, ask->pool));
        }
        size_t step = amp ? len + 1 : len;
        rest.ptr += step;
        rest.len -= step;
    }
}

/* ---- asking ------------------------------------------------------------ */

const char *cg_admin_param(const cg_ask_t *ask, const char *name)
{
    const char *value = apr_table_get(ask->params, name);
    return value && *value ? value : NULL;
}

apr_time_t cg_admin_param_time(const cg_ask_t *ask, const char *name,
                               apr_time_t fallback)
{
    const char *text = cg_admin_param(ask, name);
    apr_time_t at = fallback;
    return text && cg_clock_parse_rfc3339(cg_str(text), &at) ? at : fallback;
}

size_t cg_admin_param_limit(const cg_ask_t *ask)
{
    const char *text = cg_admin_param(ask, "limit");
    int64_t value = CG_ADMIN_LIST_DEFAULT;
    return text && cg_parse_count(cg_str(text), &value) ? (size_t)value
                                                        : CG_ADMIN_LIST_DEFAULT;
}
