/* A masked body is counted again: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "chat/tokens.h"
#include "walk.h"

#define MAILS 40
#define OUTPUT 100

/* A pseudonym is longer than a short address, and shorter than a long one. */
static void open_with(walk_t *walk, const char *key_limits)
{
    cg_error_t err = {""};
    walk_open(walk, key_limits);
    walk->gateway.pseudonym_keys = cg_pseudonym_keys_make(
        CG_STR("0123456789abcdef0123456789abcdef"), &err, walk->pool);
    walk_say(walk, "ChatGPTRedact", "EMAIL_ADDRESS pseudonym request");
}

static const char *body_of(walk_t *walk, const char *value, int times)
{
    const char *said = "";
    for (int i = 0; i < times; i++) {
        said = apr_pstrcat(walk->pool, said, value, " ", NULL);
    }
    return apr_psprintf(
        walk->pool,
        "{\"model\":\"gpt-4o\",\"max_tokens\":%d,\"messages\":[{"
        "\"role\":\"user\",\"content\":\"%s\"}]}",
        OUTPUT, said);
}

static const char *mails(walk_t *walk)
{
    return body_of(walk, "a@b.co", MAILS);
}

static int64_t tokens_of(walk_t *walk, cg_str_t body)
{
    cg_request_t request;
    const char *param;
    bool is_exact;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_chat_request_read(CG_ENDPOINT_CHAT, body, &request,
                                               &param, &err, walk->pool),
                          CG_REQUEST_OK);
    return cg_chat_tokens_of_request(&request, walk->gateway.vocabularies,
                                     &is_exact, walk->pool);
}

/* Tokens of mails as they come and as they leave. */
static void measure(int64_t *came, int64_t *leaves)
{
    walk_t walk;
    open_with(&walk, "");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, mails(&walk));
    CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
    *came = tokens_of(&walk, txn->in.body);
    *leaves = tokens_of(&walk, txn->out.body);
    CU_ASSERT_FATAL(*leaves >= *came + MAILS);
    CU_ASSERT_EQUAL(txn->grant.input_tokens, *leaves);
    walk_close(&walk);
}

static int64_t used_of(walk_t *walk, const char *words)
{
    cg_limit_t limit = {.dimension = CG_DIMENSION_KEY};
    cg_error_t err = {""};
    cg_quota_left_t left = {0};
    CU_ASSERT_FATAL(cg_limit_parse(cg_str(words), &limit, &err));
    cg_quota_ask_t ask = {.limit = &limit, .subject = cg_str(walk->key.id)};
    CU_ASSERT_EQUAL_FATAL(cg_quota_usage(walk->gateway.quota, &ask, 1,
                                         cg_clock_now(), &left, &err,
                                         walk->pool),
                          APR_SUCCESS);
    return left.limit - left.remaining;
}

static int64_t holds_of(walk_t *walk)
{
    return redis_fixture_call(walk->gateway.store, walk->pool, "ZCARD",
                              "cg:{cg}:holds", NULL)
        .number;
}

