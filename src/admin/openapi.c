/* The OpenAPI 3.1 document, written from the table of endpoints.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is described twice: the rows that check a body are the rows that
 * describe it, and a new endpoint stands in the document by being in the table.
 * Problems have their rows under "x-problems", where their type URIs lead.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "admin/admin_int.h"

static cg_json_t *object(const cg_ask_t *ask)
{
    return cg_json_object(ask->pool);
}

static cg_json_t *reference(const cg_ask_t *ask, const char *name)
{
    cg_json_t *ref = object(ask);
    cg_json_set_str(
        ref, "$ref",
        apr_pstrcat(ask->pool, "#/components/schemas/", name, NULL));
    return ref;
}

/* ---- schemas ----------------------------------------------------------- */

static const struct {
    cg_field_kind_t kind;
    const char *type;
    const char *format;
    const char *element; /* type of an array's elements */
    const char *element_format;
} KINDS[] = {
    {CG_FIELD_TEXT, "string", NULL, NULL, NULL},
    {CG_FIELD_NAME, "string", NULL, NULL, NULL},
    {CG_FIELD_TIME, "string", "date-time", NULL, NULL},
    {CG_FIELD_COUNT, "integer", "int64", NULL, NULL},
    {CG_FIELD_REAL, "number", NULL, NULL, NULL},
    {CG_FIELD_BOOL, "boolean", NULL, NULL, NULL},
    {CG_FIELD_NAMES, "array", NULL, "string", NULL},
    {CG_FIELD_LIMITS, "array", NULL, "string", NULL},
    {CG_FIELD_BUDGET, "string", NULL, NULL, NULL},
    {CG_FIELD_CURSOR, "string", NULL, NULL, NULL},
    {CG_FIELD_OBJECT, "object", NULL, NULL, NULL},
    {CG_FIELD_ITEMS, "array", NULL, NULL, NULL},
    {CG_FIELD_COUNTS, "array", NULL, "integer", "int64"},
    {CG_FIELD_TIMES, "array", NULL, "string", "date-time"},
    {CG_FIELD_ANY, NULL, NULL, NULL, NULL},
};

static void set_type(const cg_ask_t *ask, cg_json_t *schema, const char *type,
                     bool is_nullable)
{
    if (!is_nullable) {
        cg_json_set_str(schema, "type", type);
        return;
    }
    cg_json_t *types = cg_json_array(ask->pool);
    cg_json_add_str(types, type);
    cg_json_add_str(types, "null");
    cg_json_set(schema, "type", types);
}

static void set_elements(const cg_ask_t *ask, cg_json_t *schema, size_t kind,
                         const cg_field_t *field)
{
    cg_json_t *items = field->of ? reference(ask, field->of) : object(ask);
    if (!field->of) {
        cg_json_set_str(items, "type", KINDS[kind].element);
    }
    if (KINDS[kind].element_format) {
        cg_json_set_str(items, "format", KINDS[kind].element_format);
    }
    cg_json_set(schema, "items", items);
}

static void set_bounds(cg_json_t *schema, const cg_field_t *field)
{
    static const struct {
        cg_field_kind_t kind;
        const char *member;
    } BOUNDS[] = {
        {CG_FIELD_TEXT, "maxLength"},  {CG_FIELD_NAME, "maxLength"},
        {CG_FIELD_COUNT, "maximum"},   {CG_FIELD_NAMES, "maxItems"},
        {CG_FIELD_LIMITS, "maxItems"},
    };
    for (size_t i = 0; i < sizeof BOUNDS / sizeof BOUNDS[0]; i++) {
        if (BOUNDS[i].kind == field->kind && field->max) {
            cg_json_set_int(schema, BOUNDS[i].member, field->max);
        }
    }
}

