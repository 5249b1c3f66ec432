/* Can Prometheus read the page?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "meter/expose.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

extern CU_TestInfo test_meter_expose[];

static const char *const ENDPOINTS[] = {"chat.completions"};
static const char *const MODELS[] = {"gpt-4o", "odd \"name\"\\\n\xE6\xA8\xA1"};
static const cg_meter_names_t NAMES = {
    .endpoints = ENDPOINTS,
    .endpoints_count = 1,
    .models = MODELS,
    .models_count = 2,
};

static cg_meter_t *set_up(apr_pool_t *pool)
{
    return cg_meter_attach(apr_pcalloc(pool, cg_meter_bytes(4)), 4, &NAMES,
                           pool);
}

static void measure(cg_meter_t *meter, const char *model, apr_time_t took)
{
    static const cg_meter_finding_t FINDING = {"email", "request", "mask", 3};
    cg_meter_sample_t one = {
        .endpoint = "chat.completions",
        .model = cg_str(model),
        .status = 200,
        .reason = "slow",
        .input_tokens = 1,
        .output_tokens = 2,
        .cost_micros = 1500000,
        .findings = &FINDING,
        .findings_count = 1,
        .took = took,
        .upstream_took = took,
        .first_byte_took = took,
    };
    cg_meter_request(meter, &one);
}

static const char *page_of(const cg_meter_t *meter, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 0, pool);
    cg_meter_expose(meter, &out);
    return cg_buf_cstr(&out);
}

static void page_has_the_series_that_were_counted(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_meter_t *meter = set_up(pool);
    measure(meter, "gpt-4o", 5000);
    measure(meter, "gpt-4o", 5001);
    measure(meter, "gpt-4o", 400000000);
    const char *page = page_of(meter, pool);
    static const char *const LINES[] = {
        "# TYPE chatgpt_requests_total counter\n",
        "\nchatgpt_requests_total{endpoint=\"chat.completions\",model=\"gpt-"
        "4o\""
        ",status=\"200\"} 3\n",
        "\nchatgpt_tokens_total{model=\"gpt-4o\",direction=\"output\"} 6\n",
        "\nchatgpt_cost_dollars_total{model=\"gpt-4o\"} 4.5\n",
        "\nchatgpt_refused_total{reason=\"other\"} 3\n",
        "\nchatgpt_request_duration_seconds_bucket{endpoint="
        "\"chat.completions\",le=\"0.005\"} 1\n",
        "\nchatgpt_request_duration_seconds_bucket{endpoint="
        "\"chat.completions\",le=\"0.01\"} 2\n",
        "\nchatgpt_request_duration_seconds_bucket{endpoint="
        "\"chat.completions\",le=\"300\"} 2\n",
        "\nchatgpt_request_duration_seconds_bucket{endpoint="
        "\"chat.completions\",le=\"+Inf\"} 3\n",
        "\nchatgpt_request_duration_seconds_sum{endpoint="
        "\"chat.completions\"} 400.010001\n",
        "\nchatgpt_request_duration_seconds_count{endpoint="
        "\"chat.completions\"} 3\n",
        "# TYPE chatgpt_store_up gauge\nchatgpt_store_up 0\n",
        "\nchatgpt_journal_backlog_bytes 0\n",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(page, LINES[i]));
    }
    /* Never counted: not there, though its family is. */
    CU_ASSERT_PTR_NULL(strstr(page, "status=\"404\""));
    CU_ASSERT_PTR_NULL(strstr(page, "chatgpt_upstream_attempts_total{"));
    CU_ASSERT_TRUE(strlen(page) < 16384);
    apr_pool_destroy(pool);
}

static void odd_names_are_escaped(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_meter_t *meter = set_up(pool);
    measure(meter, MODELS[1], 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        page_of(meter, pool), "model=\"odd \\\"name\\\"\\\\\\n\xE6\xA8\xA1\""));
    apr_pool_destroy(pool);
}

static bool promtool_accepts(const char *page)
{
    FILE *tool = popen("promtool check metrics >/dev/null 2>&1", "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(tool);
    fputs(page, tool);
    return pclose(tool) == 0;
}

static void promtool_has_nothing_to_say(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_meter_t *meter = set_up(pool);
    CU_ASSERT_TRUE(promtool_accepts(page_of(meter, pool)));
    measure(meter, "gpt-4o", 123456);
    measure(meter, MODELS[1], 9000000);
    cg_meter_attempt(meter, "openai-1", "timeout");
    cg_meter_limit_local(meter, "open");
    cg_meter_store_error(meter, "admit");
    cg_meter_store_up(meter, true);
    cg_meter_journal_backlog(meter, 1, 1);
    cg_meter_stream_open(meter);
    CU_ASSERT_TRUE(promtool_accepts(page_of(meter, pool)));
    CU_ASSERT_FALSE(promtool_accepts("chatgpt_requests_total{ 1\n"));
    apr_pool_destroy(pool);
}

#define ROW(test)                                                              \
    {                                                                          \
#test, test                                                            \
    }

CU_TestInfo test_meter_expose[] = {
    ROW(page_has_the_series_that_were_counted),
    ROW(odd_names_are_escaped),
    ROW(promtool_has_nothing_to_say),
    CU_TEST_INFO_NULL,
};
