/* Values spread over messages: tests. Cases: tests/data/flow/messages.jsonl, each
 * value with its parts; a case without any is harmless.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <CUnit/CUnit.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "../chat/cases.h"
#include "flow/review.h"

typedef struct trial_t {
    cg_walk_t walk;
    cg_sift_t sift;
    cg_actions_t actions;
    cg_tally_t tally;
    cg_str_t out;
    apr_status_t rv;
} trial_t;

static void try_document(trial_t *trial, cg_str_t in, cg_action_t action,
                         apr_pool_t *pool)
{
    cg_review_t review;
    memset(trial, 0, sizeof *trial);
    cg_actions_all(&trial->actions, action);
    CU_ASSERT_EQUAL_FATAL(cg_walk(in.ptr, in.len, &trial->walk, NULL, pool),
                          CG_WALK_OK);
    trial->sift = (cg_sift_t){.rules = cg_rules_builtin(),
                              .actions = &trial->actions,
                              .depth = CG_SCAN_DEEP, .tally = &trial->tally,
                              .pool = pool};
    trial->sift.spots = apr_array_make(pool, 8, sizeof(cg_finding_t));
    cg_sift_open(&trial->sift);
    cg_review_open(&review, &trial->sift);
    trial->rv = cg_sift_document(&trial->sift, &trial->walk);
    if (trial->rv == APR_SUCCESS) {
        trial->rv = cg_review_finish(&review, &trial->sift, &trial->walk);
    }
    trial->out = cg_sift_apply(&trial->sift, in);
}

static cg_str_t body_of(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_buf_t body;
    cg_str_t raw = cg_walk_raw(row, cg_walk_member(row, 0, "messages"));
    cg_buf_init(&body, raw.len + 32, pool);
    cg_buf_str(&body, "{\"messages\":");
    cg_buf_add(&body, raw.ptr, raw.len);
    cg_buf_char(&body, '}');
    return (cg_str_t){body.ptr, body.len};
}

static uint32_t nth(const cg_walk_t *walk, uint32_t array, int64_t number)
{
    uint32_t at = walk->nodes[array].child;
    while (number-- > 0) {
        at = walk->nodes[at].next;
    }
    return at;
}

/* The place of a part in the body, from code points of its message. */
static cg_finding_t place_of(const trial_t *trial, const cg_walk_t *row,
                             uint32_t part)
{
    int64_t number[3];
    static const char *const names[] = {"message", "start", "end"};
    for (int i = 0; i < 3; i++) {
        cg_walk_int(row, cg_walk_member(row, part, names[i]), &number[i]);
    }
    const cg_walk_t *walk = &trial->walk;
    uint32_t message = nth(walk, cg_walk_member(walk, 0, "messages"), number[0]);
    const cg_node_t *text =
        &walk->nodes[cg_walk_member(walk, message, "content")];
    uint32_t at[2] = {text->start, text->start};
    for (int i = 0; i < 2; i++) {
        for (int64_t points = number[1 + i]; points > 0; points--) {
            do {
                at[i]++;
            } while (((unsigned char)walk->text[at[i]] & 0xC0) == 0x80);
        }
    }
    return (cg_finding_t){.start = at[0], .end = at[1]};
}

static bool is_covered(const trial_t *trial, cg_finding_t place, int type)
{
    for (int i = 0; i < trial->sift.spots->nelts; i++) {
        const cg_finding_t *spot =
            &APR_ARRAY_IDX(trial->sift.spots, i, cg_finding_t);
        if (spot->start <= place.start && spot->end >= place.end &&
            spot->type == type) {
            return true;
        }
    }
    return false;
}

/* Counts the case's parts, and looks for each of them among the findings. */
static int check_parts(const trial_t *trial, const cg_walk_t *row,
                       apr_pool_t *pool)
{
    int parts = 0;
    uint32_t entities = cg_walk_member(row, 0, "entities");
    for (uint32_t at = row->nodes[entities].child; at != CG_NODE_NONE;
         at = row->nodes[at].next) {
        uint32_t name = cg_walk_member(row, at, "type");
        int type = cg_detector_find(
            cg_str_dup(cg_walk_string(row, name, pool), pool));
        uint32_t list = cg_walk_member(row, at, "parts");
        for (uint32_t part = row->nodes[list].child; part != CG_NODE_NONE;
             part = row->nodes[part].next) {
            check(is_covered(trial, place_of(trial, row, part), type), row,
                  "a part was not found");
            parts++;
        }
    }
    return parts;
}

