/* What is done with each type: place, document, packs, lock and key: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "redact/document.h"
#include "redact/scan.h"
#include "walk.h"

#define CHAT "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"}]}"
#define MAIL CG_TYPE_EMAIL_ADDRESS
#define CARD CG_TYPE_CREDIT_CARD

/* Two packs, the first of them chosen. */
static const cg_rules_t *make_rules(apr_pool_t *pool)
{
    cg_rules_spec_t all = {0};
    cg_rules_t *made = NULL;
    cg_error_t err = {""};
    static const char *const lines[] = {
        "pack home\ntype EMAIL_ADDRESS mask\ntype CREDIT_CARD log\n",
        "pack strict\ntype CREDIT_CARD block\nregion east\nkeep 1h\n"};
    for (int i = 0; i < 2; i++) {
        cg_rules_spec_t spec = {0};
        CU_ASSERT_EQUAL_FATAL(cg_rules_parse(i ? "strict.rules" : "home.rules",
                                             cg_str(lines[i]), &spec, &err,
                                             pool),
                              APR_SUCCESS);
        CU_ASSERT_EQUAL_FATAL(cg_rules_spec_add(&all, &spec, &err, pool),
                              APR_SUCCESS);
    }
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&all, &made, &err, pool),
                          APR_SUCCESS);
    return cg_rules_select(made, 1, pool);
}

static cg_txn_t *open_txn(walk_t *walk)
{
    walk_open_dry(walk);
    walk->gateway.rules = make_rules(walk->pool);
    return walk_request(walk, CG_ENDPOINT_CHAT, CHAT);
}

static int of(const cg_actions_t *actions, int type)
{
    return actions->by_type[type];
}

static void actions_are_the_packs_where_nobody_says_more(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_MASK);
    CU_ASSERT_EQUAL(of(&txn->out.answer_actions, CARD), CG_ACTION_LOG);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CG_TYPE_US_SSN), CG_ACTION_ALLOW);
    CU_ASSERT_EQUAL(txn->region.rules.keep_for, 0);
    walk_close(&walk);
}

static void actions_go_by_the_place_before_the_document_before_the_packs(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_published_t set = {.rules = txn->rules};
    set.said_request[MAIL] = 1 + CG_ACTION_BLOCK;
    set.said_request[CARD] = 1 + CG_ACTION_PARTIAL;
    set.said_request[CG_TYPE_US_SSN] = 1 + CG_ACTION_MASK;
    txn->published = &set;
    walk_say(&walk, "ChatGPTRedact", "EMAIL_ADDRESS log");
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_LOG);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CARD), CG_ACTION_PARTIAL);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CG_TYPE_US_SSN), CG_ACTION_MASK);
    CU_ASSERT_EQUAL(of(&txn->out.answer_actions, CARD), CG_ACTION_LOG);
    set.is_locked = true;
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(of(&txn->out.answer_actions, MAIL), CG_ACTION_LOG);
    walk_close(&walk);
}

static void actions_below_a_lock_are_only_raised_by_the_document(void)
{
    static const cg_policy_line_t lock = {.words = "on"};
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_published_t set = {.rules = txn->rules};
    set.said_request[MAIL] = 1 + CG_ACTION_LOG;
    set.said_request[CARD] = 1 + CG_ACTION_MASK;
    txn->published = &set;
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_LOG);
    cg_policy_t locked = *txn->policy;
    locked.lock = &lock;
    txn->policy = &locked;
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_MASK);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CARD), CG_ACTION_MASK);
    walk_close(&walk);
}

static void packs_that_a_place_names_are_only_added_to(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    cg_published_t set = {.rules = txn->rules, .has_packs = true, .packs = 2};
    txn->published = &set;
    const cg_rules_t *rules = txn->rules;
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(cg_rules_packs(txn->rules), 2);
    txn->rules = rules;
    walk_say(&walk, "ChatGPTRules", "home");
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(cg_rules_packs(txn->rules), 3);
    walk_close(&walk);
}

