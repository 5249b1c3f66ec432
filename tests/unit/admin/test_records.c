/* Records, exports, sums, limits and tried texts through the admin API.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "admin_fixture.h"
#include "base/clock.h"
#include "quota/quota.h"

extern CU_TestInfo test_admin_records[];

#define AT(seconds) (NOW + apr_time_from_sec(seconds))

static const cg_json_t *item(const got_t *got, size_t i)
{
    return cg_json_at(cg_json_get(got->json, "items"), i);
}

static size_t items(const got_t *got)
{
    return cg_json_size(cg_json_get(got->json, "items"));
}

/* ---- an answer against its schema ---------------------------------------- */

static const cg_field_t *schema_of(const char *name)
{
    for (size_t i = 0; i < cg_admin_schemas_count; i++) {
        if (strcmp(cg_admin_schemas[i].name, name) == 0) {
            return cg_admin_schemas[i].fields;
        }
    }
    return NULL;
}

static bool has_kind(const cg_json_t *value, const cg_field_t *field)
{
    if (cg_json_is_null(value)) {
        return field->is_nullable;
    }
    switch (field->kind) {
    case CG_FIELD_COUNT:
        return cg_json_is_int(value);
    case CG_FIELD_ANY:
        return true;
    case CG_FIELD_BOOL:
        return cg_json_is_bool(value);
    case CG_FIELD_REAL:
        return !cg_json_is_string(value) && !cg_json_is_object(value);
    case CG_FIELD_OBJECT:
        return cg_json_is_object(value);
    case CG_FIELD_NAMES:
    case CG_FIELD_LIMITS:
    case CG_FIELD_ITEMS:
    case CG_FIELD_COUNTS:
    case CG_FIELD_TIMES:
        return cg_json_is_array(value);
    default:
        return cg_json_is_string(value);
    }
}

static void check_schema(const char *name, const cg_json_t *object)
{
    const cg_field_t *fields = schema_of(name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fields);
    CU_ASSERT_FATAL(cg_json_is_object(object));
    for (const cg_field_t *f = fields; f->name; f++) {
        const cg_json_t *value = cg_json_get(object, f->name);
        if (!value && !f->is_required) {
            continue;
        }
        bool is_right = value && has_kind(value, f);
        CU_ASSERT(is_right);
        if (!is_right) {
            fprintf(stderr, "\n    %s.%s\n", name, f->name);
            continue;
        }
        if (f->kind == CG_FIELD_OBJECT && f->of) {
            check_schema(f->of, value);
        }
        for (size_t i = 0; f->kind == CG_FIELD_ITEMS && i < cg_json_size(value);
             i++) {
            check_schema(f->of, cg_json_at(value, i));
        }
    }
}

/* So that there is one; of the deed itself, and of a check. */
static void publish_policy(void)
{
    got_t list =
        admin_ask((asked_t){.path = "/policy-versions", .query = "limit=1"});
    int base = (int)cg_json_get_int(item(&list, 0), "version", 0);
    const char *document = apr_psprintf(
        admin_pool(),
        "{\"document\":{\"types\":[{\"type\":\"US_SSN\",\"action\":\"block\"}],"
        "\"lists\":[{\"name\":\"l%d\",\"words\":[\"Falcon\"]}]}",
        base);
    got_t got = admin_ask(
        (asked_t){.path = "/policy-versions",
                  .body = apr_psprintf(admin_pool(), "%s,\"base_version\":%d}",
                                       document, base)});
    CU_ASSERT_EQUAL(got.status, 201);
    check_schema("PolicyVersionChanged", got.json);
    got = admin_ask(
        (asked_t){.path = "/policy-checks",
                  .body = apr_pstrcat(admin_pool(), document, "}", NULL)});
    check_schema("PolicyCheck", got.json);
}

