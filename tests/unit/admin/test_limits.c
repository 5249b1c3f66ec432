/* Limits of single objects through the admin API: set, read, forecast, as CSV, and taken away again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "admin_fixture.h"
#include "base/clock.h"

extern CU_TestInfo test_admin_limits[];

static got_t set(const char *path, const char *body, const char *etag)
{
    return admin_ask((asked_t){
        .method = "PUT",
        .path = path,
        .body = body,
        .more = etag ? apr_pstrcat(admin_pool(), "If-Match: ", etag, "\n", NULL)
                     : NULL});
}

static got_t take_away(const char *path, const char *etag)
{
    return admin_ask((asked_t){
        .method = "DELETE",
        .path = path,
        .body = "{}",
        .more = apr_pstrcat(admin_pool(), "If-Match: ", etag, "\n", NULL)});
}

static int64_t version_of(const char *path)
{
    got_t got = admin_ask((asked_t){.path = path});
    CU_ASSERT_EQUAL(got.status, 200);
    return cg_json_get_int(got.json, "version", -1);
}

static cg_json_t *event_of(const got_t *got)
{
    admin_ship();
    got_t event = admin_ask(
        (asked_t){.path = apr_pstrcat(admin_pool(), "/admin-events/",
                                      answer_str(got, "audit_id"), NULL)});
    CU_ASSERT_EQUAL(event.status, 200);
    return event.json;
}

static const char *after_of(const cg_json_t *event, const char *member,
                            const char *side)
{
    const cg_json_t *pair = cg_json_get(cg_json_get(event, "change"), member);
    return cg_json_dump(cg_json_get(pair, side), NULL, admin_pool());
}

/* ---- tests ------------------------------------------------------------------- */

static void a_limit_is_set_read_and_taken_away_with_its_difference(void)
{
    static const char PATH[] = "/limits/team/unit%20one";
    got_t got = set(PATH, "{\"limits\":[\"5/60s\"],\"reason\":\"r\"}", "\"0\"");
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "ETag"), "\"1\"");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "subject"), "unit one");
    cg_json_t *event = event_of(&got);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "subject", ""),
                           "limits/team/unit one");
    CU_ASSERT_STRING_EQUAL(after_of(event, "limits", "before"), "[]");
    CU_ASSERT_STRING_EQUAL(after_of(event, "limits", "after"), "[\"5/60s\"]");
    got = set(PATH, "{\"budgets\":[\"1USD/day\"]}", "\"1\"");
    CU_ASSERT_EQUAL(got.status, 200);
    event = event_of(&got);
    CU_ASSERT_STRING_EQUAL(after_of(event, "limits", "before"), "[\"5/60s\"]");
    CU_ASSERT_STRING_EQUAL(after_of(event, "budgets", "after"),
                           "[\"1USD/day\"]");
    CU_ASSERT_EQUAL(take_away(PATH, "\"2\"").status, 200);
    CU_ASSERT_EQUAL(version_of(PATH), 0);
    CU_ASSERT_EQUAL(take_away(PATH, "\"2\"").status, 404);
}

static void a_stale_version_changes_nothing(void)
{
    static const char PATH[] = "/limits/user/stale";
    CU_ASSERT_EQUAL(set(PATH, "{\"limits\":[\"5/60s\"]}", NULL).status, 428);
    CU_ASSERT_EQUAL(set(PATH, "{\"limits\":[\"5/60s\"]}", "\"4\"").status, 412);
    CU_ASSERT_EQUAL(version_of(PATH), 0);
    CU_ASSERT_EQUAL(set(PATH, "{\"limits\":[\"5/60s\"]}", "*").status, 200);
    CU_ASSERT_EQUAL(set(PATH, "{\"limits\":[\"6/60s\"]}", "\"0\"").status, 412);
    CU_ASSERT_EQUAL(version_of(PATH), 1);
    CU_ASSERT_EQUAL(take_away(PATH, "*").status, 200);
}

