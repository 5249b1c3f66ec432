/* Subtitles: values said across cues.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/cues.h"

#include <CUnit/CUnit.h>
#include <apr_general.h>

#define TIMES "00:00:00,000 --> 00:00:02,000\n"
#define VTT_TIMES "00:00.000 --> 00:02.000 align:start\n"

static const struct {
    const char *text;
    const char *want;
} ROWS[] = {
    {"1\n" TIMES "My card is 4111 1111\n\n2\n" TIMES "1111 1111, okay\n",
     "1\n" TIMES "My card is [CREDIT_CARD]\n\n2\n" TIMES ", okay\n"},
    {"1\r\n00:00:00,000 --> 00:00:02,000\r\n4111\r\n1111\r\n\r\n2\r\n"
     "00:00:02,000 --> 00:00:03,000\r\n1111 1111\r\n",
     "1\r\n00:00:00,000 --> 00:00:02,000\r\n[CREDIT_CARD]\r\n\r\n\r\n2\r\n"
     "00:00:02,000 --> 00:00:03,000\r\n\r\n"},
    {"WEBVTT\n\nfirst\n" VTT_TIMES "<v Ann>mail bob.smith\n\nsecond\n" VTT_TIMES
     "<v Ann>@acme.com now\n",
     "WEBVTT\n\nfirst\n" VTT_TIMES
     "<v Ann>mail [EMAIL_ADDRESS]\n\nsecond\n" VTT_TIMES "<v Ann> now\n"},
    {"WEBVTT\n\n" VTT_TIMES "4111 <00:01.000>1111 <00:01.500>1111 1111\n",
     "WEBVTT\n\n" VTT_TIMES "[CREDIT_CARD]<00:01.000><00:01.500>\n"},
    /* a line straight before times names no cue, unless it is a number */
    {"1\n" TIMES "words\n4111 1111\n" TIMES "1111 1111\n",
     "1\n" TIMES "words\n[CREDIT_CARD]\n" TIMES "\n"},
    {"1\n" TIMES "plain words\n\n2\n" TIMES "and more\n",
     "1\n" TIMES "plain words\n\n2\n" TIMES "and more\n"},
};

static void a_value_said_across_cues_is_masked(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        cg_actions_t actions;
        cg_tally_t tally = {{0}};
        cg_mask_result_t result;
        cg_str_t text = cg_str(ROWS[i].text);
        cg_str_t out;
        cg_actions_all(&actions, CG_ACTION_MASK);
        CU_ASSERT(cg_cues_is(text));
        CU_ASSERT_EQUAL(cg_cues_mask(cg_rules_builtin(), &actions, NULL, &tally,
                                     text, &out, &result, pool),
                        APR_SUCCESS);
        CU_ASSERT(cg_str_is(out, ROWS[i].want));
        CU_ASSERT_EQUAL(result.is_changed, !cg_str_is(text, ROWS[i].want));
        CU_ASSERT_EQUAL(cg_tally_total(&tally), result.is_changed ? 1u : 0u);
    }
    apr_pool_destroy(pool);
}

static void a_blocked_type_blocks_and_an_allowed_one_passes(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int action = CG_ACTION_ALLOW; action <= CG_ACTION_BLOCK; action++) {
        cg_actions_t actions;
        cg_tally_t tally = {{0}};
        cg_mask_result_t result;
        cg_str_t out;
        cg_actions_all(&actions, (cg_action_t)action);
        cg_cues_mask(cg_rules_builtin(), &actions, NULL, &tally,
                     cg_str(ROWS[0].text), &out, &result, pool);
        CU_ASSERT_EQUAL(result.is_blocked, action == CG_ACTION_BLOCK);
        CU_ASSERT_EQUAL(result.is_changed,
                        action > CG_ACTION_LOG && action < CG_ACTION_BLOCK);
        CU_ASSERT_EQUAL(cg_tally_total(&tally),
                        action == CG_ACTION_ALLOW ? 0u : 1u);
    }
    apr_pool_destroy(pool);
}

static void other_texts_are_no_subtitles(void)
{
    CU_ASSERT_FALSE(cg_cues_is(CG_STR("")));
    CU_ASSERT_FALSE(cg_cues_is(CG_STR("1\nwords")));
    CU_ASSERT_FALSE(cg_cues_is(CG_STR("a --> b\n")));
    CU_ASSERT_TRUE(cg_cues_is(CG_STR("\xEF\xBB\xBFWEBVTT\n")));
    CU_ASSERT_TRUE(cg_cues_is(CG_STR("\n\n7\n" TIMES)));
}

CU_TestInfo test_flow_cues[] = {
    {"a_value_said_across_cues_is_masked", a_value_said_across_cues_is_masked},
    {"a_blocked_type_blocks_and_an_allowed_one_passes",
     a_blocked_type_blocks_and_an_allowed_one_passes},
    {"other_texts_are_no_subtitles", other_texts_are_no_subtitles},
    CU_TEST_INFO_NULL,
};
