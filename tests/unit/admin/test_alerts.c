/* Alerts through the admin API: a test alert, the feed, who has seen it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "admin_fixture.h"

static got_t send_test(const char *body)
{
    return admin_ask((asked_t){.path = "/alert-tests", .body = body});
}

static void a_test_alert_stands_in_the_feed_and_waits(void)
{
    got_t made = send_test("{\"note\":\"hello\",\"way\":\"hook\"}");
    CU_ASSERT_EQUAL_FATAL(made.status, 202);
    CU_ASSERT_STRING_EQUAL(answer_str(&made, "kind"), "test");
    CU_ASSERT_STRING_EQUAL(answer_str(&made, "note"), "hello");
    CU_ASSERT_STRING_EQUAL(answer_str(&made, "subject"), "root");
    CU_ASSERT(strlen(answer_str(&made, "audit_id")) == 36);
    const cg_json_t *sent = cg_json_at(cg_json_get(made.json, "deliveries"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(sent, "way", ""), "hook");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(sent, "state", ""), "waiting");
    got_t found = admin_ask(
        (asked_t){.path = "/alerts", .query = "kind=test&delivery=waiting"});
    CU_ASSERT_EQUAL_FATAL(found.status, 200);
    const cg_json_t *items = cg_json_get(found.json, "items");
    bool is_there = false;
    for (size_t i = 0; i < cg_json_size(items); i++) {
        is_there =
            is_there || strcmp(cg_json_get_str(cg_json_at(items, i), "id", ""),
                               answer_str(&made, "id")) == 0;
    }
    CU_ASSERT(is_there);
}

static void a_way_that_nobody_named_is_refused(void)
{
    got_t got = send_test("{\"way\":\"nobody\"}");
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT(answer_fault(&got, "/way", "unknown"));
}

static void an_alert_is_acknowledged_once(void)
{
    got_t made = send_test("{}");
    const char *path =
        apr_pstrcat(admin_pool(), "/alerts/", answer_str(&made, "id"), NULL);
    const char *at = apr_pstrcat(admin_pool(), path, "/acknowledge", NULL);
    got_t seen = admin_ask(
        (asked_t){.path = at, .body = "{\"note\":\"ok\"}", .user = "ann"});
    CU_ASSERT_EQUAL_FATAL(seen.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&seen, "acknowledged_by"), "ann");
    CU_ASSERT_STRING_EQUAL(answer_str(&seen, "acknowledged_note"), "ok");
    got_t again = admin_ask((asked_t){.path = at, .body = "{}", .user = "bob"});
    CU_ASSERT_EQUAL(again.status, 409);
    got_t read = admin_ask((asked_t){.path = path});
    CU_ASSERT_STRING_EQUAL(answer_str(&read, "acknowledged_by"), "ann");
    CU_ASSERT_EQUAL(
        admin_ask((asked_t){.path = "/alerts/none/acknowledge", .body = "{}"})
            .status,
        404);
    admin_ship();
    got_t events = admin_ask((asked_t){
        .path = "/admin-events", .query = "operation=alerts.acknowledge"});
    const cg_json_t *event = cg_json_at(cg_json_get(events.json, "items"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "user", ""), "ann");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "subject", ""), path + 1);
}

static void a_way_shows_no_path_and_no_name_in_its_url(void)
{
    got_t got = admin_ask((asked_t){.path = "/alert-ways"});
    const cg_json_t *way = cg_json_at(cg_json_get(got.json, "items"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(way, "url", ""),
                           "https://alerts.example:8443");
    CU_ASSERT_PTR_NULL(strstr(got.text, "token"));
    CU_ASSERT_PTR_NULL(strstr(got.text, "user@"));
}

CU_TestInfo test_admin_alerts[] = {
    {"a_test_alert_stands_in_the_feed_and_waits",
     a_test_alert_stands_in_the_feed_and_waits},
    {"a_way_that_nobody_named_is_refused", a_way_that_nobody_named_is_refused},
    {"an_alert_is_acknowledged_once", an_alert_is_acknowledged_once},
    {"a_way_shows_no_path_and_no_name_in_its_url",
     a_way_shows_no_path_and_no_name_in_its_url},
    CU_TEST_INFO_NULL,
};
