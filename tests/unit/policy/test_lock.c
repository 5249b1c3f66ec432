/* What an outer place locks, an inner one cannot loosen: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "policy/lock.h"

static apr_pool_t *pool;

static const char *const types[] = {"A", "B", "C"};
static const char *const actions[] = {"allow", "log", "mask", "block"};

static bool set_types(uint8_t *by_type, const char *type, int value)
{
    bool is_found = false;
    for (int t = 0; t < 3; t++) {
        if (strcmp(type, "*") == 0 || strcmp(type, types[t]) == 0) {
            by_type[t] = (uint8_t)value;
            is_found = true;
        }
    }
    return is_found;
}

static int find_action(const char *name)
{
    for (int a = 0; a < 4; a++) {
        if (strcmp(name, actions[a]) == 0) {
            return a;
        }
    }
    return -1;
}

static const char *type_name(int type)
{
    return types[type];
}

static const char *action_name(int action)
{
    return actions[action];
}

/* What nobody has said is masked, in this world; C is only logged. */
static void fill(void *baton, const cg_policy_t *policy,
                 cg_kind_ACTIONS_t *said)
{
    (void)policy;
    ++*(int *)baton;
    for (int t = 0; t < 3; t++) {
        uint8_t value = t == 2 ? 2 : 3;
        said->request[t] = said->request[t] ? said->request[t] : value;
        said->answer[t] = said->answer[t] ? said->answer[t] : value;
    }
}

static int fills;
static const cg_policy_names_t names = {.type_name = type_name,
                                        .action_name = action_name,
                                        .fill = fill,
                                        .baton = &fills};

/* A section; a first word "htaccess" makes it one. Lines apart by ";", the place
 * of the n-th is NAME:n. */
static const cg_policy_t *section(const char *name, const char *lines)
{
    cg_policy_t *policy = cg_policy_create(pool);
    char *last;
    int number = 0;
    char *copy = apr_pstrdup(pool, lines);
    for (char *line = apr_strtok(copy, ";", &last); line;
         line = apr_strtok(NULL, ";", &last)) {
        char **argv;
        int argc = 0;
        cg_error_t err = {""};
        cg_kind_ask_t ask = {.set_types = set_types,
                             .find_action = find_action,
                             .where = apr_psprintf(pool, "%s:%d", name,
                                                   ++number),
                             .is_tightening = strcmp(name, ".htaccess") == 0};
        apr_tokenize_to_argv(line, &argv, pool);
        while (argv[argc]) {
            argc++;
        }
        int row = 0;
        while (row < CG_ROW_COUNT &&
               strcmp(cg_policy_rows[row].directive, argv[0]) != 0) {
            row++;
        }
        CU_ASSERT_FATAL(row < CG_ROW_COUNT);
        CU_ASSERT_FATAL(cg_policy_read(policy, &cg_policy_rows[row], argc - 1,
                                       argv + 1, &ask, &err, pool));
    }
    return policy;
}

static const char *why(const cg_policy_t *policy)
{
    const cg_policy_breach_t *breach = cg_policy_judge(policy, &names, pool);
    return breach ? cg_policy_explain(breach, &names, pool) : "";
}

#define LOCKED "ChatGPTRedact * mask;ChatGPTRedactLock on"

