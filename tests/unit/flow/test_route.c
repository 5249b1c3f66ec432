/* Step 4, route, and another attempt: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "redact/rules.h"
#include "walk.h"

#define CHAT "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"}]}"

static cg_txn_t *open_txn(walk_t *walk)
{
    walk_open_dry(walk);
    return walk_request(walk, CG_ENDPOINT_CHAT, CHAT);
}

static void route_goes_to_the_next_account_after_a_failure(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->route.account->name, "one");
    CU_ASSERT(cg_flow_may_retry(txn, 429));
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->route.account->name, "two");
    CU_ASSERT_FALSE(cg_flow_may_retry(txn, 429)); /* all are spent */
    CU_ASSERT(cg_flow_may_retry(txn, 0));         /* a hiccup: once more */
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->route.attempts, 3);
    CU_ASSERT_FALSE(cg_flow_may_retry(txn, 0)); /* two retries are the most */
    walk_close(&walk);
}

static void route_tries_again_only_what_another_may_mend(void)
{
    static const int no[] = {200, 400, 404, 409, 422, 501};
    static const int yes[] = {0, 401, 402, 403, 408, 429, 500, 502, 503, 504};
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_flow_route(txn);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        CU_ASSERT_FALSE(cg_flow_may_retry(txn, no[i]));
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        CU_ASSERT(cg_flow_may_retry(txn, yes[i]));
    }
    txn->answer.is_aborted = true;
    CU_ASSERT_FALSE(cg_flow_may_retry(txn, 0));
    walk_close(&walk);
}

static void route_keeps_to_the_places_accounts(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    walk_say(&walk, "ChatGPTRoute", "two two nobody");
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->route.account->name, "two");
    CU_ASSERT_FALSE(cg_flow_may_retry(txn, 429));
    walk_say(&walk, "ChatGPTRoute", "nobody");
    walk.policy->routes = NULL;
    walk.gateway.accounts = NULL;
    static const cg_accounts_t none = {0};
    walk.gateway.accounts = &none;
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_NO_UPSTREAM);
    walk_close(&walk);
}

static void route_learns_from_attempts(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_flow_route(txn);
    cg_flow_attempted(txn, 429, "retried", apr_time_from_sec(30));
    txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    cg_flow_route(txn);
    CU_ASSERT_STRING_EQUAL(txn->route.account->name, "two");
    txn->answer.is_aborted = true;
    cg_flow_attempted(txn, 0, "aborted", 0);
    CU_ASSERT_EQUAL(walk.gateway.health->rows[1].failures, 0);
    walk_close(&walk);
}

/* Two upstreams, one in hk; a region that lets cn and hk receive. */
static void stand_in_region(walk_t *walk, const char *second)
{
    static const char rules[] = "pack cn\nregion cn upstreams cn,hk\n";
    cg_rules_spec_t spec = {0};
    cg_rules_t *made = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(
        cg_rules_parse("cn.rules", cg_str(rules), &spec, &err, walk->pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &made, &err, walk->pool),
                          APR_SUCCESS);
    cg_accounts_t *accounts = apr_pmemdup(walk->pool, walk->gateway.accounts,
                                          sizeof *accounts);
    accounts->rows[1].region = second;
    walk->gateway.accounts = accounts;
    walk->gateway.rules = made;
    walk_say(walk, "ChatGPTRegion", "CN");
}

static void route_never_leaves_the_region_of_the_place(void)
{
    walk_t walk;
    open_txn(&walk);
    stand_in_region(&walk, "hk");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->region.rules.name, "cn");
    for (int i = 0; i < 3; i++) { /* no retry and no rest brings another */
        CU_ASSERT_EQUAL(cg_flow_route(txn), CG_PASS);
        CU_ASSERT_STRING_EQUAL(txn->route.account->name, "two");
        cg_flow_attempted(txn, 503, "retried", apr_time_from_sec(30));
        CU_ASSERT_FALSE(cg_flow_may_retry(txn, 429));
        if (i < 2) {
            CU_ASSERT(cg_flow_may_retry(txn, 0));
        }
    }
    txn->route.tried = ~UINT32_C(0);
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_NO_UPSTREAM);
    walk_close(&walk);
}

static void route_refuses_where_no_upstream_may_receive(void)
{
    static const char *const elsewhere[] = {"us", NULL};
    for (int i = 0; i < 2; i++) { /* what nobody said is not allowed either */
        walk_t walk;
        open_txn(&walk);
        stand_in_region(&walk, elsewhere[i]);
        cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
        CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
        CU_ASSERT_EQUAL(cg_flow_route(txn), CG_REGION_UNSERVED);
        CU_ASSERT_PTR_NULL(txn->route.account);
        walk_close(&walk);
    }
}

static void route_refuses_a_region_whose_rules_are_not_loaded(void)
{
    walk_t walk;
    open_txn(&walk);
    stand_in_region(&walk, "hk");
    walk_say(&walk, "ChatGPTRegion", "mars");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_REGION_UNKNOWN);
    walk_close(&walk);
}

CU_TestInfo test_flow_route[] = {
    {"route_goes_to_the_next_account_after_a_failure",
     route_goes_to_the_next_account_after_a_failure},
    {"route_tries_again_only_what_another_may_mend",
     route_tries_again_only_what_another_may_mend},
    {"route_keeps_to_the_places_accounts", route_keeps_to_the_places_accounts},
    {"route_learns_from_attempts", route_learns_from_attempts},
    {"route_never_leaves_the_region_of_the_place",
     route_never_leaves_the_region_of_the_place},
    {"route_refuses_where_no_upstream_may_receive",
     route_refuses_where_no_upstream_may_receive},
    {"route_refuses_a_region_whose_rules_are_not_loaded",
     route_refuses_a_region_whose_rules_are_not_loaded},
    CU_TEST_INFO_NULL,
};
