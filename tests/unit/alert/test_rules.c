/* The lines of ChatGPTAlert, ChatGPTAlertTo and ChatGPTUnusual.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/rules.h"

#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

static apr_pool_t *pool;
static cg_error_t err;
static cg_alert_rules_t rules;

static void open_all(void)
{
    apr_pool_create(&pool, NULL);
    err.text[0] = '\0';
}

/* "a b c" as an array of words; "|" parts rows. */
static apr_array_header_t *words(const char *text)
{
    char *copy = apr_pstrdup(pool, text), *last;
    apr_array_header_t *out = apr_array_make(pool, 4, sizeof(char *));
    for (char *word = apr_strtok(copy, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        APR_ARRAY_PUSH(out, const char *) = word;
    }
    return out;
}

static apr_array_header_t *rows(const char *text)
{
    char *copy = apr_pstrdup(pool, text), *last;
    apr_array_header_t *out = apr_array_make(pool, 4, sizeof(void *));
    for (char *row = apr_strtok(copy, "|", &last); row;
         row = apr_strtok(NULL, "|", &last)) {
        APR_ARRAY_PUSH(out, apr_array_header_t *) = words(row);
    }
    return out;
}

static bool read_lines(const char *alerts, const char *ways,
                       const char *unusual)
{
    return cg_alert_rules_read(
        alerts ? rows(alerts) : NULL, ways ? rows(ways) : NULL,
        unusual ? words(unusual) : NULL, NULL, &rules, &err, pool);
}

static const cg_alert_rule_t *rule_for(const char *scope, const char *limit)
{
    cg_limit_t parsed;
    CU_ASSERT_FATAL(cg_limit_parse(cg_str(limit), &parsed, &err));
    CU_ASSERT_FATAL(cg_limit_scope_read(cg_str(scope), &parsed));
    return cg_alert_rules_find(&rules, &parsed);
}

static void by_default_budgets_and_long_token_limits_are_watched(void)
{
    open_all();
    CU_ASSERT_FATAL(read_lines(NULL, NULL, NULL));
    const cg_alert_rule_t *rule = rule_for("team", "500USD/month");
    CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
    CU_ASSERT_EQUAL(rule->count, 3);
    CU_ASSERT_EQUAL(rule->percents[0], 50);
    CU_ASSERT_EQUAL(rule->percents[2], 100);
    CU_ASSERT(rule->has_forecast);
    CU_ASSERT_PTR_NOT_NULL(rule_for("user", "1000000tokens/day"));
    CU_ASSERT_PTR_NOT_NULL(rule_for("user", "1000000output_tokens/7d"));
    CU_ASSERT_PTR_NULL(rule_for("user", "1000tokens/60s"));
    CU_ASSERT_PTR_NULL(rule_for("user", "100/day"));
    CU_ASSERT_PTR_NULL(rule_for("user", "5concurrent"));
    CU_ASSERT_EQUAL(rules.unusual.mode, CG_UNUSUAL_ALERT);
    apr_pool_destroy(pool);
}

static void the_last_line_that_fits_counts(void)
{
    open_all();
    CU_ASSERT_FATAL(read_lines("* * at=90 forecast=off|team USD at=10,20,95|"
                               "key requests at=75 window=0|team+model off=1",
                               NULL, NULL) == false);
    CU_ASSERT_FATAL(read_lines("* * at=90 forecast=off|team USD at=95,10,20|"
                               "key requests at=75 window=0|user * at=none "
                               "forecast=off",
                               NULL, NULL));
    CU_ASSERT_EQUAL(rule_for("team", "5USD/month")->percents[0], 10);
    CU_ASSERT_EQUAL(rule_for("team", "5USD/month")->percents[2], 95);
    CU_ASSERT_EQUAL(rule_for("key", "5USD/month")->percents[0], 90);
    CU_ASSERT_FALSE(rule_for("key", "5USD/month")->has_forecast);
    CU_ASSERT_EQUAL(rule_for("key", "10/60s")->percents[0], 75);
    CU_ASSERT_PTR_NULL(rule_for("team", "10/60s"));
    CU_ASSERT_PTR_NULL(rule_for("user", "5USD/month"));
    CU_ASSERT_EQUAL(rule_for("team+model", "5USD/month")->percents[0], 90);
    CU_ASSERT_FATAL(read_lines("key requests|off", NULL, NULL));
    CU_ASSERT_PTR_NULL(rule_for("key", "10/day"));
    CU_ASSERT_PTR_NULL(rule_for("team", "5USD/month"));
    apr_pool_destroy(pool);
}

static void what_is_wrong_is_named_with_what_is_legal(void)
{
    static const char *const wrong[] = {"planet",
                                        "team gallons",
                                        "* * at=0",
                                        "* * at=101",
                                        "* * at=50,50",
                                        "* * at=",
                                        "* * at=1,2,3,4,5,6,7,8,9",
                                        "* * at=x",
                                        "* * forecast=maybe",
                                        "* * window=long",
                                        "* * of=1",
                                        "* * * at=50"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        open_all();
        CU_ASSERT_FALSE(read_lines(wrong[i], NULL, NULL));
        CU_ASSERT_PTR_EQUAL(strstr(err.text, "ChatGPTAlert: "), err.text);
        apr_pool_destroy(pool);
    }
}

static void ways_are_read_with_their_options(void)
{
    open_all();
    CU_ASSERT_FATAL(read_lines(
        NULL,
        "hook https://alerts.example/x kinds=forecast,soft tries=3 timeout=2s|"
        "mail smtp://mail.example:587 from=a@example.com "
        "to=b@example.com,c@example.com language=zh",
        NULL));
    CU_ASSERT_EQUAL(rules.ways_count, 2);
    const cg_alert_way_t *hook = cg_alert_rules_way(&rules, CG_STR("hook"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(hook);
    CU_ASSERT(cg_alert_way_takes(hook, CG_ALERT_SOFT));
    CU_ASSERT(cg_alert_way_takes(hook, CG_ALERT_TEST));
    CU_ASSERT_FALSE(cg_alert_way_takes(hook, CG_ALERT_THRESHOLD));
    CU_ASSERT_EQUAL(hook->tries, 3);
    CU_ASSERT_EQUAL(hook->total_for, apr_time_from_sec(2));
    const cg_alert_way_t *mail = cg_alert_rules_way(&rules, CG_STR("mail"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mail);
    CU_ASSERT(mail->is_mail);
    CU_ASSERT_EQUAL(mail->to->nelts, 2);
    CU_ASSERT_EQUAL(mail->language, CG_LANGUAGE_ZH);
    CU_ASSERT_PTR_NULL(cg_alert_rules_way(&rules, CG_STR("other")));
    apr_pool_destroy(pool);
}

static void a_way_that_cannot_work_stops_the_start(void)
{
    static const char *const wrong[] = {
        "hook",
        "Hook https://a.example/",
        "hook ftp://a.example/",
        "hook https://a.example/ from=a@b.example",
        "hook https://a.example/ user=x",
        "hook https://a.example/ kinds=all",
        "hook https://a.example/ tries=0",
        "hook https://a.example/ timeout=2h",
        "hook https://a.example/ what=1",
        "hook https://a.example/ secret=plain-words",
        "hook https://a.example/|hook https://b.example/",
        "mail smtp://a.example",
        "mail smtp://a.example from=a@b.example",
        "mail smtp://a.example from=nobody to=a@b.example",
        "mail smtp://a.example from=a@b.example to=a@b.example,>c@d.example",
        "mail smtp://a.example from=a@b.example to=a@b.example user=x",
        "mail smtp://a.example from=a@b.example to=a@b.example language=fr"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        open_all();
        CU_ASSERT_FALSE(read_lines(NULL, wrong[i], NULL));
        CU_ASSERT_PTR_EQUAL(strstr(err.text, "ChatGPTAlertTo: "), err.text);
        CU_ASSERT_PTR_NULL(strstr(err.text, "plain-words"));
        apr_pool_destroy(pool);
    }
}

static void unusual_use_has_a_mode_and_least_volumes(void)
{
    open_all();
    CU_ASSERT_FATAL(read_lines(
        NULL, NULL, "suspend factor=4.5 tokens=7 cost=0.5USD requests=9"));
    CU_ASSERT_EQUAL(rules.unusual.mode, CG_UNUSUAL_SUSPEND);
    CU_ASSERT_DOUBLE_EQUAL(rules.unusual.factor, 4.5, 1e-9);
    CU_ASSERT_EQUAL(rules.unusual.tokens_least, 7);
    CU_ASSERT_EQUAL(rules.unusual.micros_least, 500000);
    CU_ASSERT_EQUAL(rules.unusual.requests_least, 9);
    CU_ASSERT_FALSE(read_lines(NULL, NULL, "maybe"));
    CU_ASSERT_FALSE(read_lines(NULL, NULL, "alert factor=1"));
    CU_ASSERT_FALSE(read_lines(NULL, NULL, "alert tokens=many"));
    apr_pool_destroy(pool);
}

CU_TestInfo test_alert_rules[] = {
    {"by_default_budgets_and_long_token_limits_are_watched",
     by_default_budgets_and_long_token_limits_are_watched},
    {"the_last_line_that_fits_counts", the_last_line_that_fits_counts},
    {"what_is_wrong_is_named_with_what_is_legal",
     what_is_wrong_is_named_with_what_is_legal},
    {"ways_are_read_with_their_options", ways_are_read_with_their_options},
    {"a_way_that_cannot_work_stops_the_start",
     a_way_that_cannot_work_stops_the_start},
    {"unusual_use_has_a_mode_and_least_volumes",
     unusual_use_has_a_mode_and_least_volumes},
    CU_TEST_INFO_NULL,
};
