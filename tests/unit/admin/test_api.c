/* The admin API as a whole: every row of its table against every role, every
 * forged write, every unknown member. A new endpoint is covered by being there.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "admin_fixture.h"

extern CU_TestInfo test_admin_api[];

static bool is_write(const cg_admin_endpoint_t *row)
{
    return strcmp(row->method, "GET") != 0;
}

/* A path of the row that leads to nothing. */
static const char *path_of(const cg_admin_endpoint_t *row)
{
    const char *id = strstr(row->path, "{id}");
    if (!id) {
        return row->path;
    }
    return apr_pstrcat(
        admin_pool(),
        apr_pstrmemdup(admin_pool(), row->path, (apr_size_t)(id - row->path)),
        "nothere0", id + 4, NULL);
}

static asked_t call_of(const cg_admin_endpoint_t *row)
{
    return (asked_t){.method = row->method,
                     .path = path_of(row),
                     .body = row->body ? "{}" : NULL,
                     .more = "If-Match: \"1\"\n"};
}

#define FOR_EACH_ROW(row)                                                      \
    for (const cg_admin_endpoint_t *row = cg_admin_endpoints;                  \
         row < cg_admin_endpoints + cg_admin_endpoints_count; row++)

static void check(bool is_right, const cg_admin_endpoint_t *row,
                  const char *what, const got_t *got)
{
    CU_ASSERT(is_right);
    if (!is_right) {
        fprintf(stderr, "\n    %s %s, %s: %d %.300s\n", row->method, row->path,
                what, got->status, got->text);
    }
}

/* ---- who ---------------------------------------------------------------- */

static void nobody_signed_in_gets_401_everywhere(void)
{
    FOR_EACH_ROW(row)
    {
        asked_t call = call_of(row);
        call.user = "";
        got_t got = admin_ask(call);
        check(got.status == 401, row, "nobody", &got);
    }
}

static void every_endpoint_serves_exactly_its_roles(void)
{
    static const unsigned ROLES[] = {NO_ROLES,
                                     CG_ROLE_VIEWER,
                                     CG_ROLE_COMPLIANCE,
                                     CG_ROLE_APPROVER,
                                     CG_ROLE_OPERATOR,
                                     CG_ROLE_ADMIN,
                                     CG_ROLE_VIEWER | CG_ROLE_OPERATOR};
    FOR_EACH_ROW(row)
    {
        for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
            asked_t call = call_of(row);
            call.roles = ROLES[i];
            got_t got = admin_ask(call);
            bool may = (ROLES[i] & (row->roles | CG_ROLE_ADMIN)) != 0;
            check(may == (got.status != 403) && got.status < 500, row, "role",
                  &got);
        }
    }
}

static void only_operator_and_admin_write_keys(void)
{
    FOR_EACH_ROW(row)
    {
        if (is_write(row) && strncmp(row->path, "/keys", 5) == 0) {
            CU_ASSERT_EQUAL(row->roles, CG_ROLE_OPERATOR);
        }
    }
}

static void a_denied_write_is_recorded(void)
{
    got_t got = admin_ask((asked_t){.path = "/keys",
                                    .body = "{\"name\":\"x\"}",
                                    .user = "mallory",
                                    .roles = CG_ROLE_VIEWER});
    CU_ASSERT_EQUAL(got.status, 403);
    admin_ship();
    got =
        admin_ask((asked_t){.path = "/admin-events", .query = "user=mallory"});
    const cg_json_t *event = cg_json_at(cg_json_get(got.json, "items"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "decision", ""), "denied");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "operation", ""),
                           "keys.create");
}

/* ---- forged ------------------------------------------------------------- */

#define JSON_TYPE "Content-Type: application/json\n"
#define CONSOLE "X-ChatGPT-Console: 1\n"
#define HOST "Host: gw.example:8443\n"