static int splices_of(const trial_t *trial)
{
    return trial->sift.splices->nelts;
}

static void review_one(const cg_walk_t *row, apr_pool_t *pool)
{
    trial_t trial;
    cg_walk_t again;
    try_document(&trial, body_of(row, pool), CG_ACTION_MASK, pool);
    CU_ASSERT_EQUAL(trial.rv, APR_SUCCESS);
    int parts = check_parts(&trial, row, pool);
    check(splices_of(&trial) == parts, row, cg_str_dup(trial.out, pool));
    check(cg_walk(trial.out.ptr, trial.out.len, &again, NULL, pool) ==
              CG_WALK_OK,
          row, "no JSON any more");
}

static void values_spread_over_messages_are_found_and_nothing_else(void)
{
    each_case("flow/messages.jsonl", review_one);
}

#define CARD "[CREDIT_CARD]"

static void check_masked(const char *in, const char *out)
{
    apr_pool_t *pool = open_pool();
    trial_t trial;
    try_document(&trial, cg_str(in), CG_ACTION_MASK, pool);
    CU_ASSERT_EQUAL(trial.rv, APR_SUCCESS);
    CU_ASSERT_TRUE(cg_str_is(trial.out, out));
    if (!cg_str_is(trial.out, out)) {
        printf("\n    %.*s\n", (int)trial.out.len, trial.out.ptr);
    }
    apr_pool_destroy(pool);
}

/* Parts of one message touch: no word needs to say that they belong together. */
static void the_parts_of_a_message_touch(void)
{
    check_masked("{\"messages\":[{\"role\":\"user\",\"content\":["
                 "{\"type\":\"text\",\"text\":\"Please charge 4111 1111\"},"
                 "{\"type\":\"text\",\"text\":\"1111 1111 at once\"}]}]}",
                 "{\"messages\":[{\"role\":\"user\",\"content\":["
                 "{\"type\":\"text\",\"text\":\"Please charge " CARD "\"},"
                 "{\"type\":\"text\",\"text\":\"" CARD " at once\"}]}]}");
    check_masked("{\"input\":[{\"role\":\"user\",\"content\":["
                 "{\"type\":\"input_text\",\"text\":\"I am bob@exam\"},"
                 "{\"type\":\"input_text\",\"text\":\"ple.com, hello\"}]}]}",
                 "{\"input\":[{\"role\":\"user\",\"content\":["
                 "{\"type\":\"input_text\",\"text\":\"I am "
                 "[EMAIL_ADDRESS]\"},"
                 "{\"type\":\"input_text\",\"text\":\"[EMAIL_ADDRESS], "
                 "hello\"}]}]}");
}

/* The same words in a list of independent texts are no conversation. */
static void a_list_of_texts_is_no_conversation(void)
{
    check_masked("{\"input\":[\"4111111111\",\"111111\"]}",
                 "{\"input\":[\"4111111111\",\"111111\"]}");
    check_masked("{\"input\":[\"first part: 4111111111\",\"next: 111111\"]}",
                 "{\"input\":[\"first part: " CARD "\",\"next: " CARD "\"]}");
    check_masked("{\"metadata\":{\"a\":\"first part: 4111111111\","
                 "\"b\":\"next: 111111\"}}",
                 "{\"metadata\":{\"a\":\"first part: 4111111111\","
                 "\"b\":\"next: 111111\"}}");
}

/* Escapes in a message do not move the place that is masked. */
static void escaped_pieces_are_masked_where_they_stand(void)
{
    check_masked("{\"messages\":[{\"role\":\"user\",\"content\":"
                 "\"\\u00e9\\n first part: \\u0034111111111\"},"
                 "{\"role\":\"user\",\"content\":\"next: 111111\\t!\"}]}",
                 "{\"messages\":[{\"role\":\"user\",\"content\":"
                 "\"\\u00e9\\n first part: " CARD "\"},"
                 "{\"role\":\"user\",\"content\":\"next: " CARD "\\t!\"}]}");
}

