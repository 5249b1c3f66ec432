/* Are records removed when their keep is over, those and no others?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "audit/ledger.h"
#include "audit_fixture.h"
#include "base/clock.h"
#include "base/walk.h"
#include "redis_fixture.h"

#define DAY apr_time_from_sec(86400)

/* One server, whose records came in a week ago. */
typedef struct server_t {
    cg_journal_t *journal;
    cg_journal_reader_t *reader;
    cg_ledger_t *ledger;
    cg_store_t *store;
    apr_pool_t *pool;
    int written;
} server_t;

static server_t new_server(int64_t records_max, apr_pool_t *pool)
{
    server_t server = {.pool = pool};
    const char *folder = fixture_folder(pool);
    server.store = redis_fixture_store(redis_fixture_shared(), pool);
    server.journal = fixture_journal(
        folder, fixture_shared(cg_journal_shared_bytes(), pool),
        CG_JOURNAL_SEGMENT_MAX, pool);
    server.reader = fixture_reader(folder, pool);
    cg_ledger_open(&server.ledger, server.store,
                   cg_journal_node(server.journal), records_max, pool);
    return server;
}

static void append(server_t *server, int count, apr_time_t keep_for)
{
    for (int i = 0; i < count; i++) {
        cg_journal_entry_t entry;
        fixture_entry(1, server->written++, 50, &entry, server->pool);
        entry.at = cg_clock_now() - 7 * DAY;
        entry.took = 1000;
        entry.keep_for = keep_for;
        CU_ASSERT_EQUAL_FATAL(cg_journal_append(server->journal, &entry, NULL),
                              APR_SUCCESS);
    }
}

static void ship(server_t *server)
{
    cg_error_t err = {""};
    size_t shipped = 1;
    while (shipped > 0) {
        CU_ASSERT_EQUAL_FATAL(cg_ledger_ship(server->ledger, server->reader,
                                             1000, &shipped, NULL, NULL, &err,
                                             server->pool),
                              APR_SUCCESS);
    }
}

static size_t expire(server_t *server, bool is_of_all)
{
    size_t removed = 0;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_ledger_expire(server->ledger, cg_clock_now(), is_of_all,
                                     &removed, &err, server->pool),
                    APR_SUCCESS);
    return removed;
}

static int64_t ask(const server_t *server, const char *word, const char *key)
{
    return redis_fixture_call(server->store, server->pool, word, key, NULL)
        .number;
}

static const char *stream_of(const server_t *server)
{
    return apr_pstrcat(server->pool, "cg:{audit}:stream:",
                       cg_journal_node(server->journal), NULL);
}

static const char *list_of(const server_t *server, const char *seconds)
{
    return apr_pstrcat(server->pool, "cg:{audit}:keep:",
                       cg_journal_node(server->journal), ":", seconds, NULL);
}

static apr_status_t count_line(void *baton, cg_str_t json)
{
    (void)json;
    ++*(int *)baton;
    return APR_SUCCESS;
}

static int exported(server_t *server)
{
    int lines = 0;
    cg_error_t err = {""};
    cg_ledger_filter_t all = {.limit = 0};
    CU_ASSERT_EQUAL(cg_ledger_export(server->ledger, &all, count_line, &lines,
                                     &err, server->pool),
                    APR_SUCCESS);
    return lines;
}

static int listed(server_t *server)
{
    int lines = 0;
    cg_error_t err = {""};
    cg_ledger_filter_t page = {.limit = 7};
    do {
        cg_buf_t out;
        cg_walk_t walk;
        cg_buf_init(&out, 1024, server->pool);
        CU_ASSERT_EQUAL_FATAL(cg_ledger_list(server->ledger, &page, &out,
                                             &page.cursor, &err, server->pool),
                              APR_SUCCESS);
        CU_ASSERT_EQUAL_FATAL(
            cg_walk(out.ptr, out.len, &walk, NULL, server->pool), CG_WALK_OK);
        lines += (int)cg_walk_length(&walk, 0);
    } while (page.cursor);
    return lines;
}

/* Can a record be had by its id? */
static bool is_there(server_t *server, int number)
{
    cg_str_t json;
    cg_error_t err = {""};
    return cg_ledger_get(server->ledger,
                         apr_psprintf(server->pool, "w1-%d", number), &json,
                         &err, server->pool) == APR_SUCCESS;
}