static void every_answer_is_as_its_schema_says(void)
{
    got_t made = admin_ask((asked_t){
        .path = "/keys",
        .body = "{\"name\":\"s\",\"limits\":[\"9/60s\"],\"team\":\"blue\","
                "\"budget\":\"5USD/month\"}"});
    check_schema("KeyIssued", made.json);
    admin_write_request("0193600d-0000-7000-8000-000000000001", NOW, "served",
                        "hello");
    admin_ship();
    const char *id = answer_str(&made, "id");
    got_t got = admin_ask((asked_t){
        .path = apr_pstrcat(admin_pool(), "/keys/", id, "/revoke", NULL),
        .body = "{}"});
    check_schema("KeyChanged", got.json);
    got = admin_ask(
        (asked_t){.path = "/scan", .body = "{\"text\":\"a@b.example\"}"});
    check_schema("Scan", got.json);
    got = admin_ask(
        (asked_t){.path = "/signing-keys",
                  .body = "{\"name\":\"s\",\"algorithm\":\"hmac-sha256\","
                          "\"user\":\"ann\"}"});
    check_schema("SigningKeyIssued", got.json);
    got = admin_ask(
        (asked_t){.path = "/token-checks", .body = "{\"token\":\"a.b.c\"}"});
    check_schema("TokenCheck", got.json);
    publish_policy();
    admin_ask((asked_t){.path = "/alert-tests",
                        .body = "{\"note\":\"n\",\"way\":\"hook\"}"});
    admin_ask((asked_t){.path = "/keys",
                        .body = "{\"name\":\"t\",\"budget\":\"5USD/month\"}"});
    for (const cg_admin_endpoint_t *row = cg_admin_endpoints;
         row < cg_admin_endpoints + cg_admin_endpoints_count; row++) {
        if (strcmp(row->method, "GET") != 0 || strchr(row->path, '{') ||
            !row->answer || (row->flags & CG_ADMIN_IS_STREAM)) {
            continue;
        }
        got = admin_ask((asked_t){.path = row->path});
        CU_ASSERT_EQUAL(got.status, 200);
        if (row->flags & CG_ADMIN_IS_LIST) {
            CU_ASSERT(items(&got) > 0);
            for (size_t i = 0; i < items(&got); i++) {
                check_schema(row->answer, item(&got, i));
            }
        }
        else {
            check_schema(row->answer, got.json);
        }
    }
}

/* ---- records ------------------------------------------------------------ */

static void texts_are_for_those_who_may_see_them(void)
{
    admin_write_request("0193600d-0000-7000-8000-000000000002", AT(1), "served",
                        "the plan");
    admin_ship();
    static const char PATH[] = "/requests/0193600d-0000-7000-8000-000000000002";
    static const struct {
        unsigned role;
        bool may;
    } CASES[] = {{CG_ROLE_VIEWER, false},
                 {CG_ROLE_OPERATOR, false},
                 {CG_ROLE_COMPLIANCE, true},
                 {CG_ROLE_APPROVER, true},
                 {CG_ROLE_ADMIN, true}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        got_t one = admin_ask((asked_t){.path = PATH, .roles = CASES[i].role});
        got_t list =
            admin_ask((asked_t){.path = "/requests", .roles = CASES[i].role});
        CU_ASSERT_EQUAL(one.status, 200);
        CU_ASSERT_EQUAL(strstr(one.text, "the plan") != NULL, CASES[i].may);
        CU_ASSERT_EQUAL(strstr(list.text, "the plan") != NULL, CASES[i].may);
        CU_ASSERT_EQUAL(strstr(list.text, "pong") != NULL, CASES[i].may);
        got_t found = admin_ask((asked_t){
            .path = "/requests", .query = "q=plan", .roles = CASES[i].role});
        CU_ASSERT_EQUAL(found.status, CASES[i].may ? 200 : 403);
    }
}

static void operators_records_are_no_requests(void)
{
    admin_ask((asked_t){.path = "/keys", .body = "{\"name\":\"op\"}"});
    admin_ship();
    got_t got = admin_ask((asked_t){.path = "/requests", .query = "limit=500"});
    for (size_t i = 0; i < items(&got); i++) {
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(item(&got, i), "endpoint", ""),
                               "chat");
    }
    got = admin_ask((asked_t){.path = "/requests", .query = "endpoint=admin"});
    CU_ASSERT_EQUAL(items(&got), 0);
    got_t events = admin_ask((asked_t){
        .path = "/admin-events", .query = "operation=keys.create&limit=1"});
    CU_ASSERT_EQUAL(items(&events), 1);
    const char *id = cg_json_get_str(item(&events, 0), "id", "");
    got = admin_ask(
        (asked_t){.path = apr_pstrcat(admin_pool(), "/requests/", id, NULL)});
    CU_ASSERT_EQUAL(got.status, 404);
}

