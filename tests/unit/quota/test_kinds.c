/* Quantities, calendars, organizations and holds beyond windows and money.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "quota/quota.h"
#include "redis_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define HOUR (3600 * SECOND)

typedef struct bench_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_quota_t *quota;
    void *shared;
    cg_limit_t limits[8];
    size_t count;
} bench_t;

static void bench_open(bench_t *b)
{
    memset(b, 0, sizeof *b);
    apr_pool_create(&b->pool, NULL);
    b->store = redis_fixture_store(redis_fixture_shared(), b->pool);
    b->shared = calloc(1, cg_quota_shared_bytes());
    b->quota = cg_quota_open(b->store, b->shared, b->pool);
}

static void bench_close(bench_t *b)
{
    apr_pool_destroy(b->pool);
    free(b->shared);
}

static void say(bench_t *b, const char *scope, const char *text)
{
    cg_error_t err = {.text = ""};
    cg_limit_t *limit = &b->limits[b->count++];
    CU_ASSERT_FATAL(cg_limit_scope_read(cg_str(scope), limit));
    CU_ASSERT_FATAL(cg_limit_parse(cg_str(text), limit, &err));
}

/* Input and output as a request's worst case. */
static void fill(bench_t *b, cg_quota_ask_t *asks, int64_t input,
                 int64_t output, cg_str_t organization)
{
    for (size_t i = 0; i < b->count; i++) {
        asks[i] = (cg_quota_ask_t){.limit = &b->limits[i],
                                   .subject = CG_STR("red"),
                                   .cost = 1,
                                   .organization = organization};
        switch (b->limits[i].quantity) {
        case CG_QUANTITY_INPUT_TOKENS:
            asks[i].cost = input;
            asks[i].floor = input;
            break;
        case CG_QUANTITY_OUTPUT_TOKENS:
            asks[i].cost = output;
            break;
        case CG_QUANTITY_TOKENS:
        case CG_QUANTITY_MICROS:
            asks[i].cost = input + output;
            asks[i].floor = input;
            break;
        default:
            break;
        }
    }
}

static cg_quota_grant_t admit_in(bench_t *b, const char *uuid,
                                 const char *organization, int64_t input,
                                 int64_t output, apr_time_t hold_for)
{
    cg_quota_ask_t asks[8];
    cg_quota_grant_t grant;
    cg_error_t err = {.text = ""};
    char id[CG_QUOTA_ID_MAX + 1];
    fill(b, asks, input, output, cg_str(organization));
    cg_quota_id(id, uuid, cg_str(organization));
    CU_ASSERT_EQUAL_FATAL(cg_quota_admit(b->quota, id, asks, b->count, hold_for,
                                         cg_clock_now(), &grant, &err, b->pool),
                          APR_SUCCESS);
    CU_ASSERT_FALSE(grant.is_local);
    return grant;
}

static bool admit(bench_t *b, const char *id, int64_t input, int64_t output)
{
    return admit_in(b, id, "", input, output, HOUR).is_admitted;
}

static void settle(bench_t *b, const char *id, int64_t input, int64_t output)
{
    cg_quota_bill_t bill = {.id = id,
                            .input_tokens = input,
                            .output_tokens = output,
                            .micros = input + output};
    CU_ASSERT_EQUAL(cg_quota_settle(b->quota, &bill, 1, NULL, b->pool),
                    APR_SUCCESS);
}

static cg_quota_left_t left_in(bench_t *b, size_t which,
                               const char *organization)
{
    cg_quota_ask_t asks[8];
    cg_quota_left_t left[8];
    fill(b, asks, 0, 0, cg_str(organization));
    CU_ASSERT_EQUAL_FATAL(cg_quota_usage(b->quota, asks, b->count,
                                         cg_clock_now(), left, NULL, b->pool),
                          APR_SUCCESS);
    return left[which];
}

static int64_t used_of(bench_t *b, size_t which)
{
    cg_quota_left_t left = left_in(b, which, "");
    return left.limit - left.remaining;
}

