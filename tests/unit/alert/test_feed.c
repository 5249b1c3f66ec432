/* Alerts in a real store: raised once, lent to one sender, ended.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "redis_fixture.h"

#define NOW INT64_C(1795561200000000)
#define LIFE apr_time_from_sec(3600)

static apr_pool_t *pool;
static cg_store_t *store;
static cg_alert_feed_t *feed;
static cg_alert_rules_t rules;
static cg_error_t err;

static void open_all(void)
{
    apr_pool_create(&pool, NULL);
    store = redis_fixture_store(redis_fixture_shared(), pool);
    feed = cg_alert_feed_open(store, pool);
    rules = (cg_alert_rules_t){.ways_count = 2};
    rules.ways[0] = (cg_alert_way_t){.name = "hook",
                                     .url = "http://127.0.0.1:1/",
                                     .kinds = ~0u,
                                     .total_for = 100000,
                                     .tries = 3};
    rules.ways[1] = rules.ways[0];
    rules.ways[1].name = "forecasts";
    rules.ways[1].kinds = 1u << CG_ALERT_FORECAST;
}

static cg_alert_t alert_of(cg_alert_kind_t kind, const char *subject,
                           apr_time_t at)
{
    return (cg_alert_t){.at = at,
                        .kind = kind,
                        .dimension = "team",
                        .subject = subject,
                        .quantity = "micros",
                        .limit = "5USD/month",
                        .period = "2026-11",
                        .amount = 5000000,
                        .used = 4100000,
                        .percent = 80};
}

static bool tell(cg_alert_t *alert, const char *a, const char *b)
{
    cg_str_t marks[] = {cg_str(a), cg_str(b)};
    bool is_new = false;
    CU_ASSERT_EQUAL_FATAL(cg_alert_raise(feed, &rules, alert, marks,
                                         a ? (b ? 2 : 1) : 0, LIFE, NULL,
                                         &is_new, &err, pool),
                          APR_SUCCESS);
    return is_new;
}

static size_t take(size_t way, cg_alert_letter_t *out, size_t most)
{
    size_t count = 0;
    CU_ASSERT_EQUAL_FATAL(
        cg_alert_take(feed, &rules.ways[way], out, most, &count, &err, pool),
        APR_SUCCESS);
    return count;
}

static size_t list(const cg_alert_filter_t *filter, const char *cursor,
                   size_t limit, apr_array_header_t **out, const char **next)
{
    CU_ASSERT_EQUAL_FATAL(
        cg_alert_list(feed, filter, cursor, limit, out, next, &err, pool),
        APR_SUCCESS);
    return (size_t)(*out)->nelts;
}

static void an_alert_is_raised_once_by_its_mark(void)
{
    open_all();
    cg_alert_t first = alert_of(CG_ALERT_THRESHOLD, "red", NOW);
    cg_alert_t again = alert_of(CG_ALERT_THRESHOLD, "red", NOW + 1);
    cg_alert_t other = alert_of(CG_ALERT_THRESHOLD, "blue", NOW + 2);
    CU_ASSERT(tell(&first, "red 50", "red 80"));
    CU_ASSERT_FALSE(tell(&again, "red 80", NULL));
    CU_ASSERT_FALSE(tell(&again, "red 50", NULL));
    CU_ASSERT(tell(&other, "blue 80", NULL));
    /* The same call, repeated because its answer was lost. */
    CU_ASSERT(tell(&first, "red 50", "red 80"));
    cg_alert_letter_t letters[8];
    CU_ASSERT_EQUAL(take(0, letters, 8), 2);
    CU_ASSERT_EQUAL(take(1, letters, 8), 0);
    /* A higher part is new although lower ones were told. */
    cg_alert_t full = alert_of(CG_ALERT_THRESHOLD, "red", NOW + 3);
    CU_ASSERT(tell(&full, "red 80", "red 100"));
    cg_str_t gone[] = {CG_STR("red 80")};
    CU_ASSERT_EQUAL(cg_alert_forget(feed, gone, 1, &err, pool), APR_SUCCESS);
    cg_alert_t anew = alert_of(CG_ALERT_THRESHOLD, "red", NOW + 4);
    CU_ASSERT(tell(&anew, "red 80", NULL));
    apr_pool_destroy(pool);
}