static void set_choices(const cg_ask_t *ask, cg_json_t *schema,
                        const cg_field_t *field)
{
    if (!field->choices) {
        return;
    }
    cg_json_t *legal = cg_json_array(ask->pool);
    for (const char *const *c = field->choices; *c; c++) {
        cg_json_add_str(legal, *c);
    }
    cg_json_set(schema, "enum", legal);
}

static cg_json_t *schema_of(const cg_ask_t *ask, const cg_field_t *field)
{
    if (field->kind == CG_FIELD_OBJECT && field->of) {
        return reference(ask, field->of);
    }
    cg_json_t *schema = object(ask);
    size_t kind = 0;
    while (KINDS[kind].kind != field->kind) {
        kind++;
    }
    if (KINDS[kind].type) {
        set_type(ask, schema, KINDS[kind].type, field->is_nullable);
    }
    if (KINDS[kind].format) {
        cg_json_set_str(schema, "format", KINDS[kind].format);
    }
    if (KINDS[kind].type && strcmp(KINDS[kind].type, "array") == 0) {
        set_elements(ask, schema, kind, field);
    }
    set_bounds(schema, field);
    set_choices(ask, schema, field);
    if (field->words) {
        cg_json_set_str(schema, "description", field->words);
    }
    return schema;
}

static cg_json_t *object_schema(const cg_ask_t *ask, const cg_field_t *fields,
                                bool is_closed)
{
    cg_json_t *schema = object(ask);
    cg_json_t *properties = object(ask);
    cg_json_t *required = cg_json_array(ask->pool);
    for (const cg_field_t *f = fields; f && f->name; f++) {
        cg_json_set(properties, f->name, schema_of(ask, f));
        if (f->is_required) {
            cg_json_add_str(required, f->name);
        }
    }
    cg_json_set_str(schema, "type", "object");
    cg_json_set(schema, "properties", properties);
    if (cg_json_size(required) > 0) {
        cg_json_set(schema, "required", required);
    }
    if (is_closed) {
        cg_json_set_bool(schema, "additionalProperties", false);
    }
    return schema;
}

static cg_json_t *problem_schema(const cg_ask_t *ask)
{
    static const cg_field_t FIELDS[] = {
        {"type", "names the kind of problem; see x-problems",
         .is_required = true},
        {"title", .is_required = true},
        {"status", .kind = CG_FIELD_COUNT, .is_required = true},
        {"detail", .is_required = true},
        {"instance", "the request's id", .is_required = true,
         .is_nullable = true},
        {"errors", .kind = CG_FIELD_ITEMS, .is_required = true, .of = "Fault"},
        {.name = NULL},
    };
    return object_schema(ask, FIELDS, false);
}

static cg_json_t *fault_schema(const cg_ask_t *ask)
{
    static const char *const PLACES[] = {"body", "query", "header", "path",
                                         NULL};
    static const cg_field_t FIELDS[] = {
        {"pointer", "RFC 6901; of a parameter or header: / and its name",
         .is_required = true},
        {"in", .is_required = true, .choices = PLACES},
        {"code", .is_required = true},
        {"detail", .is_required = true},
        {.name = NULL},
    };
    return object_schema(ask, FIELDS, false);
}

static cg_json_t *list_schema(const cg_ask_t *ask, const char *of)
{
    const cg_field_t fields[] = {
        {"items", .kind = CG_FIELD_ITEMS, .is_required = true, .of = of},
        {"next_cursor", "null: this was the last page", .kind = CG_FIELD_CURSOR,
         .is_required = true, .is_nullable = true},
        {.name = NULL},
    };
    return object_schema(ask, fields, false);
}

static cg_json_t *components(const cg_ask_t *ask)
{
    cg_json_t *schemas = object(ask);
    for (size_t i = 0; i < cg_admin_schemas_count; i++) {
        const cg_schema_t *row = &cg_admin_schemas[i];
        cg_json_t *schema = object_schema(ask, row->fields, false);
        cg_json_set_str(schema, "description", row->words);
        cg_json_set(schemas, row->name, schema);
    }
    cg_json_set(schemas, "Problem", problem_schema(ask));
    cg_json_set(schemas, "Fault", fault_schema(ask));
    cg_json_t *all = object(ask);
    cg_json_set(all, "schemas", schemas);
    return all;
}