static void what_cannot_be_a_limit_or_an_object_is_refused_with_its_place(void)
{
    static const struct {
        const char *path, *body, *pointer, *code;
    } cases[] = {
        {"/limits/team/a", "{\"limits\":[\"1/1s\",\"x\"]}", "/limits/1",
         "bad_limit"},
        {"/limits/team/a", "{\"limits\":[\"5USD/day\"]}", "/limits/0",
         "bad_limit"},
        {"/limits/team/a", "{\"budgets\":[\"5/day\"]}", "/budgets/0",
         "bad_limit"},
        {"/limits/team/a", "{\"limits\":[\"1/1s\",\"2/1s soft\"]}", "/limits/1",
         "duplicate"},
        {"/limits/team/a", "{}", "/limits", "required"},
        {"/limits/tea/a", "{\"limits\":[\"1/1s\"]}", "/dimension",
         "not_a_choice"},
        {"/limits/team+team/a", "{\"limits\":[\"1/1s\"]}", "/dimension",
         "not_a_choice"},
        {"/limits/team+model/a", "{\"limits\":[\"1/1s\"]}", "/subject",
         "bad_subject"},
        {"/limits/team/a%0ab", "{\"limits\":[\"1/1s\"]}", "/subject",
         "bad_subject"},
        {"/limits/team/a%00", "{\"limits\":[\"1/1s\"]}", "/subject", "bad_id"},
        {"/limits/team/%ff", "{\"limits\":[\"1/1s\"]}", "/subject", "bad_id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        got_t got = set(cases[i].path, cases[i].body, "\"0\"");
        CU_ASSERT_EQUAL(got.status, 400);
        CU_ASSERT(answer_fault(&got, cases[i].pointer, cases[i].code));
    }
    char *longest = apr_pstrcat(admin_pool(), "/limits/team/", NULL);
    for (int i = 0; i < 257; i++) {
        longest = apr_pstrcat(admin_pool(), longest, "a", NULL);
    }
    CU_ASSERT_EQUAL(set(longest, "{\"limits\":[\"1/1s\"]}", "\"0\"").status,
                    400);
    longest[strlen(longest) - 1] = '\0';
    CU_ASSERT_EQUAL(set(longest, "{\"limits\":[\"1/1s\"]}", "\"0\"").status,
                    200);
    CU_ASSERT_EQUAL(take_away(longest, "*").status, 200);
}

static void a_subject_may_have_slashes(void)
{
    static const char PATH[] = "/limits/model/acme/x/1";
    got_t got = set(PATH, "{\"limits\":[\"9concurrent\"]}", "\"0\"");
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "subject"), "acme/x/1");
    got = admin_ask((asked_t){.path = "/limits",
                              .query = "dimension=model&subject=acme/x/1"});
    const cg_json_t *items = cg_json_get(got.json, "items");
    bool is_there = false;
    for (size_t i = 0; i < cg_json_size(items); i++) {
        const char *by = cg_json_get_str(cg_json_at(items, i), "set_by", "");
        is_there = is_there || strcmp(by, "console") == 0;
    }
    CU_ASSERT(is_there);
    CU_ASSERT_EQUAL(take_away(PATH, "*").status, 200);
}

static void a_change_that_cannot_be_recorded_is_taken_back(void)
{
    static const char PATH[] = "/limits/team/unrecorded";
    struct rlimit was, none;
    CU_ASSERT_EQUAL(set(PATH, "{\"limits\":[\"5/60s\"]}", "\"0\"").status, 200);
    getrlimit(RLIMIT_FSIZE, &was);
    none = was;
    none.rlim_cur = 0; /* as on a full disk: no file may grow */
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &none);
    got_t changed = set(PATH, "{\"limits\":[\"6/60s\"]}", "\"1\"");
    got_t gone = take_away(PATH, "*");
    got_t made = set("/limits/team/never", "{\"limits\":[\"1/1s\"]}", "\"0\"");
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(changed.status, 500);
    CU_ASSERT_EQUAL(gone.status, 500);
    CU_ASSERT_EQUAL(made.status, 500);
    got_t got = admin_ask((asked_t){.path = PATH});
    CU_ASSERT_STRING_EQUAL(
        cg_json_dump(cg_json_get(got.json, "limits"), NULL, admin_pool()),
        "[\"5/60s\"]");
    CU_ASSERT_EQUAL(version_of("/limits/team/never"), 0);
    CU_ASSERT_EQUAL(take_away(PATH, "*").status, 200);
}