static void quantities_are_charged_each_with_its_own(void)
{
    bench_t b;
    bench_open(&b);
    say(&b, "key", "1000input_tokens/1h");
    say(&b, "key", "1000output_tokens/day");
    say(&b, "key", "1000tokens/week");
    say(&b, "key", "0.001USD/year start=04-01");
    say(&b, "key", "10/month start=15");
    CU_ASSERT(admit(&b, "a", 100, 400));
    CU_ASSERT_EQUAL(used_of(&b, 0), 100);
    CU_ASSERT_EQUAL(used_of(&b, 1), 400);
    CU_ASSERT_EQUAL(used_of(&b, 2), 500);
    CU_ASSERT_EQUAL(left_in(&b, 2, "").held, 500);
    settle(&b, "a", 90, 30);
    settle(&b, "a", 90, 400);
    CU_ASSERT_EQUAL(used_of(&b, 0), 90);
    CU_ASSERT_EQUAL(used_of(&b, 1), 30);
    CU_ASSERT_EQUAL(used_of(&b, 2), 120);
    CU_ASSERT_EQUAL(used_of(&b, 3), 120);
    CU_ASSERT_EQUAL(used_of(&b, 4), 1);
    CU_ASSERT_EQUAL(left_in(&b, 2, "").held, 0);
    CU_ASSERT_FALSE(admit(&b, "b", 100, 971));
    CU_ASSERT_EQUAL(used_of(&b, 4), 1);
    bench_close(&b);
}

static void concurrent_counts_those_under_way_and_frees_those_that_expire(void)
{
    bench_t b;
    bench_open(&b);
    say(&b, "key", "2concurrent");
    CU_ASSERT(admit(&b, "a", 1, 1));
    CU_ASSERT(admit_in(&b, "b", "", 1, 1, 200000).is_admitted);
    cg_quota_grant_t grant = admit_in(&b, "c", "", 1, 1, HOUR);
    CU_ASSERT_FALSE(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.refused_by, 0);
    CU_ASSERT(grant.retry_for > 0);
    settle(&b, "a", 1, 1);
    settle(&b, "a", 1, 1);
    CU_ASSERT_EQUAL(used_of(&b, 0), 1);
    CU_ASSERT(admit(&b, "d", 1, 1));
    CU_ASSERT_FALSE(admit(&b, "e", 1, 1));
    usleep(250000);
    CU_ASSERT(admit(&b, "f", 1, 1)); /* b has expired, nobody swept */
    settle(&b, "b", 1, 1);
    CU_ASSERT_EQUAL(used_of(&b, 0), 2);
    bench_close(&b);
}