static void settle(walk_t *walk, const cg_txn_t *txn)
{
    cg_error_t err = {""};
    cg_quota_bill_t bill = {.id = txn->grant.hold_id,
                            .input_tokens = txn->bill.input_tokens,
                            .output_tokens = txn->bill.output_tokens,
                            .micros = txn->bill.micros,
                            .is_released = txn->bill.is_released};
    cg_quota_post(walk->gateway.quota, &bill, txn->grant.has_hold);
    CU_ASSERT_EQUAL(cg_quota_flush(walk->gateway.quota, &err, walk->pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(
        cg_quota_settle(walk->gateway.quota, NULL, 0, &err, walk->pool),
        APR_SUCCESS);
}

static void what_leaves_is_what_is_held_and_settled(void)
{
    int64_t came, leaves;
    walk_t walk;
    measure(&came, &leaves);
    open_with(&walk, "1000/60s 100/month 100000tokens/60s 100000tokens/day "
                     "100000input_tokens/1h 100USD/month 1concurrent");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, mails(&walk));
    CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->grant.input_tokens, leaves);
    CU_ASSERT(txn->grant.has_hold);
    CU_ASSERT_EQUAL(holds_of(&walk), 1);
    CU_ASSERT_EQUAL(used_of(&walk, "1000/60s"), 1);
    CU_ASSERT_EQUAL(used_of(&walk, "100/month"), 1);
    CU_ASSERT_EQUAL(used_of(&walk, "1concurrent"), 1);
    CU_ASSERT_EQUAL(used_of(&walk, "100000tokens/60s"), leaves + OUTPUT);
    CU_ASSERT_EQUAL(used_of(&walk, "100000tokens/day"), leaves + OUTPUT);
    CU_ASSERT_EQUAL(used_of(&walk, "100000input_tokens/1h"), leaves);
    CU_ASSERT_EQUAL(used_of(&walk, "100USD/month"),
                    cg_price_micros(txn->grant.price, leaves, 0, OUTPUT));

    /* The provider counts what it got, above what was held at first. */
    walk_answer_begins(txn, 200);
    txn->answer.usage = (cg_usage_t){
        .is_known = true, .input_tokens = leaves, .output_tokens = OUTPUT};
    cg_flow_settle(txn);
    settle(&walk, txn);
    CU_ASSERT_EQUAL(txn->bill.input_tokens, leaves);
    CU_ASSERT_EQUAL(used_of(&walk, "100000tokens/60s"), leaves + OUTPUT);
    CU_ASSERT_EQUAL(used_of(&walk, "100USD/month"), txn->bill.micros);
    CU_ASSERT_EQUAL(used_of(&walk, "1000/60s"), 1);
    CU_ASSERT_EQUAL(used_of(&walk, "1concurrent"), 0);
    CU_ASSERT_EQUAL(holds_of(&walk), 0);
    walk_close(&walk);
}

/* Room for what came, none for what it has become: nothing leaves, nothing is used. */
static void refuse_under(const char *limits, const char *words,
                         cg_verdict_t verdict)
{
    walk_t walk;
    open_with(&walk, limits);
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, mails(&walk));
    CU_ASSERT_EQUAL(walk_in(&walk, txn), verdict);
    CU_ASSERT_FALSE(txn->grant.has_hold);
    CU_ASSERT_PTR_NULL(txn->route.account);
    CU_ASSERT_EQUAL(used_of(&walk, words), 0);
    CU_ASSERT_EQUAL(used_of(&walk, "5/day"), 0);
    CU_ASSERT_EQUAL(holds_of(&walk), 0);
    /* Its own room is there for who fits. */
    txn = walk_request(&walk, CG_ENDPOINT_CHAT, body_of(&walk, "hello", 1));
    CU_ASSERT_EQUAL(walk_in(&walk, txn), CG_PASS);
    walk_close(&walk);
}

static void what_has_no_room_for_the_masked_body_is_refused(void)
{
    int64_t came, leaves;
    char limits[200], words[100];
    measure(&came, &leaves);
    static const struct {
        const char *how;
        cg_verdict_t verdict;
    } kinds[] = {{"tokens/60s", CG_TOKEN_LIMIT},
                 {"tokens/month", CG_TOKEN_LIMIT},
                 {"input_tokens/1h", CG_TOKEN_LIMIT}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int64_t most = leaves - 1 + (kinds[i].how[0] == 'i' ? 0 : OUTPUT);
        apr_snprintf(words, sizeof words, "%" APR_INT64_T_FMT "%s", most,
                     kinds[i].how);
        apr_snprintf(limits, sizeof limits, "%s 5/day", words);
        refuse_under(limits, words, kinds[i].verdict);
    }
    /* 2.5 and 10 dollars a million: in micro-dollars, rounded up. */
    int64_t micros = (leaves * 2500 + OUTPUT * 10000 + 999) / 1000 - 1;
    apr_snprintf(words, sizeof words, "0.%06" APR_INT64_T_FMT "USD/month",
                 micros);
    apr_snprintf(limits, sizeof limits, "%s 5/day", words);
    refuse_under(limits, words, CG_BUDGET);
}

