/* People and teams through the admin API: gathered from keys and records.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "admin_fixture.h"

extern CU_TestInfo test_admin_people[];

static const cg_json_t *item(const got_t *got, size_t i)
{
    return cg_json_at(cg_json_get(got->json, "items"), i);
}

static size_t items(const got_t *got)
{
    return cg_json_size(cg_json_get(got->json, "items"));
}

static got_t ask(const char *path, const char *query)
{
    got_t got = admin_ask((asked_t){.path = path, .query = query});
    /* A busy machine may let a store that is there look away for a moment. */
    for (int i = 0; i < 20 && got.status == 503; i++) {
        apr_sleep(200000);
        got = admin_ask((asked_t){.path = path, .query = query});
    }
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    return got;
}

/* The only row whose name contains that. */
static const cg_json_t *one(const char *path, const char *name)
{
    got_t got = ask(path, apr_pstrcat(admin_pool(), "q=", name, NULL));
    CU_ASSERT_EQUAL(items(&got), 1);
    return item(&got, 0);
}

static apr_int64_t number(const cg_json_t *row, const char *name)
{
    return cg_json_get_int(row, name, -1);
}

static const char *create(const char *members)
{
    got_t got = admin_ask(
        (asked_t){.path = "/keys",
                  .body = apr_pstrcat(admin_pool(), "{\"name\":\"k\",", members,
                                      "}", NULL)});
    CU_ASSERT_EQUAL_FATAL(got.status, 201);
    return answer_str(&got, "id");
}

static void a_person_has_the_keys_that_stand_for_them_and_those_they_own(void)
{
    create("\"user\":\"p.lovelace\",\"team\":\"p-engine\",\"owner\":\"p."
           "babbage\"");
    create("\"user\":\"p.lovelace\",\"team\":\"p-tables\","
           "\"expires_at\":\"2026-02-01T00:00:00Z\"");
    create("\"user\":\"p.lovelace\",\"expires_at\":\"2026-01-01T00:00:00Z\"");
    const cg_json_t *row = one("/people", "p.lovelace");
    CU_ASSERT_EQUAL(number(row, "keys"), 3);
    CU_ASSERT_EQUAL(number(row, "active_keys"), 3);
    CU_ASSERT_EQUAL(number(row, "owned_keys"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(row, "expires_at", ""),
                           "2026-01-01T00:00:00.000Z");
    const cg_json_t *teams = cg_json_get(row, "teams");
    CU_ASSERT_EQUAL(cg_json_size(teams), 2);
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(teams, 0)), "p-engine");
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(teams, 1)), "p-tables");
    const cg_json_t *owner = one("/people", "P.Babbage");
    CU_ASSERT_EQUAL(number(owner, "keys"), 0);
    CU_ASSERT_EQUAL(number(owner, "owned_keys"), 1);
}

static void revoked_and_expired_keys_are_counted_but_not_as_active(void)
{
    const char *id = create("\"user\":\"p.hopper\",\"team\":\"p-navy\"");
    create("\"user\":\"p.hopper\",\"team\":\"p-navy\","
           "\"expires_at\":\"2026-01-01T00:00:00Z\"");
    got_t got = admin_ask((asked_t){
        .path = apr_pstrcat(admin_pool(), "/keys/", id, "/revoke", NULL),
        .body = "{}"});
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    got = admin_ask((asked_t){.path = "/people",
                              .query = "q=p.hopper",
                              .now = NOW + apr_time_from_sec(60 * 86400)});
    CU_ASSERT_EQUAL(number(item(&got, 0), "keys"), 2);
    CU_ASSERT_EQUAL(number(item(&got, 0), "active_keys"), 0);
    CU_ASSERT(cg_json_is_null(cg_json_get(item(&got, 0), "expires_at")));
    CU_ASSERT_EQUAL(number(one("/teams", "p-navy"), "active_keys"), 1);
}

static void a_team_counts_its_people_once(void)
{
    create("\"user\":\"p.curie\",\"team\":\"p-lab\"");
    create("\"user\":\"p.curie\",\"team\":\"p-lab\"");
    create("\"user\":\"p.meitner\",\"team\":\"p-lab\"");
    create("\"team\":\"p-lab\"");
    const cg_json_t *row = one("/teams", "p-lab");
    CU_ASSERT_EQUAL(number(row, "people"), 2);
    CU_ASSERT_EQUAL(number(row, "keys"), 4);
}