static const struct {
    const char *headers;
    int status; /* 0: passes */
} PROOFS[] = {
    {"", 403},
    {JSON_TYPE HOST, 403},
    {"X-ChatGPT-Console: 0\n" JSON_TYPE, 403},
    {"X-ChatGPT-Console: 1, 1\n" JSON_TYPE, 403},
    {CONSOLE, 415},
    {CONSOLE "Content-Type: text/plain\n", 415},
    {CONSOLE "Content-Type: application/jsonp\n", 415},
    {CONSOLE "Content-Type: application/x-www-form-urlencoded\n", 415},
    {CONSOLE JSON_TYPE "Sec-Fetch-Site: cross-site\n", 403},
    {CONSOLE JSON_TYPE "Sec-Fetch-Site: same-site\n", 403},
    {CONSOLE JSON_TYPE "Sec-Fetch-Site: none\n", 403},
    {CONSOLE JSON_TYPE "Sec-Fetch-Site: \n", 403},
    {CONSOLE JSON_TYPE HOST "Sec-Fetch-Site: cross-site\n"
                            "Origin: https://gw.example:8443\n",
     403},
    {CONSOLE JSON_TYPE HOST "Origin: https://evil.example\n", 403},
    {CONSOLE JSON_TYPE HOST "Origin: https://gw.example\n", 403},
    {CONSOLE JSON_TYPE HOST "Origin: https://gw.example:8443.evil.example\n",
     403},
    {CONSOLE JSON_TYPE HOST "Origin: null\n", 403},
    {CONSOLE JSON_TYPE "Origin: https://gw.example:8443\n", 403},
    {CONSOLE JSON_TYPE HOST "Origin: https://GW.example:8443\n", 0},
    {CONSOLE JSON_TYPE "Sec-Fetch-Site: same-origin\n", 0},
    {CONSOLE "Content-Type: Application/JSON; charset=utf-8\n", 0},
    {CONSOLE JSON_TYPE, 0},
};

static void a_write_without_proof_is_refused(void)
{
    FOR_EACH_ROW(row)
    {
        for (size_t i = 0;
             is_write(row) && i < sizeof PROOFS / sizeof PROOFS[0]; i++) {
            asked_t call = call_of(row);
            call.headers = PROOFS[i].headers;
            got_t got = admin_ask(call);
            bool is_right = PROOFS[i].status
                                ? got.status == PROOFS[i].status
                                : got.status != 403 && got.status != 415;
            check(is_right, row, PROOFS[i].headers, &got);
        }
    }
}

static void a_read_needs_no_proof(void)
{
    got_t got = admin_ask((asked_t){.path = "/session", .headers = ""});
    CU_ASSERT_EQUAL(got.status, 200);
}

/* ---- paths and methods -------------------------------------------------- */

static void an_unknown_path_is_404(void)
{
    static const char *const PATHS[] = {"",          "/",
                                        "/key",      "/keys/",
                                        "/keys/a/b", "/keys//revoke",
                                        "//keys",    "/keys/a/revoke/",
                                        "/KEYS",     "/session/x"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        got_t got = admin_ask((asked_t){.path = PATHS[i]});
        CU_ASSERT_EQUAL(got.status, 404);
        CU_ASSERT_STRING_EQUAL(got.reply.content_type,
                               "application/problem+json");
    }
}

static void another_method_is_405_and_allow_names_those_there_are(void)
{
    FOR_EACH_ROW(row)
    {
        asked_t call = call_of(row);
        call.method = "OPTIONS"; /* that no row has */
        got_t got = admin_ask(call);
        check(got.status == 405 &&
                  strstr(answer_header(&got, "Allow"), row->method),
              row, answer_header(&got, "Allow"), &got);
    }
    got_t got = admin_ask((asked_t){.method = "PUT", .path = "/keys"});
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "Allow"), "GET, HEAD, POST");
}