/* ---- operations -------------------------------------------------------- */

static void add_parameter(const cg_ask_t *ask, cg_json_t *list,
                          const char *name, const char *in, bool is_required,
                          const cg_field_t *field)
{
    cg_json_t *parameter = object(ask);
    cg_json_set_str(parameter, "name", name);
    cg_json_set_str(parameter, "in", in);
    cg_json_set_bool(parameter, "required", is_required);
    cg_json_set(parameter, "schema", schema_of(ask, field));
    if (field->words) {
        cg_json_set_str(parameter, "description", field->words);
    }
    cg_json_add(list, parameter);
}

static bool is_write(const cg_admin_endpoint_t *row)
{
    return strcmp(row->method, "GET") != 0;
}

static cg_json_t *parameters_of(const cg_ask_t *ask,
                                const cg_admin_endpoint_t *row)
{
    static const char *const ONE[] = {"1", NULL};
    static const cg_field_t ID = {.kind = CG_FIELD_NAME};
    static const cg_field_t CONSOLE = {
        .words = "says that no other site's page sent this", .choices = ONE};
    static const cg_field_t MATCH = {.words =
                                         "the ETag the change starts from"};
    static const cg_field_t ONCE = {
        .words = "the same key within 24 h gets the first answer again, "
                 "without its secret",
        .max = 128};
    cg_json_t *list = cg_json_array(ask->pool);
    static const char *const NAMES[] = {"id", "dimension", "subject"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const char *name = apr_pstrcat(ask->pool, "{", NAMES[i], "}", NULL);
        if (strstr(row->path, name)) {
            add_parameter(ask, list, NAMES[i], "path", true, &ID);
        }
    }
    for (const cg_field_t *f = row->params; f && f->name; f++) {
        add_parameter(ask, list, f->name, "query", f->is_required, f);
    }
    if (is_write(row)) {
        add_parameter(ask, list, "X-ChatGPT-Console", "header", true, &CONSOLE);
    }
    if (row->flags & CG_ADMIN_NEEDS_IF_MATCH) {
        add_parameter(ask, list, "If-Match", "header", true, &MATCH);
    }
    if (row->flags & CG_ADMIN_ONCE) {
        add_parameter(ask, list, "Idempotency-Key", "header", false, &ONCE);
    }
    return list;
}

static cg_json_t *content_of(const cg_ask_t *ask, const char *media,
                             cg_json_t *schema)
{
    cg_json_t *typed = object(ask);
    cg_json_set(typed, "schema", schema);
    cg_json_t *content = object(ask);
    cg_json_set(content, media, typed);
    return content;
}

static cg_json_t *answer_schema(const cg_ask_t *ask,
                                const cg_admin_endpoint_t *row)
{
    if (!row->answer) {
        cg_json_t *any = object(ask);
        cg_json_set_str(any, "type", "object");
        return any;
    }
    return row->flags & CG_ADMIN_IS_LIST ? list_schema(ask, row->answer)
                                         : reference(ask, row->answer);
}

static cg_json_t *responses_of(const cg_ask_t *ask,
                               const cg_admin_endpoint_t *row)
{
    const char *media = row->flags & CG_ADMIN_IS_STREAM ? "application/x-ndjson"
                                                        : "application/json";
    cg_json_t *done = object(ask);
    cg_json_set_str(done, "description", row->summary);
    cg_json_set(done, "content",
                content_of(ask, media, answer_schema(ask, row)));
    cg_json_t *problem = object(ask);
    cg_json_set_str(problem, "description", "a problem of RFC 9457");
    cg_json_set(
        problem, "content",
        content_of(ask, "application/problem+json", reference(ask, "Problem")));
    cg_json_t *responses = object(ask);
    cg_json_set(responses, apr_itoa(ask->pool, row->status), done);
    cg_json_set(responses, "default", problem);
    return responses;
}

