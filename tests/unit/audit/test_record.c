/* Does a record say what happened, as sound JSON?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>

#include "audit/record.h"
#include "base/json.h"

extern CU_TestInfo test_audit_record[];

static const cg_meter_finding_t FINDINGS[] = {
    {"email", "request", "mask", 2},
    {"us_ssn", "answer", "log", 1},
};

static cg_record_t sample(void)
{
    return (cg_record_t){
        .id = "0198f3c2-1d2e-7a3b-8c4d-5e6f70819203",
        .at = APR_TIME_C(1764024511042000),
        .key_id = "k1234567",
        .key_name = "reports",
        .team = "finance",
        .user = "mei",
        .address = "192.0.2.7",
        .vhost = "ai.example",
        .endpoint = "chat.completions",
        .model_asked = CG_STR("gpt-4o-mini"),
        .model_served = CG_STR("gpt-4o-mini-2024-07-18"),
        .decision = "served",
        .reason = "",
        .status = 200,
        .findings = FINDINGS,
        .findings_count = 2,
        .prompt = CG_STR("write to [EMAIL_1]\n\"soon\""),
        .answer = CG_STR("done \xE5\xA5\xBD"),
        .answer_cut = true,
        .input_tokens = 12,
        .output_tokens = 40,
        .tokens_from = "provider",
        .soft_limits = "key 5/1h",
        .cost_micros = 310,
        .took = 1234567,
        .first_byte_took = 200100,
        .attempts = 2,
        .upstream = "openai-1",
        .upstream_request_id = "req_1",
        .is_stream = true,
        .policy_version = 7,
        .has_hold = true,
    };
}

static cg_json_t *write_and_parse(const cg_record_t *record, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_error_t err = {""};
    cg_buf_init(&out, 0, pool);
    cg_record_write(record, &out);
    cg_json_t *json = cg_json_parse(out.ptr, out.len, &err, pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

static void record_says_everything_that_happened(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_record_t record = sample();
    cg_json_t *json = write_and_parse(&record, pool);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "id", ""), record.id);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "at", ""),
                           "2025-11-24T22:48:31.042Z");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "key_name", ""), "reports");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "model_served", ""),
                           "gpt-4o-mini-2024-07-18");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "prompt", ""),
                           "write to [EMAIL_1]\n\"soon\"");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "answer", ""),
                           "done \xE5\xA5\xBD");
    CU_ASSERT_FALSE(cg_json_get_bool(json, "prompt_cut", true));
    CU_ASSERT_TRUE(cg_json_get_bool(json, "answer_cut", false));
    CU_ASSERT_EQUAL(cg_json_get_int(json, "status", 0), 200);
    CU_ASSERT_EQUAL(cg_json_get_int(json, "output_tokens", 0), 40);
    CU_ASSERT_EQUAL(cg_json_get_int(json, "cost_micros", 0), 310);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "soft_limits_passed", ""),
                           "key 5/1h");
    CU_ASSERT_EQUAL(cg_json_get_int(json, "took_micros", 0), 1234567);
    CU_ASSERT_EQUAL(cg_json_get_int(json, "attempts", 0), 2);
    CU_ASSERT_TRUE(cg_json_get_bool(json, "stream", false));
    CU_ASSERT_EQUAL(cg_json_get_int(json, "policy_version", 0), 7);
    CU_ASSERT_TRUE(cg_json_get_bool(json, "hold", false));
    CU_ASSERT_FALSE(cg_json_get_bool(json, "released", true));
    cg_json_t *findings = cg_json_get(json, "findings");
    CU_ASSERT_EQUAL(cg_json_size(findings), 2);
    cg_json_t *second = cg_json_at(findings, 1);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(second, "type", ""), "us_ssn");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(second, "direction", ""), "answer");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(second, "action", ""), "log");
    CU_ASSERT_EQUAL(cg_json_get_int(second, "count", 0), 1);
    apr_pool_destroy(pool);
}

static void record_of_nothing_is_still_sound(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_record_t record = {.id = NULL};
    cg_json_t *json = write_and_parse(&record, pool);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "id", "x"), "");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "model_asked", "x"), "");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "decision", "x"), "");
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(json, "prompt")));
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(json, "answer")));
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(json, "findings")), 0);
    apr_pool_destroy(pool);
}

static void empty_prompt_that_is_kept_is_not_null(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_record_t record = sample();
    record.prompt = CG_STR("");
    cg_json_t *json = write_and_parse(&record, pool);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "prompt", "x"), "");
    apr_pool_destroy(pool);
}

static void hostile_words_cannot_leave_their_string(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_record_t record = sample();
    record.user = "\"},{\"decision\":\"served\xFF\x01\\";
    record.prompt = CG_STR("\xFF\x43GJ\0\x1f{");
    cg_json_t *json = write_and_parse(&record, pool);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "user", ""),
                           "\"},{\"decision\":\"served\xEF\xBF\xBD\x01\\");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "prompt", ""),
                           "\xEF\xBF\xBD\x43GJ\xEF\xBF\xBD\x1f{");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(json, "decision", ""), "served");
    apr_pool_destroy(pool);
}

static void decisions_have_names_and_unknown_ones_failed(void)
{
    for (int i = 0; i < CG_DECISION_COUNT; i++) {
        const char *word = cg_record_decision_name((cg_decision_t)i);
        CU_ASSERT_EQUAL((int)cg_record_decision(word), i);
    }
    CU_ASSERT_EQUAL(cg_record_decision("perhaps"), CG_DECISION_FAILED);
    CU_ASSERT_EQUAL(cg_record_decision(NULL), CG_DECISION_FAILED);
}

CU_TestInfo test_audit_record[] = {
    {"record_says_everything_that_happened",
     record_says_everything_that_happened},
    {"record_of_nothing_is_still_sound", record_of_nothing_is_still_sound},
    {"empty_prompt_that_is_kept_is_not_null",
     empty_prompt_that_is_kept_is_not_null},
    {"hostile_words_cannot_leave_their_string",
     hostile_words_cannot_leave_their_string},
    {"decisions_have_names_and_unknown_ones_failed",
     decisions_have_names_and_unknown_ones_failed},
    CU_TEST_INFO_NULL,
};