static void head_is_answered_like_get(void)
{
    got_t got = admin_ask((asked_t){.method = "HEAD", .path = "/session"});
    CU_ASSERT_EQUAL(got.status, 200);
    got = admin_ask((asked_t){.method = "HEAD", .path = "/exports"});
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(got.reply.body.len, 0);
    got = admin_ask((asked_t){.method = "HEAD", .path = "/scan"});
    CU_ASSERT_EQUAL(got.status, 405);
}

static void a_strange_id_is_refused(void)
{
    static const char *const PATHS[] = {"/keys/%00", "/keys/a%0Ab", "/keys/%zz",
                                        "/keys/%ff", "/keys/a%20b"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        got_t got = admin_ask((asked_t){.path = PATHS[i]});
        CU_ASSERT_EQUAL(got.status, 400);
    }
    CU_ASSERT_EQUAL(admin_ask((asked_t){.path = "/keys/a%2Fb"}).status, 404);
}

/* ---- input -------------------------------------------------------------- */

static void an_unknown_parameter_is_named(void)
{
    FOR_EACH_ROW(row)
    {
        asked_t call = call_of(row);
        call.query = "colour=red";
        got_t got = admin_ask(call);
        check(got.status == 400 &&
                  answer_fault(&got, "/colour", "unknown_parameter"),
              row, "colour", &got);
    }
}

static const struct {
    const char *query;
    const char *pointer;
    const char *code;
} BAD_QUERIES[] = {
    {"limit=0", "/limit", "out_of_range"},
    {"limit=501", "/limit", "out_of_range"},
    {"limit=-1", "/limit", "out_of_range"},
    {"limit=1e2", "/limit", "out_of_range"},
    {"limit=99999999999999999999", "/limit", "out_of_range"},
    {"limit=1&limit=2", "/limit", "duplicate"},
    {"from=yesterday", "/from", "bad_time"},
    {"to=2025-13-01T00:00:00Z", "/to", "bad_time"},
    {"from=2025-11-24", "/from", "bad_time"},
    {"decision=maybe", "/decision", "not_a_choice"},
    {"key=a%0Ab", "/key", "control_character"},
    {"key=%ff", "/key", "bad_encoding"},
    {"key=%4", "/key", "bad_encoding"},
    {"key=%00", "/key", "bad_encoding"},
    {"cursor=a%20b", "/cursor", "bad_cursor"},
    {"cursor=nonsense", "/cursor", "bad_cursor"},
};

static void a_bad_parameter_is_named(void)
{
    for (size_t i = 0; i < sizeof BAD_QUERIES / sizeof BAD_QUERIES[0]; i++) {
        got_t got = admin_ask(
            (asked_t){.path = "/requests", .query = BAD_QUERIES[i].query});
        bool is_right =
            got.status == 400 &&
            answer_fault(&got, BAD_QUERIES[i].pointer, BAD_QUERIES[i].code);
        CU_ASSERT(is_right);
        if (!is_right) {
            fprintf(stderr, "\n    %s: %s\n", BAD_QUERIES[i].query, got.text);
        }
    }
}

static void a_foreign_cursor_is_refused_by_every_list(void)
{
    FOR_EACH_ROW(row)
    {
        if (row->flags & CG_ADMIN_IS_LIST) {
            got_t got = admin_ask(
                (asked_t){.path = row->path, .query = "cursor=bm9uc2Vuc2U"});
            check(got.status == 400 &&
                      answer_fault(&got, "/cursor", "bad_cursor"),
                  row, "cursor", &got);
        }
    }
}

static void an_empty_parameter_says_nothing(void)
{
    got_t got = admin_ask(
        (asked_t){.path = "/requests", .query = "&q=&from=&limit=&cursor=&&"});
    CU_ASSERT_EQUAL(got.status, 200);
}