#define CRIERS 8
static int raised[CRIERS];

static void *cry(void *data)
{
    int *out = data;
    apr_pool_t *own;
    apr_pool_create(&own, NULL);
    cg_alert_feed_t *mine = cg_alert_feed_open(store, own);
    for (int i = 0; i < 25; i++) {
        bool is_new = false;
        cg_error_t why;
        cg_alert_t alert = alert_of(CG_ALERT_THRESHOLD, "crowd", NOW + i);
        cg_str_t mark = cg_str(apr_psprintf(own, "crowd %d", i));
        cg_alert_raise(mine, &rules, &alert, &mark, 1, LIFE, NULL, &is_new,
                       &why, own);
        *out += is_new;
    }
    apr_pool_destroy(own);
    return NULL;
}

static void of_many_who_raise_it_one_does(void)
{
    pthread_t threads[CRIERS];
    int sum = 0;
    open_all();
    for (int i = 0; i < CRIERS; i++) {
        raised[i] = 0;
        pthread_create(&threads[i], NULL, cry, &raised[i]);
    }
    for (int i = 0; i < CRIERS; i++) {
        pthread_join(threads[i], NULL);
        sum += raised[i];
    }
    CU_ASSERT_EQUAL(sum, 25);
    cg_alert_letter_t letters[64];
    CU_ASSERT_EQUAL(take(0, letters, 64), 25);
    apr_pool_destroy(pool);
}

