/* Tools as the text that a model is told of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   namespace functions {
 *
 *   // Get the current weather in a given location
 *   type get_current_weather = (_: {
 *   // The city and state, e.g. San Francisco, CA
 *   location: string,
 *   unit?: "celsius" | "fahrenheit",
 *   }) => any;
 *
 *   } // namespace functions
 *
 * The form is known from its tokens alone (hmarr/openai-chat-tokens, checked there
 * against the API). Functions call themselves as deep as the document goes, which
 * the walker bounds.
 */
#include "chat/tools_text.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#define DESCRIBED_BELOW 2 /* spaces: deeper properties are not described */

typedef struct writer_t {
    const cg_walk_t *walk;
    cg_buf_t *out;
    apr_pool_t *pool;
} writer_t;

static bool is_kind(const writer_t *writer, uint32_t node, cg_node_kind_t kind)
{
    return node != CG_NODE_NONE && writer->walk->nodes[node].kind == kind;
}

static uint32_t member(const writer_t *writer, uint32_t node, const char *name)
{
    return is_kind(writer, node, CG_NODE_OBJECT)
               ? cg_walk_member(writer->walk, node, name)
               : CG_NODE_NONE;
}

static cg_str_t string_of(const writer_t *writer, uint32_t node)
{
    return node == CG_NODE_NONE
               ? (cg_str_t){"", 0}
               : cg_walk_string(writer->walk, node, writer->pool);
}

static cg_str_t key_of(const writer_t *writer, uint32_t node)
{
    const cg_node_t *at = &writer->walk->nodes[node];
    cg_str_t raw = {writer->walk->text + at->key_start, at->key_len};
    if (!at->key_is_escaped) {
        return raw;
    }
    char *decoded = apr_palloc(writer->pool, raw.len + 1);
    return (cg_str_t){decoded, cg_walk_unescape(raw, decoded, NULL)};
}

static void put(const writer_t *writer, cg_str_t text)
{
    cg_buf_add(writer->out, text.ptr, text.len);
}

static void put_words(const writer_t *writer, const char *words)
{
    cg_buf_str(writer->out, words);
}

static void put_spaces(const writer_t *writer, int count)
{
    for (int i = 0; i < count; i++) {
        cg_buf_char(writer->out, ' ');
    }
}

/* ---- types ------------------------------------------------------------ */

static void put_type(const writer_t *writer, uint32_t schema, int indent);
static void put_properties(const writer_t *writer, uint32_t schema, int indent);

static void put_separator(const writer_t *writer, bool *is_later)
{
    put_words(writer, *is_later ? " | " : "");
    *is_later = true;
}

/* The next element of a list as it stands: numbers have no node. Empty at the end;
 * commas inside strings and lists do not count. */