static void a_broken_body_is_refused(void)
{
    static const char *const BODIES[] = {"{",
                                         "[]",
                                         "\"x\"",
                                         "1",
                                         "null",
                                         "{\"name\":\"a\"}x",
                                         "{\"name\":\"a\",\"name\":\"b\"}",
                                         "{\"name\":\"\\u0000\"}",
                                         "{\"name\":\"\\ud800\"}",
                                         "{\"name\":\"\xff\"}",
                                         "{'name':1}"};
    FOR_EACH_ROW(row)
    {
        for (size_t i = 0; row->body && i < sizeof BODIES / sizeof BODIES[0];
             i++) {
            asked_t call = call_of(row);
            call.body = BODIES[i];
            got_t got = admin_ask(call);
            check(got.status == 400 && cg_json_get(got.json, "errors"), row,
                  BODIES[i], &got);
        }
    }
}

static void an_unknown_member_is_named(void)
{
    FOR_EACH_ROW(row)
    {
        asked_t call = call_of(row);
        call.body = "{\"a/b~c\":1}";
        got_t got = {0};
        if (row->body) {
            got = admin_ask(call);
            check(got.status == 400 &&
                      answer_fault(&got, "/a~1b~0c", "unknown_member"),
                  row, call.body, &got);
        }
    }
}

/* Every member of every body, given a number, an object and (where it may not
 * be) null. */
static void a_member_of_the_wrong_type_is_named(void)
{
    static const char *const VALUES[] = {"1", "{}", "true", "[1]"};
    FOR_EACH_ROW(row)
    {
        for (const cg_field_t *f = row->body; f && f->name; f++) {
            for (size_t i = 0; i < 4; i++) {
                asked_t call = call_of(row);
                bool is_right_one =
                    (f->kind == CG_FIELD_COUNT && VALUES[i][0] == '1') ||
                    (f->kind == CG_FIELD_BOOL && VALUES[i][0] == 't') ||
                    (f->kind == CG_FIELD_OBJECT && VALUES[i][0] == '{');
                if (is_right_one) {
                    continue;
                }
                call.body = apr_psprintf(admin_pool(), "{\"%s\":%s}", f->name,
                                         VALUES[i]);
                got_t got = admin_ask(call);
                const char *at = apr_pstrcat(admin_pool(), "/", f->name, NULL);
                bool is_in = answer_fault(
                    &got, apr_pstrcat(admin_pool(), at, "/0", NULL),
                    "wrong_type");
                check(got.status == 400 &&
                          (is_in || answer_fault(&got, at, "wrong_type")),
                      row, call.body, &got);
            }
        }
    }
}

static void all_faults_are_told_at_once(void)
{
    got_t got = admin_ask((asked_t){
        .path = "/keys",
        .body = "{\"name\":\"\",\"limits\":[\"100/60s\",\"many\"],"
                "\"budget\":\"100/60s\",\"expires_at\":\"soon\",\"x\":1}"});
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT(answer_fault(&got, "/name", "empty"));
    CU_ASSERT(answer_fault(&got, "/limits/1", "bad_limit"));
    CU_ASSERT(answer_fault(&got, "/budget", "bad_limit"));
    CU_ASSERT(answer_fault(&got, "/expires_at", "bad_time"));
    CU_ASSERT(answer_fault(&got, "/x", "unknown_member"));
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "instance"), "req-1");
}

static void a_fault_never_repeats_the_value(void)
{
    got_t got = admin_ask((asked_t){
        .path = "/keys",
        .body = "{\"name\":\"a\\nsk-topsecret\",\"budget\":\"sk-topsecret\","
                "\"limits\":[\"sk-topsecret\"],\"state\":\"sk-topsecret\"}"});
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_PTR_NULL(strstr(got.text, "topsecret"));
}

/* ---- answers ------------------------------------------------------------ */

static void every_answer_is_json_that_nobody_keeps(void)
{
    FOR_EACH_ROW(row)
    {
        got_t got = admin_ask(call_of(row));
        bool is_lines = (row->flags & CG_ADMIN_IS_STREAM) != 0;
        check((got.json || is_lines) &&
                  strcmp(answer_header(&got, "Cache-Control"), "no-store") ==
                      0 &&
                  strcmp(answer_header(&got, "X-Content-Type-Options"),
                         "nosniff") == 0,
              row, "answer", &got);
    }
}