static const struct case_t {
    const char *what;
    const char *outer;
    const char *name;
    const char *inner;
    const char *words; /* in the explanation; NULL: nothing is loosened */
    const char *held;
} cases[] = {
    {"a lighter action", LOCKED, "inner", "ChatGPTRedact A log",
     "\"ChatGPTRedact A log\" (inner:1) would loosen A in requests from mask "
     "to log",
     "\"ChatGPTRedact * mask\" (outer:1), locked by \"ChatGPTRedactLock on\" "
     "(outer:2)"},
    {"a lighter action in answers alone", LOCKED, "inner",
     "ChatGPTRedact B block;ChatGPTRedact B allow answer", "B in answers from",
     "inner:2"},
    {"a lighter action in .htaccess", LOCKED, ".htaccess",
     "ChatGPTRedact B log", "(.htaccess:1)", "outer:2"},
    {"all of them at once", LOCKED, "inner", "ChatGPTRedact * log",
     "\"ChatGPTRedact * log\"", "outer:1"},
    {"a stronger action", LOCKED, "inner", "ChatGPTRedact A block", NULL, NULL},
    {"the same action", LOCKED, "inner", "ChatGPTRedact * mask", NULL, NULL},
    {"a line that the section itself takes back", LOCKED, "inner",
     "ChatGPTRedact A log;ChatGPTRedact A mask", NULL, NULL},
    {"the lock itself", LOCKED, "inner", "ChatGPTRedactLock off",
     "\"ChatGPTRedactLock off\" (inner:1)", "outer:2"},
    {"another region", "ChatGPTRegion cn;ChatGPTRedactLock on", "inner",
     "ChatGPTRegion us", "\"ChatGPTRegion us\" (inner:1)",
     "\"ChatGPTRegion cn\" (outer:1)"},
    {"the same region", "ChatGPTRegion cn;ChatGPTRedactLock on", "inner",
     "ChatGPTRegion CN", NULL, NULL},
    {"a region where there was none", LOCKED, "inner", "ChatGPTRegion cn", NULL,
     NULL},
    {"no label", LOCKED, "inner", "ChatGPTLabel off", "ChatGPTLabel off",
     "outer:2"},
    {"no record", "ChatGPTAudit required;ChatGPTRedactLock on", "inner",
     "ChatGPTAudit best-effort", "ChatGPTAudit best-effort", "outer:1"},
    {"texts in records again", "ChatGPTAuditText off;ChatGPTRedactLock on",
     "inner", "ChatGPTAuditText on", "ChatGPTAuditText on", "outer:1"},
    {"more text in records", LOCKED, "inner", "ChatGPTAuditTextLimit 1M",
     "ChatGPTAuditTextLimit 1M", "outer:2"},
    {"less text in records", LOCKED, "inner", "ChatGPTAuditTextLimit 1K", NULL,
     NULL},
    {"no detector of names", "ChatGPTDetector http://a/ fail=closed;"
                             "ChatGPTRedactLock on",
     "inner", "ChatGPTDetector off",
     "\"ChatGPTDetector off\" (inner:1) would loosen ChatGPTDetector",
     "\"ChatGPTDetector http://a/ fail=closed\" (outer:1)"},
    {"a detector that fails open", "ChatGPTDetector http://a/;"
                                   "ChatGPTRedactLock on",
     "inner", "ChatGPTDetector http://a/ fail=open",
     "would loosen ChatGPTDetector", "outer:1"},
    {"a detector where there was none", LOCKED, "inner",
     "ChatGPTDetector http://a/", NULL, NULL},
    {"a directive that the lock leaves alone", LOCKED, "inner",
     "ChatGPTRetries 5;ChatGPTBodyLimit 1G", NULL, NULL},
    {"less than nobody has said", "ChatGPTRedactLock on", "inner",
     "ChatGPTRedact A log", "A in requests from mask to log", "outer:1"},
    {"as much as nobody has said", "ChatGPTRedactLock on", "inner",
     "ChatGPTRedact C log", NULL, NULL},
    {"anything, with no lock", "ChatGPTRedact * block", "inner",
     "ChatGPTRedact * allow;ChatGPTRegion us", NULL, NULL},
    {"anything in the section of the lock", "ChatGPTRedact * block", "inner",
     "ChatGPTRedactLock on;ChatGPTRedact * allow", NULL, NULL},
};

static void lock_names_the_line_that_loosens_and_what_locks_it(void)
{
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct case_t *at = &cases[i];
        const char *words = why(cg_policy_merge(
            section("outer", at->outer), section(at->name, at->inner), pool));
        bool is_right = at->words ? strstr(words, at->words) &&
                                        strstr(words, at->held)
                                  : !*words;
        if (!is_right) {
            CU_FAIL("the lock judged wrongly");
            fprintf(stderr, "%s: \"%s\"\n", at->what, words);
        }
    }
    apr_pool_destroy(pool);
}

