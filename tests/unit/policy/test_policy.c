/* Directives as they are read and merged: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "policy/lock.h"

static apr_pool_t *pool;

static void begin(void)
{
    apr_pool_create(&pool, NULL);
}

static void end(void)
{
    apr_pool_destroy(pool);
}

/* Two types, A and B, numbers 0 and 1. */
static bool set_types(uint8_t *by_type, const char *type, int value)
{
    if (strcmp(type, "*") == 0) {
        by_type[0] = by_type[1] = (uint8_t)value;
        return true;
    }
    if (strlen(type) != 1 || (type[0] != 'A' && type[0] != 'B')) {
        return false;
    }
    by_type[type[0] - 'A'] = (uint8_t)value;
    return true;
}

static int find_action(const char *name)
{
    static const char *const names[] = {"allow", "log", "mask", "pseudonym",
                                        "block"};
    for (int i = 0; i < 5; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool read_line(cg_policy_t *policy, const char *line, bool is_tightening,
                      cg_error_t *err)
{
    cg_kind_ask_t ask = {.set_types = set_types, .find_action = find_action,
                         .is_tightening = is_tightening};
    char **argv;
    int argc = 0;
    apr_tokenize_to_argv(line, &argv, pool);
    while (argv[argc]) {
        argc++;
    }
    for (int i = 0; i < CG_ROW_COUNT; i++) {
        if (strcmp(cg_policy_rows[i].directive, argv[0]) == 0) {
            return cg_policy_read(policy, &cg_policy_rows[i], argc - 1,
                                  argv + 1, &ask, err, pool);
        }
    }
    CU_FAIL_FATAL("no such directive");
    return false;
}

/* Lines apart by ";". */
static cg_policy_t *policy_of(const char *lines, bool is_tightening)
{
    cg_policy_t *policy = cg_policy_create(pool);
    cg_error_t err = {""};
    char *last;
    char *copy = apr_pstrdup(pool, lines);
    for (char *line = apr_strtok(copy, ";", &last); line;
         line = apr_strtok(NULL, ";", &last)) {
        CU_ASSERT_FATAL(read_line(policy, line, is_tightening, &err));
    }
    return policy;
}

static cg_policy_t *place(const char *lines)
{
    return policy_of(lines, false);
}

static cg_policy_t *htaccess(const char *lines)
{
    return policy_of(lines, true);
}

static cg_policy_t *merge(const cg_policy_t *outer, const cg_policy_t *inner)
{
    return cg_policy_merge(outer, inner, pool);
}

static const char *const good[] = {
    "ChatGPTEngine on", "ChatGPTEngine OFF", "ChatGPTBodyLimit 1K",
    "ChatGPTBodyLimit 1G", "ChatGPTBodyTimeout 1s", "ChatGPTRetries 0",
    "ChatGPTRetries 5", "ChatGPTOutputTokens 1", "ChatGPTUnknownModel Allow",
    "ChatGPTAudit best-effort", "ChatGPTAllowModel a b* c",
    "ChatGPTLimit key 100/60s", "ChatGPTLimit team 5tokens/1h open",
    "ChatGPTLimit user none", "ChatGPTBudget key 5USD/month closed",
    "ChatGPTStoreDown open", "ChatGPTStoreDown budget closed",
    "ChatGPTRedact * mask", "ChatGPTRedact A block answer",
    "ChatGPTUpstream a http://h x", "ChatGPTStore unix:/r",
    "ChatGPTAuditTextLimit 0", "ChatGPTFirstByteTimeout 10ms",
};

static const char *const bad[] = {
    "ChatGPTEngine", "ChatGPTEngine yes", "ChatGPTEngine on off",
    "ChatGPTBodyLimit 1023", "ChatGPTBodyLimit 1025M", "ChatGPTBodyLimit x",
    "ChatGPTBodyLimit -1", "ChatGPTBodyTimeout 999ms", "ChatGPTBodyTimeout 2h",
    "ChatGPTRetries 6", "ChatGPTRetries 1.5", "ChatGPTOutputTokens 0",
    "ChatGPTOutputTokens 9223372036854775808", "ChatGPTUnknownModel maybe",
    "ChatGPTAudit \"\"", "ChatGPTAllowModel", "ChatGPTLimit key",
    "ChatGPTLimit planet 1/60s", "ChatGPTLimit key 5USD/month",
    "ChatGPTLimit key none 1/60s", "ChatGPTBudget key none hard",
    "ChatGPTLimit key 1/60s ajar", "ChatGPTLimit key 1/60s open open",
    "ChatGPTBudget key 100/60s", "ChatGPTStoreDown", "ChatGPTStoreDown ajar",
    "ChatGPTStoreDown money open", "ChatGPTRedact A", "ChatGPTRedact C mask",
    "ChatGPTRedact A hide", "ChatGPTRedact A mask sideways",
    "ChatGPTStore", "ChatGPTFirstByteTimeout 9ms",
};

static void policy_takes_what_is_legal_and_says_what_is(void)
{
    begin();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cg_error_t err = {""};
        if (!read_line(cg_policy_create(pool), good[i], false, &err)) {
            CU_FAIL("a legal line was refused");
            fprintf(stderr, "%s: %s\n", good[i], err.text);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cg_error_t err = {""};
        if (read_line(cg_policy_create(pool), bad[i], false, &err)) {
            CU_FAIL("an illegal line was taken");
            fprintf(stderr, "taken: %s\n", bad[i]);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ChatGPT"));
        CU_ASSERT(strlen(err.text) > 30);
    }
    end();
}

static void policy_has_a_default_within_the_bounds_of_every_row(void)
{
    begin();
    const cg_policy_t *policy = cg_policy_create(pool);
    CU_ASSERT_EQUAL(policy->set, 0);
    CU_ASSERT_FALSE(policy->is_on);
    CU_ASSERT_EQUAL(policy->body_max, 32 * CG_MIB);
    CU_ASSERT_EQUAL(policy->audit, 1);
    for (int i = 0; i < CG_ROW_COUNT; i++) {
        const cg_policy_row_t *row = &cg_policy_rows[i];
        bool is_number = row->kind == &cg_kind_COUNT ||
                         row->kind == &cg_kind_SIZE ||
                         row->kind == &cg_kind_DURATION;
        int64_t value = 0;
        if (is_number) {
            memcpy(&value, (const char *)policy + row->offset, sizeof value);
        }
        CU_ASSERT(!is_number || (value >= row->least && value <= row->most));
        CU_ASSERT(row->kind != &cg_kind_CHOICE || strchr(row->choices, '|'));
        CU_ASSERT_FALSE(cg_policy_is_set(policy, i));
        /* These kinds know how to tighten; others must not be in .htaccess. */
        CU_ASSERT(row->where != CG_WHERE_TIGHTEN ||
                  row->kind->stricter != CG_STRICTER_NONE);
    }
    end();
}

static void policy_lets_the_inner_place_win_where_it_says_something(void)
{
    begin();
    const cg_policy_t *merged =
        merge(place("ChatGPTRetries 1;ChatGPTBodyLimit 1M;ChatGPTEngine on;"
                    "ChatGPTAllowModel a b"),
              place("ChatGPTBodyLimit 2M;ChatGPTAllowModel c"));
    CU_ASSERT_EQUAL(merged->retries, 1);
    CU_ASSERT_EQUAL(merged->body_max, 2 * CG_MIB);
    CU_ASSERT(merged->is_on);
    CU_ASSERT_EQUAL(merged->models_allowed->nelts, 1);
    CU_ASSERT(cg_policy_is_set(merged, CG_ROW_body_max));
    end();
}

static void policy_adds_what_one_place_says_again(void)
{
    begin();
    const cg_policy_t *policy =
        place("ChatGPTAllowModel a;ChatGPTAllowModel b;"
              "ChatGPTLimit key 5/60s;ChatGPTLimit key 9/60s;"
              "ChatGPTLimit key 7/1h;ChatGPTUpstream a http://a;"
              "ChatGPTUpstream b http://b");
    CU_ASSERT_EQUAL(policy->models_allowed->nelts, 2);
    CU_ASSERT_EQUAL(policy->limits.count, 2);
    CU_ASSERT_EQUAL(policy->limits.items[0].amount, 9);
    CU_ASSERT_EQUAL(policy->upstreams->nelts, 2);
    end();
}

static void policy_replaces_limits_by_dimension_and_quantity(void)
{
    begin();
    const cg_policy_t *outer =
        place("ChatGPTLimit key 5/60s;ChatGPTLimit key 7tokens/60s;"
              "ChatGPTLimit user 3/60s");
    const cg_policy_t *merged = merge(
        outer, place("ChatGPTLimit key 50/1h;ChatGPTLimit user none"));
    CU_ASSERT_EQUAL(merged->limits.count, 2);
    CU_ASSERT_EQUAL(merged->limits.items[0].amount, 50);
    CU_ASSERT_EQUAL(merged->limits.items[1].quantity, CG_QUANTITY_TOKENS);
    CU_ASSERT_FALSE(merged->limits.is_full);
    end();
}

static int64_t amount_of(const cg_policy_t *policy, cg_dimension_t dimension)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < policy->limits.count; i++) {
        const cg_limit_t *limit = &policy->limits.items[i];
        if (limit->dimension == dimension && limit->amount < least) {
            least = limit->amount;
        }
    }
    return least;
}

/* httpd merges sections among themselves before it merges them with the
 * server's. */
static void policy_comes_out_the_same_in_any_order_of_merging(void)
{
    begin();
    const cg_policy_t *a = place("ChatGPTLimit key 5/60s;ChatGPTRetries 1;"
                                 "ChatGPTRedact A block");
    const cg_policy_t *b = place("ChatGPTLimit key none;ChatGPTRedact B log");
    const cg_policy_t *c = place("ChatGPTLimit user 3/60s;ChatGPTRetries 3");
    const cg_policy_t *left = merge(merge(a, b), c);
    const cg_policy_t *right = merge(a, merge(b, c));
    CU_ASSERT_EQUAL(left->limits.count, 1);
    CU_ASSERT_EQUAL(right->limits.count, 1);
    CU_ASSERT_EQUAL(amount_of(left, CG_DIMENSION_USER), 3);
    CU_ASSERT_EQUAL(amount_of(right, CG_DIMENSION_USER), 3);
    CU_ASSERT_EQUAL(left->retries, right->retries);
    CU_ASSERT_EQUAL(memcmp(&left->actions, &right->actions,
                           sizeof left->actions),
                    0);
    end();
}

/* What is done with a type of requests at least: 1 + action. */
static int least_of(const cg_policy_t *policy, int type)
{
    int said = policy->actions.request[type];
    int least = policy->actions.least_request[type];
    return said > least ? said : least;
}

static void policy_only_tightens_in_htaccess(void)
{
    begin();
    const cg_policy_t *outer =
        place("ChatGPTBodyLimit 1M;ChatGPTAudit required;"
              "ChatGPTAllowModel gpt-* tiny;ChatGPTLimit key 5/60s local;"
              "ChatGPTRedact A block;ChatGPTRedact B log");
    const cg_policy_t *lax = merge(
        outer, htaccess("ChatGPTBodyLimit 16M;ChatGPTAudit best-effort;"
                        "ChatGPTAllowModel huge gpt-? tin*;"
                        "ChatGPTLimit key 500/60s open;ChatGPTRedact * allow"));
    CU_ASSERT_EQUAL(lax->body_max, CG_MIB);
    CU_ASSERT_EQUAL(lax->audit, 1);
    CU_ASSERT_EQUAL(lax->models_allowed->nelts, 0);
    CU_ASSERT_EQUAL(amount_of(lax, CG_DIMENSION_KEY), 5);
    CU_ASSERT_EQUAL(lax->limits.items[0].store_down, CG_STORE_DOWN_LOCAL);
    CU_ASSERT_EQUAL(least_of(lax, 0), 5);
    CU_ASSERT_EQUAL(least_of(lax, 1), 2);

    const cg_policy_t *strict = merge(
        outer, htaccess("ChatGPTBodyLimit 16K;ChatGPTAllowModel gpt-4o gpt-4*;"
                        "ChatGPTLimit key 2/60s closed;"
                        "ChatGPTLimit address 1/60s;ChatGPTRedact B mask"));
    CU_ASSERT_EQUAL(strict->body_max, 16 * CG_KIB);
    CU_ASSERT_EQUAL(strict->models_allowed->nelts, 2);
    CU_ASSERT_EQUAL(amount_of(strict, CG_DIMENSION_KEY), 2);
    CU_ASSERT_EQUAL(amount_of(strict, CG_DIMENSION_ADDRESS), 1);
    CU_ASSERT_EQUAL(strict->limits.items[0].store_down, CG_STORE_DOWN_CLOSED);
    CU_ASSERT_EQUAL(least_of(strict, 1), 3);
    cg_error_t err = {""};
    CU_ASSERT_FALSE(read_line(cg_policy_create(pool), "ChatGPTLimit key none",
                              true, &err));
    end();
}

static void policy_still_only_tightens_when_merged_with_sections_first(void)
{
    begin();
    const cg_policy_t *server =
        place("ChatGPTBodyLimit 1M;ChatGPTAllowModel tiny;"
              "ChatGPTLimit key 5/60s;ChatGPTRedact A block;"
              "ChatGPTRedact B log");
    const cg_policy_t *directory = place("ChatGPTRetries 1");
    const cg_policy_t *file =
        htaccess("ChatGPTBodyLimit 16M;ChatGPTAllowModel huge;"
                 "ChatGPTLimit key 500/60s;ChatGPTRedact A mask;"
                 "ChatGPTRedact B mask");
    const cg_policy_t *deeper = htaccess("ChatGPTBodyLimit 8M");
    const cg_policy_t *merged =
        merge(server, merge(merge(directory, file), deeper));
    CU_ASSERT_EQUAL(merged->body_max, CG_MIB);
    CU_ASSERT_EQUAL(merged->models_allowed->nelts, 0);
    CU_ASSERT_EQUAL(amount_of(merged, CG_DIMENSION_KEY), 5);
    CU_ASSERT_EQUAL(least_of(merged, 0), 5);
    CU_ASSERT_EQUAL(least_of(merged, 1), 3);
    CU_ASSERT_EQUAL(merged->retries, 1);
    /* What an administrator says further in does replace; the files tighten that,
     * too, wherever httpd puts them. */
    const cg_policy_t *location = place("ChatGPTBodyLimit 4M");
    CU_ASSERT_EQUAL(merge(merged, location)->body_max, 4 * CG_MIB);
    CU_ASSERT_EQUAL(merge(server, merge(file, location))->body_max,
                    4 * CG_MIB);
    const cg_policy_t *small = htaccess("ChatGPTBodyLimit 2M");
    CU_ASSERT_EQUAL(merge(server, merge(small, location))->body_max,
                    2 * CG_MIB);
    CU_ASSERT_EQUAL(merge(merge(server, small), location)->body_max,
                    2 * CG_MIB);
    end();
}

/* Limits 1/<from>s to 1/<to>s of one dimension. */
static const char *many(const char *dimension, int from, int to)
{
    const char *lines = "";
    for (int i = from; i <= to; i++) {
        lines = apr_psprintf(pool, "%sChatGPTLimit %s 1/%ds;", lines, dimension,
                             i);
    }
    return lines;
}

/* Sections joined two by two, in every way that keeps their order. */
static const cg_policy_t *join(const cg_policy_t *const *sections, int count,
                               unsigned way)
{
    if (count == 1) {
        return sections[0];
    }
    int cut = 1 + (int)(way % (unsigned)(count - 1));
    way /= (unsigned)(count - 1);
    return merge(join(sections, cut, way), join(sections + cut, count - cut, way));
}

static bool is_same(const cg_policy_t *a, const cg_policy_t *b)
{
    return a->body_max == b->body_max && a->retries == b->retries &&
           a->audit == b->audit && a->limits.count == b->limits.count &&
           amount_of(a, CG_DIMENSION_KEY) == amount_of(b, CG_DIMENSION_KEY) &&
           memcmp(&a->actions, &b->actions, sizeof a->actions) == 0 &&
           a->lock == b->lock && a->has_doubt == b->has_doubt &&
           !a->breach == !b->breach &&
           (!a->breach || (a->breach->line == b->breach->line &&
                           a->breach->held == b->breach->held));
}

static void policy_is_the_same_however_its_sections_are_joined(void)
{
    begin();
    const cg_policy_t *sections[] = {
        place("ChatGPTRedact A mask;ChatGPTBodyLimit 4M;ChatGPTLimit key 9/60s"),
        place("ChatGPTRedactLock on;ChatGPTAudit best-effort"),
        place("ChatGPTRedact B log;ChatGPTRetries 1"),
        htaccess("ChatGPTRedact B block;ChatGPTBodyLimit 1M;"
                 "ChatGPTLimit key 5/60s"),
        htaccess("ChatGPTRedact A log"),
        place("ChatGPTRedact B mask;ChatGPTBodyLimit 2M"),
    };
    int count = (int)(sizeof sections / sizeof sections[0]);
    const cg_policy_t *first = join(sections, count, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first->breach);
    CU_ASSERT(first->breach->is_htaccess);
    CU_ASSERT_EQUAL(first->body_max, CG_MIB);
    CU_ASSERT_EQUAL(least_of(first, 0), 3);
    CU_ASSERT_EQUAL(least_of(first, 1), 5);
    for (unsigned way = 0; way < 5 * 4 * 3 * 2; way++) {
        CU_ASSERT(is_same(first, join(sections, count, way)));
    }
    end();
}

static void policy_says_when_limits_have_no_room(void)
{
    begin();
    cg_error_t err = {""};
    cg_policy_t *outer = place(many("key", 1, 16));
    CU_ASSERT_FALSE(read_line(outer, "ChatGPTLimit key 1/17s", false, &err));
    const cg_policy_t *tight =
        merge(outer, htaccess(many("address", 1, 16)));
    CU_ASSERT(tight->limits.is_full);
    CU_ASSERT_EQUAL(amount_of(tight, CG_DIMENSION_KEY), 1);
    CU_ASSERT(merge(outer, place("ChatGPTLimit user 1/1s"))->limits.is_full);
    CU_ASSERT_FALSE(
        merge(outer, place("ChatGPTLimit key 1/1s"))->limits.is_full);
    end();
}

static void policy_merges_what_is_done_without_the_store_by_quantity(void)
{
    begin();
    const cg_policy_t *merged =
        merge(place("ChatGPTStoreDown open"),
              place("ChatGPTStoreDown budget closed"));
    CU_ASSERT_EQUAL(merged->store_down.mode[CG_QUANTITY_REQUESTS],
                    CG_STORE_DOWN_OPEN);
    CU_ASSERT_EQUAL(merged->store_down.mode[CG_QUANTITY_MICROS],
                    CG_STORE_DOWN_CLOSED);
    end();
}

CU_TestInfo test_policy_policy[] = {
    {"policy_takes_what_is_legal_and_says_what_is",
     policy_takes_what_is_legal_and_says_what_is},
    {"policy_has_a_default_within_the_bounds_of_every_row",
     policy_has_a_default_within_the_bounds_of_every_row},
    {"policy_lets_the_inner_place_win_where_it_says_something",
     policy_lets_the_inner_place_win_where_it_says_something},
    {"policy_adds_what_one_place_says_again",
     policy_adds_what_one_place_says_again},
    {"policy_replaces_limits_by_dimension_and_quantity",
     policy_replaces_limits_by_dimension_and_quantity},
    {"policy_comes_out_the_same_in_any_order_of_merging",
     policy_comes_out_the_same_in_any_order_of_merging},
    {"policy_only_tightens_in_htaccess", policy_only_tightens_in_htaccess},
    {"policy_still_only_tightens_when_merged_with_sections_first",
     policy_still_only_tightens_when_merged_with_sections_first},
    {"policy_is_the_same_however_its_sections_are_joined",
     policy_is_the_same_however_its_sections_are_joined},
    {"policy_says_when_limits_have_no_room",
     policy_says_when_limits_have_no_room},
    {"policy_merges_what_is_done_without_the_store_by_quantity",
     policy_merges_what_is_done_without_the_store_by_quantity},
    CU_TEST_INFO_NULL,
};