static void a_large_body_has_its_problem(void)
{
    cg_admin_call_t call = {.base = "/b", .request_id = "r"};
    cg_admin_reply_t reply;
    cg_admin_refuse_size(&call, &reply, admin_pool());
    CU_ASSERT_EQUAL(reply.status, 413);
    CU_ASSERT_PTR_NOT_NULL(strstr(cg_buf_cstr(&reply.body), "too-large"));
}

static void the_session_tells_roles_and_language(void)
{
    got_t got =
        admin_ask((asked_t){.path = "/session",
                            .user = "eve",
                            .roles = CG_ROLE_VIEWER | CG_ROLE_COMPLIANCE,
                            .more = "Accept-Language: fr, zh-CN;q=0.8, en\n"});
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "user"), "eve");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "language_hint"), "zh");
    const cg_json_t *roles = cg_json_get(got.json, "roles");
    CU_ASSERT_EQUAL(cg_json_size(roles), 2);
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(roles, 0)), "viewer");
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(roles, 1)), "compliance");
}

static void a_role_is_found_by_its_name(void)
{
    CU_ASSERT_EQUAL(cg_admin_role_find(CG_STR("admin")), CG_ROLE_ADMIN);
    CU_ASSERT_EQUAL(cg_admin_role_find(CG_STR("approver")), CG_ROLE_APPROVER);
    CU_ASSERT_EQUAL(cg_admin_role_find(CG_STR("Admin")), CG_ROLE_NOBODY);
    CU_ASSERT_EQUAL(cg_admin_role_find(CG_STR("")), CG_ROLE_NOBODY);
}

static void a_missing_part_is_503(void)
{
    cg_admin_t *admin = admin_fixture();
    cg_admin_t whole = *admin;
    admin->keyring = NULL;
    admin->quota = NULL;
    admin->store = NULL;
    admin->rules = NULL;
    admin->journal = NULL;
    static const char *const PATHS[] = {
        "/keys",         "/limits", "/budgets", "/requests",
        "/admin-events", "/stats",  "/exports"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        CU_ASSERT_EQUAL(admin_ask((asked_t){.path = PATHS[i]}).status, 503);
    }
    CU_ASSERT_EQUAL(
        admin_ask((asked_t){.path = "/scan", .body = "{\"text\":\"a\"}"})
            .status,
        503);
    CU_ASSERT_EQUAL(admin_ask((asked_t){.path = "/keys",
                                        .body = "{\"name\":\"a\"}",
                                        .more = "Idempotency-Key: a\n"})
                        .status,
                    503);
    got_t got = admin_ask((asked_t){.path = "/store"});
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "down");
    *admin = whole;
}

/* ---- the OpenAPI document ----------------------------------------------- */

static void check_references(const cg_json_t *value, const cg_json_t *schemas)
{
    void *iter = NULL;
    const char *name = NULL;
    cg_json_t *member = NULL;
    for (size_t i = 0; cg_json_is_array(value) && i < cg_json_size(value);
         i++) {
        check_references(cg_json_at(value, i), schemas);
    }
    while (cg_json_is_object(value) &&
           cg_json_each(value, &iter, &name, &member)) {
        if (strcmp(name, "$ref") == 0) {
            const char *target =
                cg_json_text(member) + strlen("#/components/schemas/");
            CU_ASSERT_PTR_NOT_NULL(cg_json_get(schemas, target));
        }
        else {
            check_references(member, schemas);
        }
    }
}