static cg_str_t next_element(cg_str_t *rest)
{
    int depth = 0;
    bool in_string = false;
    size_t at = 0;
    for (; at < rest->len; at++) {
        char c = rest->ptr[at];
        if (in_string) {
            at += c == '\\';
            in_string = c != '"';
            continue;
        }
        if (c == ',' && depth == 0) {
            break;
        }
        in_string = c == '"';
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    }
    at = at < rest->len ? at : rest->len;
    cg_str_t element = {rest->ptr, at};
    size_t used = at < rest->len ? at + 1 : at;
    *rest = (cg_str_t){rest->ptr + used, rest->len - used};
    return element;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static cg_str_t trimmed(cg_str_t text)
{
    while (text.len > 0 && is_blank(text.ptr[0])) {
        text = (cg_str_t){text.ptr + 1, text.len - 1};
    }
    while (text.len > 0 && is_blank(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Strings in quotes, without escapes; numbers as they stand. */
static void put_choices(const writer_t *writer, uint32_t list)
{
    cg_str_t raw = cg_walk_raw(writer->walk, list);
    cg_str_t rest = {raw.ptr + 1, raw.len - 2};
    bool is_later = false;
    while (rest.len > 0) {
        cg_str_t element = trimmed(next_element(&rest));
        if (element.len == 0) {
            continue;
        }
        put_separator(writer, &is_later);
        if (element.ptr[0] != '"') {
            put(writer, element);
            continue;
        }
        cg_str_t inner = {element.ptr + 1, element.len - 2};
        char *decoded = apr_palloc(writer->pool, inner.len + 1);
        size_t len = cg_walk_unescape(inner, decoded, NULL);
        cg_buf_char(writer->out, '"');
        cg_buf_add(writer->out, decoded, len);
        cg_buf_char(writer->out, '"');
    }
}

static void put_any_of(const writer_t *writer, uint32_t list, int indent)
{
    bool is_later = false;
    uint32_t at = writer->walk->nodes[list].child;
    for (; at != CG_NODE_NONE; at = writer->walk->nodes[at].next) {
        put_separator(writer, &is_later);
        put_type(writer, at, indent);
    }
}

static void put_list(const writer_t *writer, uint32_t schema, int indent)
{
    uint32_t items = member(writer, schema, "items");
    if (is_kind(writer, items, CG_NODE_OBJECT)) {
        put_type(writer, items, indent);
    }
    else {
        put_words(writer, "any");
    }
    put_words(writer, "[]");
}

static void put_object(const writer_t *writer, uint32_t schema, int indent)
{
    put_words(writer, "{\n");
    put_properties(writer, schema, indent + 2);
    put_words(writer, "\n}");
}

static void put_named(const writer_t *writer, cg_str_t name, uint32_t schema,
                      int indent)
{
    uint32_t choices = member(writer, schema, "enum");
    bool has_choices = is_kind(writer, choices, CG_NODE_ARRAY) &&
                       writer->walk->nodes[choices].length > 0;
    if (cg_str_is(name, "array")) {
        put_list(writer, schema, indent);
    }
    else if (cg_str_is(name, "object")) {
        put_object(writer, schema, indent);
    }
    else if (has_choices && !cg_str_is(name, "boolean") &&
             !cg_str_is(name, "null")) {
        put_choices(writer, choices);
    }
    else if (cg_str_is(name, "integer")) {
        put_words(writer, "number");
    }
    else if (cg_str_is(name, "string") || cg_str_is(name, "number") ||
             cg_str_is(name, "boolean") || cg_str_is(name, "null")) {
        put(writer, name);
    }
    else {
        put_words(writer, "any");
    }
}

/* "type": ["string", "null"], each in turn. */
static void put_types(const writer_t *writer, uint32_t list, uint32_t schema,
                      int indent)
{
    bool is_later = false;
    uint32_t at = writer->walk->nodes[list].child;
    for (; at != CG_NODE_NONE; at = writer->walk->nodes[at].next) {
        put_separator(writer, &is_later);
        put_named(writer, string_of(writer, at), schema, indent);
    }
}

static void put_type(const writer_t *writer, uint32_t schema, int indent)
{
    uint32_t any_of = member(writer, schema, "anyOf");
    uint32_t type = member(writer, schema, "type");
    if (is_kind(writer, any_of, CG_NODE_ARRAY)) {
        put_any_of(writer, any_of, indent);
    }
    else if (is_kind(writer, type, CG_NODE_ARRAY)) {
        put_types(writer, type, schema, indent);
    }
    else {
        put_named(writer, string_of(writer, type), schema, indent);
    }
}

/* ---- properties ------------------------------------------------------- */

/* The names that are required; looked up by their bytes, since a caller may send
 * very many of both. */
static apr_hash_t *required_of(const writer_t *writer, uint32_t schema)
{
    apr_hash_t *names = apr_hash_make(writer->pool);
    uint32_t list = member(writer, schema, "required");
    uint32_t at = is_kind(writer, list, CG_NODE_ARRAY)
                      ? writer->walk->nodes[list].child
                      : CG_NODE_NONE;
    for (; at != CG_NODE_NONE; at = writer->walk->nodes[at].next) {
        cg_str_t name = string_of(writer, at);
        if (name.len > 0) {
            apr_hash_set(names, name.ptr, (apr_ssize_t)name.len, name.ptr);
        }
    }
    return names;
}

static void put_property(const writer_t *writer, uint32_t property, int indent,
                         bool is_required)
{
    uint32_t said = member(writer, property, "description");
    if (indent < DESCRIBED_BELOW && string_of(writer, said).len > 0) {
        put_spaces(writer, indent);
        put_words(writer, "// ");
        put(writer, string_of(writer, said));
        put_words(writer, "\n");
    }
    put_spaces(writer, indent);
    put(writer, key_of(writer, property));
    put_words(writer, is_required ? ": " : "?: ");
    put_type(writer, property, indent);
    put_words(writer, ",");
}

static void put_properties(const writer_t *writer, uint32_t schema, int indent)
{
    uint32_t list = member(writer, schema, "properties");
    uint32_t at = is_kind(writer, list, CG_NODE_OBJECT)
                      ? writer->walk->nodes[list].child
                      : CG_NODE_NONE;
    apr_hash_t *required =
        at == CG_NODE_NONE ? NULL : required_of(writer, schema);
    for (; at != CG_NODE_NONE; at = writer->walk->nodes[at].next) {
        cg_str_t name = key_of(writer, at);
        bool is_required =
            apr_hash_get(required, name.ptr, (apr_ssize_t)name.len) != NULL;
        put_property(writer, at, indent, is_required);
        bool is_last = writer->walk->nodes[at].next == CG_NODE_NONE;
        put_words(writer, is_last ? "" : "\n");
    }
}

/* ---- functions -------------------------------------------------------- */

static bool has_properties(const writer_t *writer, uint32_t schema)
{
    uint32_t list = member(writer, schema, "properties");
    return is_kind(writer, list, CG_NODE_OBJECT) &&
           writer->walk->nodes[list].length > 0;
}

static void put_function(const writer_t *writer, uint32_t function)
{
    uint32_t schema = member(writer, function, "parameters");
    cg_str_t said = string_of(writer, member(writer, function, "description"));
    if (said.len > 0) {
        put_words(writer, "// ");
        put(writer, said);
        put_words(writer, "\n");
    }
    put_words(writer, "type ");
    put(writer, string_of(writer, member(writer, function, "name")));
    if (has_properties(writer, schema)) {
        put_words(writer, " = (_: {\n");
        put_properties(writer, schema, 0);
        put_words(writer, "\n}) => any;\n\n");
        return;
    }
    put_words(writer, " = () => any;\n\n");
}

size_t cg_chat_tools_text(const cg_walk_t *walk, uint32_t list, bool is_flat,
                          cg_buf_t *out, apr_pool_t *pool)
{
    writer_t writer = {walk, out, pool};
    size_t left_out = walk->nodes[list].length;
    put_words(&writer, "namespace functions {\n\n");
    uint32_t at = walk->nodes[list].child;
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        uint32_t function = is_flat ? at : member(&writer, at, "function");
        uint32_t name = member(&writer, function, "name");
        uint32_t type = member(&writer, at, "type");
        bool is_other = is_flat && type != CG_NODE_NONE &&
                        !cg_str_is(string_of(&writer, type), "function");
        if (is_kind(&writer, name, CG_NODE_STRING) && !is_other) {
            put_function(&writer, function);
            left_out--;
        }
    }
    put_words(&writer, "} // namespace functions");
    return left_out;
}
