/* What is done with each type: place, document, packs, lock and key: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

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
    {"actions_are_raised_by_the_key_and_never_lowered",
     actions_are_raised_by_the_key_and_never_lowered},
    {"actions_add_the_packs_of_key_and_region",
     actions_add_the_packs_of_key_and_region},
    {"actions_refuse_a_key_that_demands_what_is_not_known",
     actions_refuse_a_key_that_demands_what_is_not_known},
    CU_TEST_INFO_NULL,
};