static void what_was_lent_and_not_ended_is_lent_again(void)
{
    open_all();
    cg_alert_letter_t letter, again;
    cg_alert_t alert = alert_of(CG_ALERT_FORECAST, "red", NOW);
    CU_ASSERT(tell(&alert, "x", NULL));
    CU_ASSERT_EQUAL_FATAL(take(1, &letter, 1), 1);
    CU_ASSERT_STRING_EQUAL(letter.id, alert.id);
    CU_ASSERT_EQUAL(letter.tries, 1);
    CU_ASSERT_EQUAL(take(1, &again, 1), 0);
    apr_sleep(CG_ALERT_LEASE_FOR(&rules.ways[1]) + 50000);
    CU_ASSERT_EQUAL_FATAL(take(1, &again, 1), 1);
    CU_ASSERT_STRING_EQUAL(again.id, letter.id);
    CU_ASSERT_EQUAL(again.tries, 2);
    cg_alert_t read;
    CU_ASSERT(cg_alert_read(again.json, &read, pool));
    CU_ASSERT_EQUAL(read.kind, CG_ALERT_FORECAST);
    CU_ASSERT_EQUAL(read.used, 4100000);
    CU_ASSERT_STRING_EQUAL(read.subject, "red");
    CU_ASSERT_EQUAL(
        cg_alert_sent(feed, &rules.ways[1], again.id, NOW, &err, pool),
        APR_SUCCESS);
    cg_alert_entry_t entry;
    CU_ASSERT_EQUAL_FATAL(cg_alert_get(feed, alert.id, &entry, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL(entry.sent->nelts, 2);
    apr_pool_destroy(pool);
}

static void after_its_tries_it_is_a_dead_letter(void)
{
    open_all();
    int64_t waiting, dead;
    bool is_dead = false;
    cg_alert_t alert = alert_of(CG_ALERT_SOFT, "red", NOW);
    CU_ASSERT(tell(&alert, "x", NULL));
    cg_alert_letter_t letter = {.id = alert.id, .tries = 2};
    cg_alert_failed(feed, &rules.ways[0], &letter, false, "no answer", &is_dead,
                    &err, pool);
    CU_ASSERT_FALSE(is_dead);
    CU_ASSERT_EQUAL(cg_alert_depth(feed, &rules, &waiting, &dead, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(waiting, 1);
    CU_ASSERT_EQUAL(dead, 0);
    letter.tries = 3;
    cg_alert_failed(feed, &rules.ways[0], &letter, false, "still none",
                    &is_dead, &err, pool);
    CU_ASSERT(is_dead);
    cg_alert_depth(feed, &rules, &waiting, &dead, &err, pool);
    CU_ASSERT_EQUAL(waiting, 0);
    CU_ASSERT_EQUAL(dead, 1);
    cg_alert_filter_t filter = {.delivery = "dead", .acknowledged = -1};
    apr_array_header_t *found;
    const char *next;
    CU_ASSERT_EQUAL_FATAL(list(&filter, NULL, 9, &found, &next), 1);
    const cg_alert_entry_t *entry = &APR_ARRAY_IDX(found, 0, cg_alert_entry_t);
    CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(entry->sent, 0, cg_alert_sent_t).error,
                           "still none");
    apr_pool_destroy(pool);
}

static void pauses_double_up_to_an_hour_and_are_spread(void)
{
    CU_ASSERT_EQUAL(cg_alert_pause(1, 0.5), apr_time_from_sec(1));
    CU_ASSERT_EQUAL(cg_alert_pause(2, 0.5), apr_time_from_sec(2));
    CU_ASSERT_EQUAL(cg_alert_pause(11, 0.5), apr_time_from_sec(1024));
    CU_ASSERT_EQUAL(cg_alert_pause(13, 0.5), apr_time_from_sec(3600));
    CU_ASSERT_EQUAL(cg_alert_pause(50, 0), apr_time_from_sec(1800));
    CU_ASSERT_EQUAL(cg_alert_pause(50, 1), apr_time_from_sec(5400));
}

static void the_feed_is_paged_and_filtered(void)
{
    open_all();
    char ids[25][CG_ALERT_ID_LEN + 1];
    for (int i = 0; i < 25; i++) {
        cg_alert_t alert =
            alert_of(i % 5 ? CG_ALERT_THRESHOLD : CG_ALERT_UNUSUAL,
                     i % 2 ? "odd" : "even", NOW + i * APR_USEC_PER_SEC);
        tell(&alert, NULL, NULL);
        memcpy(ids[i], alert.id, sizeof ids[i]);
    }
    cg_alert_filter_t all = {.acknowledged = -1};
    apr_array_header_t *found;
    const char *next = NULL;
    int seen = 0;
    do {
        list(&all, next, 7, &found, &next);
        for (int i = 0; i < found->nelts; i++, seen++) {
            CU_ASSERT_STRING_EQUAL(
                APR_ARRAY_IDX(found, i, cg_alert_entry_t).alert.id,
                ids[24 - seen]);
        }
    } while (next);
    CU_ASSERT_EQUAL(seen, 25);
    cg_alert_filter_t some = {.kind = "unusual", .acknowledged = -1};
    CU_ASSERT_EQUAL(list(&some, NULL, 50, &found, &next), 5);
    some = (cg_alert_filter_t){.subject = "odd", .acknowledged = -1};
    CU_ASSERT_EQUAL(list(&some, NULL, 50, &found, &next), 12);
    some = (cg_alert_filter_t){.acknowledged = -1,
                               .from = NOW + 5 * APR_USEC_PER_SEC,
                               .to = NOW + 8 * APR_USEC_PER_SEC};
    CU_ASSERT_EQUAL(list(&some, NULL, 50, &found, &next), 3);
    apr_pool_destroy(pool);
}

static void it_is_acknowledged_once_and_that_can_be_taken_back(void)
{
    open_all();
    cg_alert_t alert = alert_of(CG_ALERT_SOFT, "red", NOW);
    tell(&alert, NULL, NULL);
    CU_ASSERT_EQUAL(
        cg_alert_acknowledge(feed, alert.id, NOW, "ann", "seen", &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(
        cg_alert_acknowledge(feed, alert.id, NOW, "bob", "", &err, pool),
        APR_EEXIST);
    cg_alert_entry_t entry;
    cg_alert_get(feed, alert.id, &entry, &err, pool);
    CU_ASSERT_STRING_EQUAL(entry.acknowledged_by, "ann");
    CU_ASSERT_EQUAL(entry.acknowledged_at, NOW);
    CU_ASSERT_EQUAL(cg_alert_acknowledge(feed, alert.id, 0, "", "", &err, pool),
                    APR_SUCCESS);
    cg_alert_get(feed, alert.id, &entry, &err, pool);
    CU_ASSERT_EQUAL(entry.acknowledged_at, 0);
    CU_ASSERT_EQUAL(
        cg_alert_acknowledge(feed, "none", NOW, "bob", "", &err, pool),
        APR_NOTFOUND);
    apr_pool_destroy(pool);
}

static void a_store_that_is_away_loses_nothing_and_says_so(void)
{
    redis_fixture_t redis;
    apr_pool_create(&pool, NULL);
    redis_fixture_start(&redis, true);
    open_all();
    store = redis_fixture_store(&redis, pool);
    feed = cg_alert_feed_open(store, pool);
    cg_alert_t alert = alert_of(CG_ALERT_SOFT, "red", NOW);
    CU_ASSERT(tell(&alert, "x", NULL));
    redis_fixture_kill(&redis);
    bool is_new = true;
    cg_str_t mark = CG_STR("y");
    cg_alert_t other = alert_of(CG_ALERT_SOFT, "blue", NOW);
    CU_ASSERT_NOT_EQUAL(cg_alert_raise(feed, &rules, &other, &mark, 1, LIFE,
                                       NULL, &is_new, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_FALSE(is_new);
    redis_fixture_restart(&redis);
    cg_alert_letter_t letter;
    size_t count = 0;
    for (int i = 0; i < 200 && count == 0; i++) {
        cg_alert_take(feed, &rules.ways[0], &letter, 1, &count, &err, pool);
        apr_sleep(20000);
    }
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT_STRING_EQUAL(letter.id, alert.id);
    CU_ASSERT(tell(&other, "y", NULL));
    apr_pool_destroy(pool);
    redis_fixture_stop(&redis);
}

static void a_queue_that_is_full_keeps_what_is_in_it(void)
{
    open_all();
    redis_fixture_call(
        store, pool, "EVAL",
        "for i = 1, 10000 do redis.call('ZADD', KEYS[1], 1, 'old' .. i) end",
        "1", "cg:{alert}:queue:hook", NULL);
    cg_alert_t alert = alert_of(CG_ALERT_SOFT, "red", NOW);
    CU_ASSERT(tell(&alert, "x", NULL));
    cg_alert_entry_t entry;
    cg_alert_get(feed, alert.id, &entry, &err, pool);
    CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(entry.sent, 0, cg_alert_sent_t).state,
                           "dropped");
    cg_reply_t size =
        redis_fixture_call(store, pool, "ZCARD", "cg:{alert}:queue:hook", NULL);
    CU_ASSERT_EQUAL(size.number, 10000);
    apr_pool_destroy(pool);
}

CU_TestInfo test_alert_feed[] = {
    {"an_alert_is_raised_once_by_its_mark",
     an_alert_is_raised_once_by_its_mark},
    {"of_many_who_raise_it_one_does", of_many_who_raise_it_one_does},
    {"what_was_lent_and_not_ended_is_lent_again",
     what_was_lent_and_not_ended_is_lent_again},
    {"after_its_tries_it_is_a_dead_letter",
     after_its_tries_it_is_a_dead_letter},
    {"pauses_double_up_to_an_hour_and_are_spread",
     pauses_double_up_to_an_hour_and_are_spread},
    {"the_feed_is_paged_and_filtered", the_feed_is_paged_and_filtered},
    {"it_is_acknowledged_once_and_that_can_be_taken_back",
     it_is_acknowledged_once_and_that_can_be_taken_back},
    {"a_store_that_is_away_loses_nothing_and_says_so",
     a_store_that_is_away_loses_nothing_and_says_so},
    {"a_queue_that_is_full_keeps_what_is_in_it",
     a_queue_that_is_full_keeps_what_is_in_it},
    CU_TEST_INFO_NULL,
};