static int64_t calls_of(walk_t *walk)
{
    const char *info = redis_fixture_call(walk->gateway.store, walk->pool,
                                          "INFO", "commandstats", NULL)
                           .text.ptr;
    const char *at = strstr(info, "cmdstat_evalsha:calls=");
    return at ? atoll(strchr(at, '=') + 1) : 0;
}

static void only_what_has_grown_is_asked_for_again(void)
{
    static const struct {
        const char *value;
        int64_t calls;
    } cases[] = {
        {"hello", 1},                                          /* unchanged */
        {"maximilian.winterbottom+q7x@longdomain.example", 1}, /* shorter */
        {"a@b.co", 2},
    };
    walk_t walk;
    open_with(&walk, "1000/60s 100000tokens/60s");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, mails(&walk));
    walk_in(&walk, txn); /* the script is there from now on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        txn = walk_request(&walk, CG_ENDPOINT_CHAT,
                           body_of(&walk, cases[i].value, 20));
        CU_ASSERT_EQUAL_FATAL(cg_flow_authenticate(txn, cg_str(walk.spelled)),
                              CG_PASS);
        int64_t before = calls_of(&walk);
        CU_ASSERT_EQUAL(cg_flow_run(txn), CG_PASS);
        CU_ASSERT_EQUAL(calls_of(&walk) - before, cases[i].calls);
        CU_ASSERT_EQUAL(txn->grant.input_tokens,
                        tokens_of(&walk, txn->out.body));
    }
    CU_ASSERT_EQUAL(used_of(&walk, "1000/60s"), 4);
    walk_close(&walk);
}

static void slices_and_clamps_hold_what_leaves_too(void)
{
    int64_t came, leaves;
    walk_t walk;
    measure(&came, &leaves);
    open_with(&walk, "");
    walk_say(&walk, "ChatGPTLimit", "key 10000000tokens/1h leased");
    for (int i = 0; i < 3; i++) {
        cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, mails(&walk));
        CU_ASSERT_EQUAL_FATAL(walk_in(&walk, txn), CG_PASS);
        walk_answer_begins(txn, 200);
        txn->answer.usage = (cg_usage_t){
            .is_known = true, .input_tokens = leaves, .output_tokens = 1};
        cg_flow_settle(txn);
        settle(&walk, txn);
    }
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_quota_return_slices(walk.gateway.quota, &err, walk.pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(used_of(&walk, "10000000tokens/1h"), 3 * (leaves + 1));
    walk_close(&walk);

    char words[60];
    apr_snprintf(words, sizeof words, "%" APR_INT64_T_FMT "tokens/60s",
                 leaves + 7);
    open_with(&walk, words);
    walk_say(&walk, "ChatGPTClamp", "on");
    cg_txn_t *txn = walk_request(&walk, CG_ENDPOINT_CHAT, mails(&walk));
    CU_ASSERT_EQUAL(walk_in(&walk, txn), CG_PASS);
    CU_ASSERT_EQUAL(txn->grant.output_tokens, 7);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(cg_str_dup(txn->out.body, walk.pool), "\"max_tokens\":7"));
    walk_close(&walk);
}

CU_TestInfo test_flow_recount[] = {
    {"what_leaves_is_what_is_held_and_settled",
     what_leaves_is_what_is_held_and_settled},
    {"what_has_no_room_for_the_masked_body_is_refused",
     what_has_no_room_for_the_masked_body_is_refused},
    {"only_what_has_grown_is_asked_for_again",
     only_what_has_grown_is_asked_for_again},
    {"slices_and_clamps_hold_what_leaves_too",
     slices_and_clamps_hold_what_leaves_too},
    CU_TEST_INFO_NULL,
};