static cg_json_t *roles_of(const cg_ask_t *ask, const cg_admin_endpoint_t *row)
{
    cg_json_t *roles = cg_json_array(ask->pool);
#define ADD_ROLE(id, bit, name, words)                                         \
    if ((row->roles | CG_ROLE_ADMIN) & (bit)) {                                \
        cg_json_add_str(roles, name);                                          \
    }
    CG_ROLES(ADD_ROLE)
#undef ADD_ROLE
    return roles;
}

static cg_json_t *operation_of(const cg_ask_t *ask,
                               const cg_admin_endpoint_t *row)
{
    cg_json_t *operation = object(ask);
    cg_json_set_str(operation, "operationId", row->operation);
    cg_json_set_str(operation, "summary", row->summary);
    cg_json_t *tags = cg_json_array(ask->pool);
    const char *dot = strchr(row->operation, '.');
    cg_str_t thing = {row->operation, (size_t)(dot - row->operation)};
    cg_json_add_str(tags, cg_str_dup(thing, ask->pool));
    cg_json_set(operation, "tags", tags);
    cg_json_set(operation, "x-roles", roles_of(ask, row));
    cg_json_set(operation, "parameters", parameters_of(ask, row));
    if (row->body) {
        cg_json_t *body = object(ask);
        cg_json_set_bool(body, "required", true);
        cg_json_set(body, "content",
                    content_of(ask, "application/json",
                               object_schema(ask, row->body, true)));
        cg_json_set(operation, "requestBody", body);
    }
    cg_json_set(operation, "responses", responses_of(ask, row));
    return operation;
}

static cg_json_t *paths(const cg_ask_t *ask)
{
    cg_json_t *all = object(ask);
    for (size_t i = 0; i < cg_admin_endpoints_count; i++) {
        const cg_admin_endpoint_t *row = &cg_admin_endpoints[i];
        cg_json_t *path = cg_json_get(all, row->path);
        if (!path) {
            path = object(ask);
            cg_json_set(all, row->path, path);
        }
        char *method = apr_pstrdup(ask->pool, row->method);
        for (char *p = method; *p; p++) {
            *p = (char)apr_tolower(*p);
        }
        cg_json_set(path, method, operation_of(ask, row));
    }
    return all;
}

/* ---- the whole --------------------------------------------------------- */

static cg_json_t *problems(const cg_ask_t *ask)
{
    cg_json_t *all = object(ask);
    for (size_t i = 0; i < CG_PROBLEM_KINDS; i++) {
        cg_json_t *row = object(ask);
        cg_json_set_int(row, "status", cg_admin_problems[i].status);
        cg_json_set_str(row, "title", cg_admin_problems[i].title);
        cg_json_set(all, cg_admin_problems[i].slug, row);
    }
    return all;
}

void cg_admin_openapi_get(cg_ask_t *ask)
{
    cg_json_t *info = object(ask);
    cg_json_set_str(info, "title", "mod_chatgpt admin API");
    cg_json_set_str(info, "version", ask->admin->version);
    cg_json_set_str(info, "description",
                    "Operators sign in by httpd's own means. Every method but "
                    "GET needs X-ChatGPT-Console: 1 and JSON.");
    cg_json_t *server = object(ask);
    cg_json_set_str(server, "url", ask->call->base ? ask->call->base : "/");
    cg_json_t *servers = cg_json_array(ask->pool);
    cg_json_add(servers, server);

    cg_json_t *document = object(ask);
    cg_json_set_str(document, "openapi", "3.1.0");
    cg_json_set(document, "info", info);
    cg_json_set(document, "servers", servers);
    cg_json_set(document, "paths", paths(ask));
    cg_json_set(document, "components", components(ask));
    cg_json_set(document, "x-problems", problems(ask));
    cg_admin_json(ask, 200, document);
}