static void a_posted_bill_is_settled_by_the_next_admission(void)
{
    bench_t b;
    bench_open(&b);
    say(&b, "key", "1concurrent");
    say(&b, "key", "1000tokens/day");
    for (int i = 0; i < 50; i++) {
        const char *id = apr_psprintf(b.pool, "p%d", i);
        CU_ASSERT(admit(&b, id, 10, 100));
        cg_quota_bill_t bill = {.id = id, .input_tokens = 10};
        cg_quota_post(b.quota, &bill, true);
    }
    CU_ASSERT_EQUAL(used_of(&b, 0), 1);
    CU_ASSERT_EQUAL(cg_quota_flush(b.quota, NULL, b.pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(used_of(&b, 0), 0);
    CU_ASSERT_EQUAL(used_of(&b, 1), 500);
    bench_close(&b);
}

static void soft_limits_are_counted_and_named_and_refuse_nobody(void)
{
    bench_t b;
    bench_open(&b);
    say(&b, "key", "100tokens/1h soft");
    say(&b, "team", "0.0001USD/month soft");
    say(&b, "team", "1000tokens/1h");
    CU_ASSERT_EQUAL(admit_in(&b, "a", "", 0, 90, HOUR).passed, 0);
    cg_quota_grant_t grant = admit_in(&b, "b", "", 0, 90, HOUR);
    CU_ASSERT(grant.is_admitted);
    CU_ASSERT_EQUAL(grant.passed, 3);
    CU_ASSERT_EQUAL(grant.left[0].remaining, 0);
    CU_ASSERT_FALSE(admit(&b, "c", 0, 900));
    settle(&b, "b", 0, 0);
    CU_ASSERT_EQUAL(admit_in(&b, "d", "", 0, 10, HOUR).passed, 0);
    bench_close(&b);
}

static void progress_is_the_least_that_a_dead_request_is_charged(void)
{
    bench_t b;
    bench_open(&b);
    say(&b, "key", "1000tokens/1h");
    say(&b, "key", "0.001USD/month");
    say(&b, "key", "1000output_tokens/day");
    CU_ASSERT(admit_in(&b, "dead", "", 50, 500, 300000).is_admitted);
    cg_quota_progress_t so_far[] = {
        {.id = "dead", .input_tokens = 50, .output_tokens = 120, .micros = 170},
        {.id = "nobody", .output_tokens = 1}};
    CU_ASSERT_EQUAL(cg_quota_progress(b.quota, so_far, 2, NULL, b.pool),
                    APR_SUCCESS);
    so_far[0].output_tokens = 3; /* it never goes down */
    so_far[0].micros = 5;
    cg_quota_progress(b.quota, so_far, 1, NULL, b.pool);
    usleep(350000);
    cg_quota_settle(b.quota, NULL, 0, NULL, b.pool);
    CU_ASSERT_EQUAL(used_of(&b, 0), 170);
    CU_ASSERT_EQUAL(used_of(&b, 1), 170);
    CU_ASSERT_EQUAL(used_of(&b, 2), 120);
    CU_ASSERT_EQUAL(left_in(&b, 1, "").held, 0);
    bench_close(&b);
}

static void organizations_stand_apart_and_are_swept_too(void)
{
    bench_t b;
    bench_open(&b);
    say(&b, "team", "100tokens/day");
    CU_ASSERT(admit_in(&b, "a", "acme", 10, 90, 200000).is_admitted);
    CU_ASSERT_FALSE(admit_in(&b, "b", "acme", 10, 90, HOUR).is_admitted);
    CU_ASSERT(admit_in(&b, "c", "other {x}", 10, 90, HOUR).is_admitted);
    CU_ASSERT(admit_in(&b, "d", "", 10, 90, HOUR).is_admitted);
    settle(&b, "d", 1, 1);
    CU_ASSERT_EQUAL(left_in(&b, 0, "acme").held, 100);
    CU_ASSERT_EQUAL(left_in(&b, 0, "").remaining, 98);
    CU_ASSERT_EQUAL(
        redis_fixture_call(b.store, b.pool, "SCARD", "cg:organizations", NULL)
            .number,
        2);
    usleep(250000);
    cg_quota_settle(b.quota, NULL, 0, NULL, b.pool);
    CU_ASSERT_EQUAL(left_in(&b, 0, "acme").held, 0);
    CU_ASSERT_EQUAL(left_in(&b, 0, "acme").remaining, 90);
    cg_reply_t stray = redis_fixture_call(b.store, b.pool, "EXISTS",
                                          "cg:{cg:acme}:holds", NULL);
    CU_ASSERT_EQUAL(stray.number, 0);
    bench_close(&b);
}

static void pairs_have_one_spelling_and_no_double_meaning(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_str_t a = cg_quota_pair(CG_STR("a+b"), CG_STR("c"), pool);
    cg_str_t b = cg_quota_pair(CG_STR("a"), CG_STR("b+c"), pool);
    CU_ASSERT_FALSE(cg_str_equal(a, b));
    CU_ASSERT_STRING_EQUAL(a.ptr, "a%2Bb+c");
    CU_ASSERT_FALSE(
        cg_str_equal(cg_quota_pair(CG_STR("a%2Bb"), CG_STR("c"), pool), a));
    apr_pool_destroy(pool);
}

static void ids_name_their_organization_in_no_more_than_their_room(void)
{
    char id[CG_QUOTA_ID_MAX + 1];
    char lengthy[300];
    memset(lengthy, 'x', sizeof lengthy);
    cg_quota_id(id, "01a212fe-7be5-749f-9312-a6a6924e4c12", CG_STR(""));
    CU_ASSERT_STRING_EQUAL(id, "01a212fe-7be5-749f-9312-a6a6924e4c12");
    cg_quota_id(id, "01a212fe-7be5-749f-9312-a6a6924e4c12", CG_STR("acme"));
    CU_ASSERT_STRING_EQUAL(id, "01a212fe-7be5-749f-9312-a6a6924e4c12@acme");
    cg_quota_id(id, "u", (cg_str_t){lengthy, sizeof lengthy});
    CU_ASSERT_EQUAL(strlen(id), 2 + 33);
    cg_quota_id(id, "u", CG_STR("a}b"));
    CU_ASSERT_EQUAL(id[2], '#');
}

CU_TestInfo test_quota_kinds[] = {
    {"quantities_are_charged_each_with_its_own",
     quantities_are_charged_each_with_its_own},
    {"concurrent_counts_those_under_way_and_frees_those_that_expire",
     concurrent_counts_those_under_way_and_frees_those_that_expire},
    {"a_posted_bill_is_settled_by_the_next_admission",
     a_posted_bill_is_settled_by_the_next_admission},
    {"soft_limits_are_counted_and_named_and_refuse_nobody",
     soft_limits_are_counted_and_named_and_refuse_nobody},
    {"progress_is_the_least_that_a_dead_request_is_charged",
     progress_is_the_least_that_a_dead_request_is_charged},
    {"organizations_stand_apart_and_are_swept_too",
     organizations_stand_apart_and_are_swept_too},
    {"pairs_have_one_spelling_and_no_double_meaning",
     pairs_have_one_spelling_and_no_double_meaning},
    {"ids_name_their_organization_in_no_more_than_their_room",
     ids_name_their_organization_in_no_more_than_their_room},
    CU_TEST_INFO_NULL,
};