static void expired_records_are_not_shown_and_then_removed(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    server_t server = new_server(0, pool);
    for (int i = 0; i < 10; i++) { /* mixed, as regions are */
        append(&server, 1, 0);
        append(&server, 1, 6 * DAY);
        append(&server, 1, 8 * DAY);
    }
    ship(&server);
    CU_ASSERT_EQUAL(ask(&server, "XLEN", stream_of(&server)), 30);
    CU_ASSERT_EQUAL(exported(&server), 20);
    CU_ASSERT_EQUAL(listed(&server), 20);
    CU_ASSERT_TRUE(is_there(&server, 0));
    CU_ASSERT_FALSE(is_there(&server, 1));
    CU_ASSERT_TRUE(is_there(&server, 2));
    CU_ASSERT_EQUAL(expire(&server, false), 10);
    CU_ASSERT_EQUAL(ask(&server, "XLEN", stream_of(&server)), 20);
    CU_ASSERT_EQUAL(exported(&server), 20);
    CU_ASSERT_EQUAL(listed(&server), 20);
    CU_ASSERT_TRUE(is_there(&server, 29));
    CU_ASSERT_EQUAL(expire(&server, false), 0);
    /* What is over leaves no list behind; what is not, is still to go. */
    CU_ASSERT_EQUAL(ask(&server, "EXISTS", list_of(&server, "518400")), 0);
    CU_ASSERT_EQUAL(ask(&server, "LLEN", list_of(&server, "691200")), 10);
    CU_ASSERT_EQUAL(ask(&server, "SCARD", "cg:{audit}:keeps"), 1);
    apr_pool_destroy(pool);
}

static void expired_records_go_a_bounded_number_at_a_time(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    server_t server = new_server(0, pool);
    append(&server, 2500, DAY);
    append(&server, 5, 0);
    ship(&server);
    size_t first = expire(&server, false);
    CU_ASSERT(first > 0 && first <= 2000);
    CU_ASSERT_EQUAL(exported(&server), 5); /* hidden, gone or not */
    CU_ASSERT_EQUAL(first + expire(&server, false), 2500);
    CU_ASSERT_EQUAL(ask(&server, "XLEN", stream_of(&server)), 5);
    apr_pool_destroy(pool);
}

static void records_lost_by_the_streams_bound_leave_the_lists(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    server_t server = new_server(500, pool);
    append(&server, 2000, 30 * DAY);
    ship(&server);
    CU_ASSERT_EQUAL(ask(&server, "LLEN", list_of(&server, "2592000")), 2000);
    CU_ASSERT_EQUAL(expire(&server, false), 0);
    CU_ASSERT_EQUAL(ask(&server, "LLEN", list_of(&server, "2592000")),
                    ask(&server, "XLEN", stream_of(&server)));
    apr_pool_destroy(pool);
}

static void records_of_a_server_that_is_gone_are_removed_by_another(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    server_t gone = new_server(0, pool);
    append(&gone, 3, DAY);
    ship(&gone);
    server_t other = {.store = gone.store, .pool = pool};
    const char *folder = fixture_folder(pool);
    other.journal = fixture_journal(
        folder, fixture_shared(cg_journal_shared_bytes(), pool),
        CG_JOURNAL_SEGMENT_MAX, pool);
    cg_ledger_open(&other.ledger, other.store, cg_journal_node(other.journal),
                   0, pool);
    CU_ASSERT_EQUAL(expire(&other, false), 0);
    CU_ASSERT_EQUAL(expire(&other, true), 3);
    CU_ASSERT_EQUAL(ask(&gone, "XLEN", stream_of(&gone)), 0);
    apr_pool_destroy(pool);
}

static void records_shipped_again_after_they_expired_stay_away(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    server_t server = new_server(0, pool);
    append(&server, 4, DAY);
    ship(&server);
    CU_ASSERT_EQUAL(expire(&server, false), 4);
    cg_error_t err = {""};
    cg_ledger_t *next; /* knows nothing of what was shipped */
    size_t shipped = 9;
    cg_ledger_open(&next, server.store, cg_journal_node(server.journal), 0,
                   pool);
    CU_ASSERT_EQUAL(cg_ledger_ship(next, server.reader, 100, &shipped, NULL,
                                   NULL, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(shipped, 0);
    CU_ASSERT_EQUAL(ask(&server, "XLEN", stream_of(&server)), 0);
    apr_pool_destroy(pool);
}

CU_TestInfo test_audit_ledger_expire[] = {
    {"expired_records_are_not_shown_and_then_removed",
     expired_records_are_not_shown_and_then_removed},
    {"expired_records_go_a_bounded_number_at_a_time",
     expired_records_go_a_bounded_number_at_a_time},
    {"records_lost_by_the_streams_bound_leave_the_lists",
     records_lost_by_the_streams_bound_leave_the_lists},
    {"records_of_a_server_that_is_gone_are_removed_by_another",
     records_of_a_server_that_is_gone_are_removed_by_another},
    {"records_shipped_again_after_they_expired_stay_away",
     records_shipped_again_after_they_expired_stay_away},
    CU_TEST_INFO_NULL,
};