static void requests_are_paged_and_filtered(void)
{
    for (int i = 0; i < 7; i++) {
        admin_write_request(
            apr_psprintf(admin_pool(), "0193600e-0000-7000-8000-%012d", i),
            AT(100 + i), i % 2 ? "refused" : "served", "paged");
    }
    admin_ship();
    const char *cursor = "";
    size_t seen = 0;
    for (int page = 0; page < 10 && cursor; page++) {
        got_t got = admin_ask((asked_t){
            .path = "/requests",
            .query = apr_pstrcat(admin_pool(),
                                 "limit=2&q=paged&cursor=", cursor, NULL)});
        CU_ASSERT_EQUAL_FATAL(got.status, 200);
        CU_ASSERT(items(&got) <= 2);
        for (size_t i = 0; i < items(&got); i++, seen++) {
            CU_ASSERT_STRING_EQUAL(cg_json_get_str(item(&got, i), "id", ""),
                                   apr_psprintf(admin_pool(),
                                                "0193600e-0000-7000-8000-%012d",
                                                6 - (int)seen));
        }
        admin_write_request(
            apr_psprintf(admin_pool(), "0193600f-0000-7000-8000-%012d", page),
            AT(200 + page), "served", "paged");
        admin_ship();
        cursor = cg_json_get_str(got.json, "next_cursor", NULL);
    }
    CU_ASSERT_EQUAL(seen, 7);
    got_t got = admin_ask(
        (asked_t){.path = "/requests", .query = "decision=refused&limit=500"});
    CU_ASSERT_EQUAL(items(&got), 3);
    got = admin_ask((asked_t){.path = "/requests",
                              .query = "from=2025-11-24T22:50:11.042Z&"
                                       "to=2025-11-24T22:50:13.042Z"});
    CU_ASSERT_EQUAL(items(&got), 2);
}

/* ---- export ------------------------------------------------------------- */

typedef struct taken_t {
    cg_buf_t text;
    int pieces;
    int breaks_at;
    int status_at_first;
    const cg_admin_reply_t *reply;
} taken_t;

static apr_status_t take_piece(void *baton, cg_str_t piece)
{
    taken_t *taken = baton;
    if (taken->pieces == 0) {
        taken->status_at_first = taken->reply->status;
    }
    taken->pieces++;
    cg_buf_add(&taken->text, piece.ptr, piece.len);
    return taken->pieces == taken->breaks_at ? APR_ECONNABORTED : APR_SUCCESS;
}

static void export_into(taken_t *taken, cg_admin_reply_t *reply)
{
    cg_admin_call_t call = {
        .method = "GET",
        .path = "/exports",
        .query = "q=wide",
        .operator= {"carl", CG_ROLE_COMPLIANCE, "192.0.2.1"},
        .base = "/console/api/v1",
        .request_id = "req-2",
        .now = NOW,
        .on_piece = take_piece,
        .piece_baton = taken,
    };
    cg_buf_init(&taken->text, 0, admin_pool());
    taken->reply = reply;
    cg_admin_answer(admin_fixture(), &call, reply, admin_pool());
}

static size_t count_lines(const cg_buf_t *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->len; i++) {
        lines += text->ptr[i] == '\n';
    }
    return lines;
}

static void an_export_comes_in_pieces_and_is_recorded(void)
{
    char wide[4096] = "wide ";
    memset(wide + 5, 'w', sizeof wide - 6);
    wide[sizeof wide - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        admin_write_request(
            apr_psprintf(admin_pool(), "01936010-0000-7000-8000-%012d", i),
            AT(300 + i), "served", wide);
    }
    admin_ship();
    taken_t taken = {0};
    cg_admin_reply_t reply;
    export_into(&taken, &reply);
    CU_ASSERT_EQUAL(reply.status, 200);
    CU_ASSERT_EQUAL(taken.status_at_first, 200);
    CU_ASSERT(reply.was_streamed);
    CU_ASSERT_FALSE(reply.is_cut);
    CU_ASSERT_EQUAL(reply.body.len, 0);
    CU_ASSERT(taken.pieces > 3);
    CU_ASSERT_EQUAL(count_lines(&taken.text), 40);
    CU_ASSERT_STRING_EQUAL(reply.content_type, "application/x-ndjson");
    admin_ship();
    got_t got = admin_ask((asked_t){
        .path = apr_pstrcat(admin_pool(), "/admin-events/",
                            apr_table_get(reply.headers, "X-Audit-Id"), NULL)});
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "user"), "carl");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "operation"), "exports.get");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "decision"), "read");
}

static void a_broken_export_is_cut_and_not_ended(void)
{
    taken_t taken = {.breaks_at = 2};
    cg_admin_reply_t reply;
    export_into(&taken, &reply);
    CU_ASSERT_EQUAL(taken.pieces, 2);
    CU_ASSERT(reply.is_cut);
}

