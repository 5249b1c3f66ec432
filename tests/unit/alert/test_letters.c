/* What is sent: signed bodies, mail that nobody can add a line to, words.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_base64.h>
#include <apr_strings.h>

#include "alert/mail.h"
#include "alert/webhook.h"

static apr_pool_t *pool;

static cg_alert_t budget(const char *subject)
{
    return (cg_alert_t){.id = "01985c3e-1111-7000-8000-000000000001",
                        .at = INT64_C(1795561200000000),
                        .kind = CG_ALERT_THRESHOLD,
                        .dimension = "team",
                        .subject = subject,
                        .quantity = "micros",
                        .limit = "500USD/month",
                        .period = "2026-11",
                        .amount = 500000000,
                        .used = 412345678,
                        .percent = 80};
}

/* The example of the Standard Webhooks text. */
static void a_signature_is_that_of_the_standards_example(void)
{
    apr_pool_create(&pool, NULL);
    const char *text = apr_pstrcat(pool, "whsec_", "MfKQ9r8GKYqrTwjUPD8I",
                                   "LPZIo2LaLaSw", NULL);
    cg_secret_t *secret = cg_secret_make(cg_str(text), pool);
    CU_ASSERT_STRING_EQUAL(
        cg_webhook_sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                        CG_STR("{\"test\": 2432232314}"), pool),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    apr_pool_destroy(pool);
}

static void an_alert_is_read_as_it_was_written(void)
{
    apr_pool_create(&pool, NULL);
    cg_buf_t json;
    cg_alert_t alert = budget("红队 \"quoted\"\\"), back;
    alert.exhausted_at = alert.at + 1000;
    cg_buf_init(&json, 0, pool);
    cg_alert_write(&alert, &json);
    CU_ASSERT_FATAL(cg_alert_read((cg_str_t){json.ptr, json.len}, &back, pool));
    CU_ASSERT_STRING_EQUAL(back.subject, alert.subject);
    CU_ASSERT_STRING_EQUAL(back.id, alert.id);
    CU_ASSERT_EQUAL(back.used, alert.used);
    CU_ASSERT_EQUAL(back.exhausted_at, alert.exhausted_at);
    CU_ASSERT_EQUAL(back.percent, 80);
    CU_ASSERT_FALSE(cg_alert_read(CG_STR("{}"), &back, pool));
    CU_ASSERT_FALSE(cg_alert_read(CG_STR("{\"kind\":\"x\"}"), &back, pool));
    CU_ASSERT_FALSE(cg_alert_read(CG_STR("nonsense"), &back, pool));
    apr_pool_destroy(pool);
}

static void words_say_who_what_and_how_much(void)
{
    apr_pool_create(&pool, NULL);
    cg_alert_t alert = budget("search");
    CU_ASSERT_STRING_EQUAL(
        cg_alert_line(&alert, CG_LANGUAGE_EN, pool),
        "team search reached 80 % of 500USD/month: 412.34 USD of 500.00 USD");
    CU_ASSERT_STRING_EQUAL(
        cg_alert_line(&alert, CG_LANGUAGE_ZH, pool),
        "团队 search 已达到 500USD/month 的 80%：412.34 USD / 500.00 USD");
    alert.amount = INT64_C(1234567000000);
    alert.used = 48018;
    CU_ASSERT_STRING_EQUAL(cg_alert_line(&alert, CG_LANGUAGE_EN, pool),
                           "team search reached 80 % of 500USD/month: 0.048018 "
                           "USD of 1,234,567.00 USD");
    alert.quantity = "tokens";
    alert.amount = 5000000;
    alert.used = 999;
    CU_ASSERT_STRING_EQUAL(
        cg_alert_line(&alert, CG_LANGUAGE_ZH, pool),
        "团队 search 已达到 500USD/month 的 80%：999 token / 5,000,000 token");
    for (int kind = 0; kind < CG_ALERT_KIND_COUNT; kind++) {
        for (int language = 0; language < 2; language++) {
            alert.kind = (cg_alert_kind_t)kind;
            const char *text =
                cg_alert_text(&alert, (cg_language_t)language, pool);
            CU_ASSERT(strlen(text) > 20);
            CU_ASSERT_PTR_NULL(strchr(text, '{'));
        }
    }
    apr_pool_destroy(pool);
}

static void no_name_adds_a_line_to_a_mail(void)
{
    apr_pool_create(&pool, NULL);
    apr_array_header_t *to = apr_array_make(pool, 1, sizeof(char *));
    APR_ARRAY_PUSH(to, const char *) = "ops@example.com";
    cg_alert_way_t way = {
        .from = "gateway@example.com", .to = to, .is_mail = true};
    static const char *const names[] = {
        "a\r\nBcc: x@evil.test",
        "a\n\nbody",
        "a\r\n.\r\nQUIT",
        "\xff\xfe\r\n",
        "\xe4\xb8",
        "很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cg_alert_t alert = budget(names[i]);
        const char *text = cg_mail_text(&way, &alert, alert.at, pool);
        int lines = 0;
        CU_ASSERT_PTR_NULL(strstr(text, "evil"));
        CU_ASSERT_PTR_NULL(strstr(text, "\r\n.\r\n"));
        for (const char *at = text; *at; lines++) {
            const char *end = strstr(at, "\r\n");
            CU_ASSERT_FATAL(end != NULL);
            CU_ASSERT(end - at <= 78);
            CU_ASSERT_PTR_NULL(memchr(at, '\n', (size_t)(end - at)));
            at = end + 2;
        }
        CU_ASSERT(lines > 10);
        CU_ASSERT_PTR_EQUAL(strstr(text, "Date: "), text);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_alert_letters[] = {
    {"a_signature_is_that_of_the_standards_example",
     a_signature_is_that_of_the_standards_example},
    {"an_alert_is_read_as_it_was_written", an_alert_is_read_as_it_was_written},
    {"words_say_who_what_and_how_much", words_say_who_what_and_how_much},
    {"no_name_adds_a_line_to_a_mail", no_name_adds_a_line_to_a_mail},
    CU_TEST_INFO_NULL,
};
