/* make bench: what a chat costs that was inspected before, but for its new message.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole inspection of a request body: every text, files looked for, values
 * spread over messages, the verdicts of 65,536 texts remembered. Three times each:
 * nothing remembered and nothing to remember with, seen for the first time, and all
 * but the last message seen before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>

#include "flow/finder.h"
#include "flow/review.h"

#define ENTRIES 65536
#define ROUNDS 40

static double now_micros(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static const char english[] =
    "Please have a look at what the customer wrote on Monday and tell me, in "
    "a sentence or two, what we should answer; she has been with us for years "
    "and is right to be angry. ";
static const char chinese[] =
    "请看一下客户周一写的内容，用一两句话告诉我应该怎么回答；她是多年的老客户，"
    "生气也是有道理的。";

/* Every seventh message holds an address; no two messages are alike, nor are two
 * chats of other salt. */
static cg_str_t chat_of(int messages, int bytes, int salt, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, (size_t)messages * ((size_t)bytes + 64), pool);
    cg_buf_str(&out, "{\"model\":\"gpt-4o\",\"messages\":[");
    for (int i = 0; i < messages; i++) {
        int number = i + 1 < messages ? i : salt; /* the last one is new */
        cg_buf_fmt(&out, "%s{\"role\":\"%s\",\"content\":\"%d ", i ? "," : "",
                   i % 2 ? "assistant" : "user", number);
        size_t start = out.len;
        while (out.len - start < (size_t)bytes) {
            cg_buf_str(&out, (out.len / 7 + (size_t)i) % 2 ? english : chinese);
        }
        cg_buf_fmt(&out, "%s\"}", i % 7 ? "" : " bob.smith@example.com");
    }
    cg_buf_str(&out, "]}");
    return (cg_str_t){out.ptr, out.len};
}

static double inspect_once(cg_str_t body, cg_memo_t *memo)
{
    apr_pool_t *pool;
    cg_walk_t walk;
    cg_actions_t actions;
    cg_tally_t tally = {{0}};
    cg_opaque_t opaque = {{0}};
    cg_finder_t finder;
    cg_review_t review;
    apr_pool_create(&pool, NULL);
    cg_actions_default(&actions);
    double before = now_micros();
    cg_walk(body.ptr, body.len, &walk, NULL, pool);
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, memo, 1);
    cg_sift_t sift = {.rules = cg_rules_builtin(), .actions = &actions,
                      .depth = CG_SCAN_DEEP, .tally = &tally, .pool = pool,
                      .find = cg_finder_find, .finder = &finder,
                      .opaque = &opaque};
    cg_sift_open(&sift);
    cg_review_open(&review, &sift);
    cg_sift_document(&sift, &walk);
    cg_review_finish(&review, &sift, &walk);
    cg_sift_apply(&sift, body);
    double took = now_micros() - before;
    apr_pool_destroy(pool);
    return took;
}

static double best_of(int messages, int bytes, cg_memo_t *memo, bool is_same)
{
    apr_pool_t *pool;
    double best = 1e12;
    static int salt = 1000000;
    apr_pool_create(&pool, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        cg_str_t body = chat_of(messages, bytes, is_same ? 1 : salt++, pool);
        double took = inspect_once(body, memo);
        best = took < best ? took : best;
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return best;
}

static void tell(int messages, int bytes, void *memory)
{
    static const uint64_t secret[2] = {1, 2};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    double first = 1e12;
    cg_memo_t *memo = NULL;
    double none = best_of(messages, bytes, NULL, true);
    cg_str_t body = chat_of(messages, bytes, 1, pool);
    for (int i = 0; i < 5; i++) {
        memset(memory, 0, cg_memo_bytes(ENTRIES));
        memo = cg_memo_open(memory, ENTRIES, secret, pool);
        double took = inspect_once(body, memo);
        first = took < first ? took : first;
    }
    double again = best_of(messages, bytes, memo, false);
    printf("%5d messages of %5d bytes  %8.0f  %8.0f  %8.0f  %6.1f\n", messages,
           bytes, none, first, again, none / again);
    apr_pool_destroy(pool);
}

int main(void)
{
    static const int chats[][2] = {{2, 500},    {20, 500},   {200, 50},
                                   {200, 500},  {200, 1200}, {20, 12000},
                                   {1000, 1000}};
    apr_initialize();
    size_t bytes = (cg_memo_bytes(ENTRIES) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    puts("a chat, us of CPU            no cache  first    one new   ratio");
    for (size_t i = 0; i < sizeof chats / sizeof chats[0]; i++) {
        tell(chats[i][0], chats[i][1], memory);
    }
    free(memory);
    return 0;
}