static got_t bring(const char *csv, bool is_dry)
{
    size_t len = strlen(csv);
    cg_buf_t body;
    cg_buf_init(&body, len + 64, admin_pool());
    cg_buf_str(&body, "{\"csv\":");
    cg_buf_json_string(&body, csv, len);
    cg_buf_fmt(&body, ",\"dry_run\":%s}", is_dry ? "true" : "false");
    return admin_ask(
        (asked_t){.path = "/limits-import", .body = cg_buf_cstr(&body)});
}

static void csv_goes_out_as_it_came_in_and_no_cell_is_a_formula(void)
{
    static const char CSV[] =
        "dimension,subject,limits,budgets\r\n"
        "user,\"=1+1\",5/60s 2concurrent;soft,3USD/month;tz=Asia/Tokyo\r\n"
        "team+user,\"csv+@x\",7/1h,\r\n";
    got_t got = bring(CSV, true);
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "created", -1), 2);
    CU_ASSERT_EQUAL(version_of("/limits/user/=1+1"), 0);
    got = bring(CSV, false);
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "created", -1), 2);
    got = bring(CSV, false);
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "unchanged", -1), 2);
    got_t out = admin_ask((asked_t){.path = "/limits-export"});
    CU_ASSERT(strstr(out.text, "\"'=1+1\"") != NULL);
    got = bring(out.text, false);
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "failed", -1), 0);
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "updated", -1), 0);
    CU_ASSERT_EQUAL(take_away("/limits/user/=1+1", "*").status, 200);
    CU_ASSERT_EQUAL(take_away("/limits/user+team/csv+@x", "*").status, 200);
}

static void without_a_gateway_nothing_can_be_tried(void)
{
    got_t got = admin_ask((asked_t){.path = "/limit-simulations",
                                    .body = "{\"model\":\"gpt-4o\"}"});
    CU_ASSERT_EQUAL(got.status, 503);
}

static void a_frozen_store_is_told_and_nothing_is_made_up(void)
{
    admin_freeze();
    got_t list = admin_ask((asked_t){.path = "/limits"});
    got_t one = admin_ask((asked_t){.path = "/limits/team/a"});
    got_t put = set("/limits/team/a", "{\"limits\":[\"1/1s\"]}", "\"0\"");
    got_t out = admin_ask((asked_t){.path = "/limits-export"});
    admin_wake();
    apr_sleep(600000); /* the breaker's probe */
    CU_ASSERT_EQUAL(list.status, 503);
    CU_ASSERT_EQUAL(one.status, 503);
    CU_ASSERT_EQUAL(put.status, 503);
    CU_ASSERT_EQUAL(out.status, 503);
    CU_ASSERT_EQUAL(version_of("/limits/team/a"), 0);
}

CU_TestInfo test_admin_limits[] = {
    {"a limit is set, read and taken away with its difference",
     a_limit_is_set_read_and_taken_away_with_its_difference},
    {"a stale version changes nothing", a_stale_version_changes_nothing},
    {"what cannot be a limit or an object is refused with its place",
     what_cannot_be_a_limit_or_an_object_is_refused_with_its_place},
    {"a subject may have slashes", a_subject_may_have_slashes},
    {"a change that cannot be recorded is taken back",
     a_change_that_cannot_be_recorded_is_taken_back},
    {"csv goes out as it came in and no cell is a formula",
     csv_goes_out_as_it_came_in_and_no_cell_is_a_formula},
    {"without a gateway nothing can be tried",
     without_a_gateway_nothing_can_be_tried},
    {"a frozen store is told and nothing is made up",
     a_frozen_store_is_told_and_nothing_is_made_up},
    CU_TEST_INFO_NULL};
