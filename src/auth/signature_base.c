/* The signature base (RFC 9421 section 2.5): a line for each covered component.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Components are taken from the message as it came, before anything is decoded.
 * To know another derived component: a row and its writer.
 */
#include "auth/signature.h"

#include <string.h>

#include "auth/signature_int.h"
#include "auth/signfield.h"

static const char unknown[] = "it covers a component that is unknown, or one "
                              "with a parameter that is not supported";
static const char absent[] = "it covers something that is not in the message";

/* ---- derived components --------------------------------------------------------- */

typedef struct component_t {
    const cg_message_t *message;
    const cg_sfv_item_t *item;
} component_t;

/* Each appends the value; false: there is none. */
typedef bool (*writer_t)(const component_t *of, cg_buf_t *out);

static bool write_method(const component_t *of, cg_buf_t *out)
{
    cg_buf_add(out, of->message->method.ptr, of->message->method.len);
    return of->message->method.len > 0;
}

static bool write_scheme(const component_t *of, cg_buf_t *out)
{
    cg_buf_add(out, of->message->scheme.ptr, of->message->scheme.len);
    return of->message->scheme.len > 0;
}

static bool ends_with(cg_str_t text, const char *end)
{
    size_t len = strlen(end);
    return text.len > len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

/* In lower case and without the port that goes without saying (RFC 9110 section
 * 4.2.3). */
static bool write_authority(const component_t *of, cg_buf_t *out)
{
    cg_str_t authority = of->message->authority;
    bool is_tls = cg_str_is(of->message->scheme, "https");
    const char *usual = is_tls ? ":443" : ":80";
    if (ends_with(authority, usual)) {
        authority.len -= strlen(usual);
    }
    else if (ends_with(authority, ":")) {
        authority.len--;
    }
    for (size_t i = 0; i < authority.len; i++) {
        char c = authority.ptr[i];
        cg_buf_char(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    return authority.len > 0;
}

/* Only a target that begins with a path: another form would name the authority a
 * second time, and not always the same one. */
static bool has_path(const cg_message_t *message)
{
    return message->target.len > 0 && message->target.ptr[0] == '/';
}

static size_t path_len(const cg_message_t *message)
{
    const char *query = memchr(message->target.ptr, '?', message->target.len);
    return query ? (size_t)(query - message->target.ptr) : message->target.len;
}

static bool write_path(const component_t *of, cg_buf_t *out)
{
    if (!has_path(of->message)) {
        return false;
    }
    cg_buf_add(out, of->message->target.ptr, path_len(of->message));
    return true;
}

static bool write_request_target(const component_t *of, cg_buf_t *out)
{
    cg_buf_add(out, of->message->target.ptr, of->message->target.len);
    return has_path(of->message);
}

static bool write_target_uri(const component_t *of, cg_buf_t *out)
{
    bool is_written = write_scheme(of, out);
    cg_buf_str(out, "://");
    return write_authority(of, out) && write_request_target(of, out) &&
           is_written;
}

/* With its question mark, which stands there also when there is no query. */
static cg_str_t query_of(const cg_message_t *message)
{
    size_t len = path_len(message);
    return len < message->target.len ? (cg_str_t){message->target.ptr + len,
                                                  message->target.len - len}
                                     : CG_STR("?");
}

static bool write_query(const component_t *of, cg_buf_t *out)
{
    cg_str_t query = query_of(of->message);
    cg_buf_add(out, query.ptr, query.len);
    return has_path(of->message);
}

static bool write_status(const component_t *of, cg_buf_t *out)
{
    cg_buf_int(out, of->message->status);
    return true;
}

/* ---- one parameter of the query --------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte of a name or a value of application/x-www-form-urlencoded. */
static unsigned char decode_next(cg_str_t text, size_t *at)
{
    char c = text.ptr[*at];
    if (c == '%' && text.len - *at > 2) {
        int high = hex_value(text.ptr[*at + 1]);
        int low = hex_value(text.ptr[*at + 2]);
        if (high >= 0 && low >= 0) {
            *at += 3;
            return (unsigned char)(high << 4 | low);
        }
    }
    *at += 1;
    return c == '+' ? ' ' : (unsigned char)c;
}

static bool is_kept(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
           (c && strchr("*-._", c));
}

/* Decoded and encoded anew, so that each value has one spelling (RFC 9421 section
 * 2.2.8). */
static void write_encoded(cg_buf_t *out, cg_str_t text)
{
    size_t at = 0;
    while (at < text.len) {
        unsigned char c = decode_next(text, &at);
        if (is_kept(c)) {
            cg_buf_char(out, (char)c);
        }
        else {
            cg_buf_fmt(out, "%%%02X", c);
        }
    }
}

/* What stood twice must not be covered: who reads the query would choose one. */
static bool write_query_param(const component_t *of, cg_buf_t *out)
{
    const cg_sfv_value_t *want =
        cg_sfv_parameter(&of->item->parameters, "name");
    cg_str_t query = query_of(of->message);
    int found = 0;
    for (size_t at = 1; at < query.len;) {
        const char *from = query.ptr + at;
        const char *stop = memchr(from, '&', query.len - at);
        size_t len = stop ? (size_t)(stop - from) : query.len - at;
        const char *equals = memchr(from, '=', len);
        size_t name_len = equals ? (size_t)(equals - from) : len;
        cg_buf_t name;
        cg_buf_init(&name, 64, out->pool);
        write_encoded(&name, (cg_str_t){from, name_len});
        if (len > 0 &&
            cg_str_equal((cg_str_t){name.ptr, name.len}, want->text)) {
            found++;
            if (equals) {
                write_encoded(out, (cg_str_t){equals + 1, len - name_len - 1});
            }
        }
        at += len + 1;
    }
    return found == 1;
}

static const struct {
    const char *name;
    writer_t write;
    bool is_of_answers;
    bool has_name; /* the parameter ;name="…", and must */
} derived[] = {
    {"@method", write_method, false, false},
    {"@target-uri", write_target_uri, false, false},
    {"@authority", write_authority, false, false},
    {"@scheme", write_scheme, false, false},
    {"@request-target", write_request_target, false, false},
    {"@path", write_path, false, false},
    {"@query", write_query, false, false},
    {"@query-param", write_query_param, false, true},
    {"@status", write_status, true, false},
};
enum { DERIVED = sizeof derived / sizeof derived[0] };

static bool has_only_name(const cg_sfv_item_t *item)
{
    const cg_sfv_value_t *name = cg_sfv_parameter(&item->parameters, "name");
    return item->parameters.count == 1 && name && name->kind == CG_SFV_STRING &&
           name->text.len > 0;
}

static const char *write_derived(const component_t *of, cg_buf_t *out)
{
    const cg_sfv_item_t *item = of->item;
    for (int i = 0; i < DERIVED; i++) {
        if (!cg_str_is(item->value.text, derived[i].name)) {
            continue;
        }
        bool is_legal = derived[i].has_name ? has_only_name(item)
                                            : item->parameters.count == 0;
        if (!is_legal ||
            derived[i].is_of_answers != (of->message->status != 0)) {
            return unknown;
        }
        return derived[i].write(of, out) ? NULL : absent;
    }
    return unknown;
}

/* ---- fields and lines -------------------------------------------------------------- */

static bool is_field_name(cg_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_one = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      (c && strchr("!#$%&'*+-.^_`|~", c));
        if (!is_one) {
            return false;
        }
    }
    return name.len > 0;
}

/* A signature cannot cover itself. */
static const char *write_field(const component_t *of, cg_buf_t *out)
{
    cg_str_t name = of->item->value.text;
    if (of->item->parameters.count > 0 || !is_field_name(name) ||
        cg_str_is(name, "signature") || cg_str_is(name, "signature-input")) {
        return unknown;
    }
    size_t from = out->len;
    if (!cg_signature_field(of->message, name, out)) {
        return absent;
    }
    for (size_t i = from; i < out->len; i++) {
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r' || !out->ptr[i]) {
            return unknown; /* would be a line of its own */
        }
    }
    return NULL;
}

static bool is_repeated(const cg_sfv_member_t *input, size_t index,
                        cg_str_t written, apr_pool_t *pool)
{
    for (size_t i = 0; i < index; i++) {
        cg_buf_t other;
        if (!cg_str_equal(input->items[i].value.text,
                          input->items[index].value.text)) {
            continue;
        }
        cg_buf_init(&other, 64, pool);
        cg_sfv_write_item(&other, &input->items[i]);
        if (cg_str_equal((cg_str_t){other.ptr, other.len}, written)) {
            return true;
        }
    }
    return false;
}

static const char *write_line(const cg_message_t *message,
                              const cg_sfv_member_t *input, size_t index,
                              cg_buf_t *out)
{
    component_t of = {message, &input->items[index]};
    size_t from = out->len;
    if (of.item->value.kind != CG_SFV_STRING || of.item->value.text.len == 0) {
        return unknown;
    }
    cg_sfv_write_item(out, of.item);
    if (is_repeated(input, index, (cg_str_t){out->ptr + from, out->len - from},
                    out->pool)) {
        return "it covers a component twice";
    }
    cg_buf_str(out, ": ");
    const char *fault = of.item->value.text.ptr[0] == '@'
                            ? write_derived(&of, out)
                            : write_field(&of, out);
    cg_buf_char(out, '\n');
    return fault;
}

const char *cg_signature_base(const cg_message_t *message,
                              const cg_signature_t *signature, cg_buf_t *out)
{
    for (size_t i = 0; i < signature->input->count; i++) {
        const char *fault = write_line(message, signature->input, i, out);
        if (fault) {
            return fault;
        }
    }
    cg_buf_str(out, "\"@signature-params\": ");
    cg_sfv_write_list(out, signature->input);
    return NULL;
}