#define TWO                                                                    \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"                   \
    "{\"role\":\"user\",\"content\":\"first part: 4111111111\"},"              \
    "{\"role\":\"user\",\"content\":\"next: 111111\"}]}"

static void actions_hold_for_values_in_pieces(void)
{
    apr_pool_t *pool = open_pool();
    trial_t trial;
    try_document(&trial, cg_str(TWO), CG_ACTION_BLOCK, pool);
    CU_ASSERT_TRUE(trial.sift.is_blocked);
    CU_ASSERT_EQUAL(trial.sift.blocked_by, CG_TYPE_CREDIT_CARD);
    CU_ASSERT_STRING_EQUAL(trial.sift.blocked_at, "/messages/1/content");
    try_document(&trial, cg_str(TWO), CG_ACTION_LOG, pool);
    CU_ASSERT_FALSE(trial.sift.is_blocked);
    CU_ASSERT_TRUE(cg_str_is(trial.out, TWO));
    CU_ASSERT_EQUAL(trial.tally.by_type[CG_TYPE_CREDIT_CARD], 1);
    CU_ASSERT_EQUAL(trial.sift.spots->nelts, 2);
    try_document(&trial, cg_str(TWO), CG_ACTION_ALLOW, pool);
    CU_ASSERT_TRUE(cg_str_is(trial.out, TWO));
    CU_ASSERT_EQUAL(cg_tally_total(&trial.tally), 0);
    static const cg_action_t masking[] = {CG_ACTION_PARTIAL,
                                          CG_ACTION_PSEUDONYM, CG_ACTION_MASK};
    for (size_t i = 0; i < 3; i++) {
        try_document(&trial, cg_str(TWO), masking[i], pool);
        CU_ASSERT_EQUAL(splices_of(&trial), 2);
        CU_ASSERT_PTR_NULL(memmem(trial.out.ptr, trial.out.len, "1111", 4));
    }
    apr_pool_destroy(pool);
}

/* Milliseconds for a conversation of that many messages, each a piece. */
static apr_time_t time_of(int messages)
{
    apr_pool_t *pool = open_pool();
    trial_t trial;
    cg_buf_t body;
    cg_buf_init(&body, 64 * (size_t)messages, pool);
    cg_buf_str(&body, "{\"messages\":[");
    for (int i = 0; i < messages; i++) {
        cg_buf_fmt(&body, "%s{\"role\":\"user\",\"content\":\"next: %d\"}",
                   i ? "," : "", 100000 + i * 37);
    }
    cg_buf_str(&body, "]}");
    apr_time_t before = apr_time_now();
    try_document(&trial, (cg_str_t){body.ptr, body.len}, CG_ACTION_MASK, pool);
    apr_time_t took = apr_time_now() - before;
    CU_ASSERT_EQUAL(trial.rv, APR_SUCCESS);
    apr_pool_destroy(pool);
    return took;
}

static void a_long_conversation_costs_no_more_for_each_message(void)
{
    apr_time_t few = time_of(1000);
    apr_time_t many = time_of(10000);
    CU_ASSERT_TRUE(many < 40 * few + 20000); /* not 100 times */
}

CU_TestInfo test_flow_review[] = {
    {"values_spread_over_messages_are_found_and_nothing_else",
     values_spread_over_messages_are_found_and_nothing_else},
    {"the_parts_of_a_message_touch", the_parts_of_a_message_touch},
    {"a_list_of_texts_is_no_conversation", a_list_of_texts_is_no_conversation},
    {"escaped_pieces_are_masked_where_they_stand",
     escaped_pieces_are_masked_where_they_stand},
    {"actions_hold_for_values_in_pieces", actions_hold_for_values_in_pieces},
    {"a_long_conversation_costs_no_more_for_each_message",
     a_long_conversation_costs_no_more_for_each_message},
    CU_TEST_INFO_NULL,
};