static void the_document_has_every_endpoint(void)
{
    got_t got = admin_ask((asked_t){.path = "/openapi.json"});
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "openapi"), "3.1.0");
    const cg_json_t *paths = cg_json_get(got.json, "paths");
    FOR_EACH_ROW(row)
    {
        char *method = apr_pstrdup(admin_pool(), row->method);
        for (char *p = method; *p; p++) {
            *p = (char)(*p | 0x20);
        }
        const cg_json_t *operation =
            cg_json_get(cg_json_get(paths, row->path), method);
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(operation, "operationId", ""),
                               row->operation);
        CU_ASSERT_EQUAL(cg_json_get(operation, "requestBody") != NULL,
                        row->body != NULL);
    }
    check_references(
        got.json, cg_json_get(cg_json_get(got.json, "components"), "schemas"));
}

static void the_manual_has_every_endpoint(void)
{
    const char *root = getenv("CG_ROOT");
    char *text = NULL;
    size_t len = 0;
    FILE *file = fopen(apr_pstrcat(admin_pool(), root ? root : ".",
                                   "/docs/manual/admin-api.md", NULL),
                       "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_FATAL(getdelim(&text, &len, '\0', file) > 0);
    fclose(file);
    FOR_EACH_ROW(row)
    {
        const char *heading = apr_pstrcat(admin_pool(), "\n### ", row->method,
                                          " ", row->path, "\n", NULL);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, heading));
    }
    free(text);
}

static void operation_ids_are_unique(void)
{
    FOR_EACH_ROW(a)
    {
        for (const cg_admin_endpoint_t *b = cg_admin_endpoints; b < a; b++) {
            CU_ASSERT_STRING_NOT_EQUAL(a->operation, b->operation);
        }
    }
}

CU_TestInfo test_admin_api[] = {
    {"nobody_signed_in_gets_401_everywhere",
     nobody_signed_in_gets_401_everywhere},
    {"every_endpoint_serves_exactly_its_roles",
     every_endpoint_serves_exactly_its_roles},
    {"only_operator_and_admin_write_keys", only_operator_and_admin_write_keys},
    {"a_denied_write_is_recorded", a_denied_write_is_recorded},
    {"a_write_without_proof_is_refused", a_write_without_proof_is_refused},
    {"a_read_needs_no_proof", a_read_needs_no_proof},
    {"an_unknown_path_is_404", an_unknown_path_is_404},
    {"another_method_is_405_and_allow_names_those_there_are",
     another_method_is_405_and_allow_names_those_there_are},
    {"head_is_answered_like_get", head_is_answered_like_get},
    {"a_strange_id_is_refused", a_strange_id_is_refused},
    {"an_unknown_parameter_is_named", an_unknown_parameter_is_named},
    {"a_bad_parameter_is_named", a_bad_parameter_is_named},
    {"a_foreign_cursor_is_refused_by_every_list",
     a_foreign_cursor_is_refused_by_every_list},
    {"an_empty_parameter_says_nothing", an_empty_parameter_says_nothing},
    {"a_broken_body_is_refused", a_broken_body_is_refused},
    {"an_unknown_member_is_named", an_unknown_member_is_named},
    {"a_member_of_the_wrong_type_is_named",
     a_member_of_the_wrong_type_is_named},
    {"all_faults_are_told_at_once", all_faults_are_told_at_once},
    {"a_fault_never_repeats_the_value", a_fault_never_repeats_the_value},
    {"every_answer_is_json_that_nobody_keeps",
     every_answer_is_json_that_nobody_keeps},
    {"a_large_body_has_its_problem", a_large_body_has_its_problem},
    {"the_session_tells_roles_and_language",
     the_session_tells_roles_and_language},
    {"a_role_is_found_by_its_name", a_role_is_found_by_its_name},
    {"a_missing_part_is_503", a_missing_part_is_503},
    {"the_document_has_every_endpoint", the_document_has_every_endpoint},
    {"the_manual_has_every_endpoint", the_manual_has_every_endpoint},
    {"operation_ids_are_unique", operation_ids_are_unique},
    CU_TEST_INFO_NULL,
};