static void lock_holds_even_for_who_does_not_ask_it(void)
{
    apr_pool_create(&pool, NULL);
    const cg_policy_t *merged = cg_policy_merge(
        section("outer", "ChatGPTRedact A block;ChatGPTRegion cn;"
                         "ChatGPTRedactLock on"),
        section("inner", "ChatGPTRedact * allow;ChatGPTRegion us;"
                         "ChatGPTLabel off;ChatGPTRedactLock off"),
        pool);
    CU_ASSERT_EQUAL(merged->actions.request[0], 4);
    CU_ASSERT_EQUAL(merged->actions.request[1], 0);
    CU_ASSERT_STRING_EQUAL(merged->region, "cn");
    CU_ASSERT_EQUAL(merged->label, 1);
    CU_ASSERT(merged->redact_lock);
    apr_pool_destroy(pool);
}

static void lock_goes_on_step_by_step(void)
{
    apr_pool_create(&pool, NULL);
    const cg_policy_t *outer = section("outer", LOCKED);
    const cg_policy_t *team = section("team", "ChatGPTRedact A block");
    const cg_policy_t *desk = section("desk", "ChatGPTRedact A mask");
    const char *words = why(cg_policy_merge(cg_policy_merge(outer, team, pool),
                                            desk, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "from block to mask"));
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "team:1"));
    /* Joined the other way about it is the same. */
    CU_ASSERT_STRING_EQUAL(
        words, why(cg_policy_merge(outer, cg_policy_merge(team, desk, pool),
                                   pool)));
    apr_pool_destroy(pool);
}

static void lock_asks_for_the_packs_only_where_nothing_was_said(void)
{
    apr_pool_create(&pool, NULL);
    fills = 0;
    why(cg_policy_merge(section("outer", LOCKED),
                        section("inner", "ChatGPTRedact * block"), pool));
    CU_ASSERT_EQUAL(fills, 0);
    why(cg_policy_merge(section("outer", "ChatGPTRedactLock on"),
                        section("inner", "ChatGPTRedact * block"), pool));
    CU_ASSERT_EQUAL(fills, 1);
    apr_pool_destroy(pool);
}

/* httpd joins a .htaccess before the <Location>s. */
static void lock_holds_for_a_htaccess_wherever_httpd_puts_it(void)
{
    apr_pool_create(&pool, NULL);
    const cg_policy_t *server = section("server", "ChatGPTRedact A log");
    const cg_policy_t *file = section(".htaccess", "ChatGPTRedact A log");
    const cg_policy_t *place = section("place", LOCKED);
    const cg_policy_t *merged =
        cg_policy_merge(cg_policy_merge(server, file, pool), place, pool);
    const char *words = why(merged);
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "from mask to log"));
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "(.htaccess:1)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "(place:2)"));
    CU_ASSERT_EQUAL(merged->actions.request[0], 3);
    const cg_policy_t *strict = section(".htaccess", "ChatGPTRedact A block");
    merged = cg_policy_merge(cg_policy_merge(server, strict, pool), place, pool);
    CU_ASSERT_STRING_EQUAL(why(merged), "");
    CU_ASSERT_EQUAL(merged->actions.least_request[0], 4);
    apr_pool_destroy(pool);
}

CU_TestInfo test_policy_lock[] = {
    {"lock_names_the_line_that_loosens_and_what_locks_it",
     lock_names_the_line_that_loosens_and_what_locks_it},
    {"lock_holds_even_for_who_does_not_ask_it",
     lock_holds_even_for_who_does_not_ask_it},
    {"lock_goes_on_step_by_step", lock_goes_on_step_by_step},
    {"lock_holds_for_a_htaccess_wherever_httpd_puts_it",
     lock_holds_for_a_htaccess_wherever_httpd_puts_it},
    {"lock_asks_for_the_packs_only_where_nothing_was_said",
     lock_asks_for_the_packs_only_where_nothing_was_said},
    CU_TEST_INFO_NULL,
};