/* ---- sums --------------------------------------------------------------- */

static void sums_count_requests_and_not_operators(void)
{
    static const char QUERY[] =
        "from=2025-11-25T10:00:00Z&to=2025-11-25T10:10:00Z";
    apr_time_t at = NOW + apr_time_from_sec(11 * 3600 + 11 * 60 + 29 + 120);
    admin_write_request("01936011-0000-7000-8000-000000000001", at, "served",
                        "s");
    admin_write_request("01936011-0000-7000-8000-000000000002", at, "refused",
                        "s");
    admin_ask(
        (asked_t){.path = "/keys", .body = "{\"name\":\"n\"}", .now = at});
    admin_ship();
    got_t got =
        admin_ask((asked_t){.path = "/stats", .query = QUERY, .now = at});
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    const cg_json_t *totals = cg_json_get(got.json, "totals");
    CU_ASSERT_EQUAL(cg_json_get_int(totals, "requests", -1), 2);
    CU_ASSERT_EQUAL(cg_json_get_int(totals, "refused", -1), 1);
    CU_ASSERT_EQUAL(cg_json_get_int(totals, "failed", -1), 0);
    CU_ASSERT_EQUAL(cg_json_get_int(totals, "cost_micros", -1), 10);
    const cg_json_t *moments =
        cg_json_get(cg_json_get(got.json, "series"), "at");
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(moments, 0)),
                           "2025-11-25T10:00:00.000Z");
    got = admin_ask((asked_t){
        .path = "/stats", .query = "from=2020-01-01T00:00:00Z&step=minute"});
    CU_ASSERT_EQUAL(got.status, 400);
}

/* ---- limits ------------------------------------------------------------- */

static void limits_show_their_present_use(void)
{
    apr_time_t now = cg_clock_now(); /* Redis has its own clock */
    got_t made = admin_ask(
        (asked_t){.path = "/keys",
                  .body = "{\"name\":\"used\",\"limits\":[\"10/60s\"],"
                          "\"budget\":\"1USD/month\",\"team\":\"green\"}"});
    const char *id = answer_str(&made, "id");
    cg_limit_t limits[2] = {{0}};
    cg_limit_parse(CG_STR("10/60s"), &limits[0], NULL);
    cg_limit_parse(CG_STR("1USD/month"), &limits[1], NULL);
    cg_quota_ask_t asks[2] = {
        {.limit = &limits[0], .subject = cg_str(id), .cost = 1},
        {.limit = &limits[1], .subject = cg_str(id), .cost = 250000},
    };
    cg_quota_grant_t grant;
    cg_quota_admit(admin_fixture()->quota, "adm-1", asks, 2,
                   apr_time_from_sec(60), now, &grant, NULL, admin_pool());
    CU_ASSERT(grant.is_admitted);
    const char *query =
        apr_pstrcat(admin_pool(), "scope=key&subject=", id, NULL);
    got_t got = admin_ask((asked_t){
        .path = "/limits",
        .query = apr_pstrcat(admin_pool(), query, "&kind=limit", NULL)});
    CU_ASSERT_EQUAL_FATAL(items(&got), 1); /* its own, not the default */
    const cg_json_t *limit = item(&got, 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(limit, "limit", ""), "10/60s");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(limit, "label", ""), "used");
    CU_ASSERT_EQUAL(cg_json_get_int(limit, "used", -1), 1);
    CU_ASSERT_EQUAL(cg_json_get_int(limit, "remaining", -1), 9);
    CU_ASSERT(cg_json_get_int(limit, "reset_seconds", 0) > 0);
    char month[8];
    cg_clock_month(now, month);
    got = admin_ask((asked_t){.path = "/budgets", .query = query, .now = now});
    CU_ASSERT_EQUAL_FATAL(items(&got), 1);
    const cg_json_t *budget = item(&got, 0);
    CU_ASSERT_EQUAL(cg_json_get_int(budget, "used_micros", -1), 250000);
    CU_ASSERT_EQUAL(cg_json_get_int(budget, "held_micros", -1), 250000);
    CU_ASSERT_EQUAL(cg_json_get_int(budget, "remaining_micros", -1), 750000);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(budget, "period", ""), month);
}