static void values_the_document_allows_count_where_no_lock_is(void)
{
    static const cg_policy_line_t lock = {.words = "on"};
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    const cg_str_t value = CG_STR("@example.com");
    const cg_str_t text = CG_STR("to ann@example.com");
    cg_document_t document;
    cg_rules_t *made = NULL;
    cg_error_t err = {""};
    cg_document_empty(&document);
    document.spec.allowed = &value;
    document.spec.allowed_count = 1;
    CU_ASSERT_EQUAL_FATAL(
        cg_document_compile(&document, NULL, &made, &err, walk.pool),
        APR_SUCCESS);
    cg_policy_t place = *txn->policy;
    txn->policy = &place;
    for (int is_locked = 0; is_locked < 2; is_locked++) {
        cg_findings_t found;
        cg_findings_init(&found, walk.pool);
        txn->rules = made;
        place.lock = is_locked ? &lock : NULL;
        CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
        CU_ASSERT_EQUAL(cg_redact_scan(txn->rules, text, CG_SCAN_PLAIN, &found),
                        APR_SUCCESS);
        CU_ASSERT_EQUAL(found.count, (size_t)is_locked);
    }
    walk_close(&walk);
}

static void actions_are_raised_by_the_key_and_never_lowered(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    strcpy(txn->who.key.redact,
           "EMAIL_ADDRESS=log, CREDIT_CARD=mask:request KEYWORD=block");
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_MASK);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CARD), CG_ACTION_MASK);
    CU_ASSERT_EQUAL(of(&txn->out.answer_actions, CARD), CG_ACTION_LOG);
    CU_ASSERT_EQUAL(txn->out.actions.least_keyword, CG_ACTION_BLOCK);
    walk_close(&walk);
}

static void actions_add_the_packs_of_key_and_region(void)
{
    walk_t walk;
    cg_txn_t *txn = open_txn(&walk);
    strcpy(txn->who.key.redact, "+strict");
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CARD), CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(of(&txn->out.actions, MAIL), CG_ACTION_MASK);

    txn = walk_request(&walk, CG_ENDPOINT_CHAT, CHAT);
    walk_say(&walk, "ChatGPTRegion", "EAST");
    CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_PASS);
    CU_ASSERT_EQUAL(of(&txn->out.actions, CARD), CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(txn->region.rules.keep_for, 3600 * CG_SECOND);
    walk_close(&walk);
}

static void actions_refuse_a_key_that_demands_what_is_not_known(void)
{
    static const char *const unknown[] = {"+nowhere", "NO_SUCH_TYPE=block",
                                          "EMAIL_ADDRESS=shred"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        walk_t walk;
        cg_txn_t *txn = open_txn(&walk);
        strcpy(txn->who.key.redact, unknown[i]);
        CU_ASSERT_EQUAL(cg_flow_actions(txn), CG_KEY_POLICY_UNKNOWN);
        walk_close(&walk);
    }
}

CU_TestInfo test_flow_actions[] = {
    {"actions_are_the_packs_where_nobody_says_more",
     actions_are_the_packs_where_nobody_says_more},
    {"actions_go_by_the_place_before_the_document_before_the_packs",
     actions_go_by_the_place_before_the_document_before_the_packs},
    {"actions_below_a_lock_are_only_raised_by_the_document",
     actions_below_a_lock_are_only_raised_by_the_document},
    {"packs_that_a_place_names_are_only_added_to",
     packs_that_a_place_names_are_only_added_to},
    {"values_the_document_allows_count_where_no_lock_is",
     values_the_document_allows_count_where_no_lock_is},
    {"actions_are_raised_by_the_key_and_never_lowered",
     actions_are_raised_by_the_key_and_never_lowered},
    {"actions_add_the_packs_of_key_and_region",
     actions_add_the_packs_of_key_and_region},
    {"actions_refuse_a_key_that_demands_what_is_not_known",
     actions_refuse_a_key_that_demands_what_is_not_known},
    CU_TEST_INFO_NULL,
};