/* As those have none who come by a token: the record is all there is. */
static void who_only_calls_is_there_too_with_the_last_time(void)
{
    got_t before = ask("/people", "q=ann");
    apr_int64_t had = items(&before) ? number(item(&before, 0), "requests") : 0;
    apr_time_t at = NOW + apr_time_from_sec(50);
    admin_write_request("0193600d-0000-7000-8000-0000000000a1", at, "served",
                        "one");
    admin_write_request("0193600d-0000-7000-8000-0000000000a2", at, "served",
                        "two");
    admin_ship();
    const cg_json_t *row = one("/people", "ann");
    CU_ASSERT_EQUAL(number(row, "requests"), had + 2);
    CU_ASSERT(strcmp(cg_json_get_str(row, "last_used_at", ""),
                     "2025-11-24T22:49:21") > 0);
    CU_ASSERT(number(one("/teams", "red"), "requests") >= 2);
    got_t got = ask("/people", NULL);
    CU_ASSERT(number(got.json, "records_read") >= 2);
    CU_ASSERT(!cg_json_is_null(cg_json_get(got.json, "since")));
    CU_ASSERT_FALSE(cg_json_get_bool(got.json, "is_cut", true));
}

static void operators_are_no_callers(void)
{
    admin_ask((asked_t){
        .path = "/keys", .body = "{\"name\":\"x\"}", .user = "p.operator"});
    admin_ship();
    got_t got = ask("/people", "q=p.operator");
    CU_ASSERT_EQUAL(items(&got), 0);
}

static void pages_follow_each_other_by_name(void)
{
    create("\"user\":\"p.page-b\",\"team\":\"p-page\"");
    create("\"user\":\"p.page-a\",\"team\":\"p-page\"");
    create("\"user\":\"p.page-c\",\"team\":\"p-page\"");
    got_t first = ask("/people", "q=p.page&limit=2");
    CU_ASSERT_EQUAL(items(&first), 2);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(item(&first, 0), "name", ""),
                           "p.page-a");
    create("\"user\":\"p.page-aa\"");
    const char *cursor = answer_str(&first, "next_cursor");
    got_t second =
        ask("/people", apr_pstrcat(admin_pool(),
                                   "q=p.page&limit=2&cursor=", cursor, NULL));
    CU_ASSERT_EQUAL(items(&second), 1);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(item(&second, 0), "name", ""),
                           "p.page-c");
    CU_ASSERT(cg_json_is_null(cg_json_get(second.json, "next_cursor")));
    got_t wrong = admin_ask(
        (asked_t){.path = "/teams",
                  .query = apr_pstrcat(admin_pool(), "cursor=", cursor, NULL)});
    CU_ASSERT_EQUAL(wrong.status, 400);
    CU_ASSERT(answer_fault(&wrong, "/cursor", "bad_cursor"));
}

static void while_the_store_is_away_nothing_is_made_up(void)
{
    admin_freeze();
    got_t got = admin_ask((asked_t){.path = "/people"});
    admin_wake();
    CU_ASSERT_EQUAL(got.status, 503);
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "Retry-After"), "5");
    ask("/people", NULL); /* waits for the breaker's probe */
}

CU_TestInfo test_admin_people[] = {
    {"a_person_has_the_keys_that_stand_for_them_and_those_they_own",
     a_person_has_the_keys_that_stand_for_them_and_those_they_own},
    {"revoked_and_expired_keys_are_counted_but_not_as_active",
     revoked_and_expired_keys_are_counted_but_not_as_active},
    {"a_team_counts_its_people_once", a_team_counts_its_people_once},
    {"who_only_calls_is_there_too_with_the_last_time",
     who_only_calls_is_there_too_with_the_last_time},
    {"operators_are_no_callers", operators_are_no_callers},
    {"pages_follow_each_other_by_name", pages_follow_each_other_by_name},
    {"while_the_store_is_away_nothing_is_made_up",
     while_the_store_is_away_nothing_is_made_up},
    CU_TEST_INFO_NULL,
};