static void an_address_is_shown_when_asked_for(void)
{
    got_t got = admin_ask((asked_t){
        .path = "/limits", .query = "scope=address&subject=192.0.2.9"});
    CU_ASSERT_EQUAL_FATAL(items(&got), 1);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(item(&got, 0), "limit", ""),
                           "100/15min");
    CU_ASSERT_EQUAL(cg_json_get_int(item(&got, 0), "used", -1), 0);
    got = admin_ask((asked_t){.path = "/limits", .query = "scope=address"});
    CU_ASSERT_EQUAL(items(&got), 0);
}

static void limits_are_paged_without_repeating_any(void)
{
    got_t whole = admin_ask((asked_t){.path = "/limits", .query = "limit=500"});
    CU_ASSERT(items(&whole) > 4);
    size_t at = 0;
    const char *cursor = "";
    for (int page = 0; page < 500 && cursor; page++) {
        got_t got = admin_ask(
            (asked_t){.path = "/limits",
                      .query = apr_pstrcat(admin_pool(),
                                           "limit=2&cursor=", cursor, NULL)});
        for (size_t i = 0; i < items(&got); i++, at++) {
            CU_ASSERT_STRING_EQUAL(
                cg_json_get_str(item(&got, i), "subject", "a"),
                cg_json_get_str(item(&whole, at), "subject", "b"));
        }
        cursor = cg_json_get_str(got.json, "next_cursor", NULL);
    }
    CU_ASSERT_EQUAL(at, items(&whole));
}

static void configured_lists_are_paged_too(void)
{
    got_t got = admin_ask((asked_t){.path = "/policies", .query = "limit=2"});
    CU_ASSERT_EQUAL(items(&got), 2);
    got = admin_ask(
        (asked_t){.path = "/policies",
                  .query = apr_pstrcat(admin_pool(), "limit=2&cursor=",
                                       answer_str(&got, "next_cursor"), NULL)});
    CU_ASSERT_EQUAL(items(&got), 1);
    CU_ASSERT(cg_json_is_null(cg_json_get(got.json, "next_cursor")));
}

/* ---- trying a text ------------------------------------------------------ */

static void a_tried_text_is_masked_and_kept_nowhere(void)
{
    got_t got = admin_ask((asked_t){
        .path = "/scan",
        .body = "{\"text\":\"\xe4\xbd\xa0\xe5\xa5\xbd ann@corp.example\"}"});
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    const cg_json_t *entity = cg_json_at(cg_json_get(got.json, "entities"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(entity, "type", ""),
                           "EMAIL_ADDRESS");
    CU_ASSERT_EQUAL(cg_json_get_int(entity, "start", -1), 3);
    CU_ASSERT_EQUAL(cg_json_get_int(entity, "end", -1), 19);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "masked"),
                           "\xe4\xbd\xa0\xe5\xa5\xbd [EMAIL_ADDRESS]");
    admin_ship();
    got_t event = admin_ask(
        (asked_t){.path = apr_pstrcat(admin_pool(), "/admin-events/",
                                      answer_str(&got, "audit_id"), NULL)});
    CU_ASSERT_STRING_EQUAL(answer_str(&event, "operation"), "scan.text");
    CU_ASSERT_PTR_NULL(strstr(event.text, "corp.example"));
}

static void an_empty_text_holds_nothing(void)
{
    got_t got =
        admin_ask((asked_t){.path = "/scan", .body = "{\"text\":\"\"}"});
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "entities")), 0);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "masked"), "");
}

CU_TestInfo test_admin_records[] = {
    {"every_answer_is_as_its_schema_says", every_answer_is_as_its_schema_says},
    {"texts_are_for_those_who_may_see_them",
     texts_are_for_those_who_may_see_them},
    {"operators_records_are_no_requests", operators_records_are_no_requests},
    {"requests_are_paged_and_filtered", requests_are_paged_and_filtered},
    {"an_export_comes_in_pieces_and_is_recorded",
     an_export_comes_in_pieces_and_is_recorded},
    {"a_broken_export_is_cut_and_not_ended",
     a_broken_export_is_cut_and_not_ended},
    {"sums_count_requests_and_not_operators",
     sums_count_requests_and_not_operators},
    {"limits_show_their_present_use", limits_show_their_present_use},
    {"an_address_is_shown_when_asked_for", an_address_is_shown_when_asked_for},
    {"limits_are_paged_without_repeating_any",
     limits_are_paged_without_repeating_any},
    {"configured_lists_are_paged_too", configured_lists_are_paged_too},
    {"a_tried_text_is_masked_and_kept_nowhere",
     a_tried_text_is_masked_and_kept_nowhere},
    {"an_empty_text_holds_nothing", an_empty_text_holds_nothing},
    CU_TEST_INFO_NULL,
};
