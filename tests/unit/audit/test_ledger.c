/* Does every record reach the ledger once, and can it be found there?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/ledger.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "audit_fixture.h"
#include "base/clock.h"
#include "base/json.h"
#include "redis_fixture.h"

extern CU_TestInfo test_audit_ledger[];

#define KILLS 200
#define SEGMENT_BYTES 20000
#define PATIENCE 400 /* steps of 10 ms */

/* One server: its journal, and a ledger in a store. */
typedef struct server_t {
    const char *folder;
    void *shared;
    cg_journal_t *journal;
    cg_journal_reader_t *reader;
    cg_ledger_t *ledger;
    cg_store_t *store;
    apr_pool_t *pool;
} server_t;

/* A machine under load may be slow: only the test of a frozen store wants the
 * time-out of production. */
static cg_store_t *open_store(const char *url, apr_pool_t *pool)
{
    cg_store_t *store = NULL;
    cg_error_t err = {""};
    cg_store_options_t options = {.url = url,
                                  .operation_for = apr_time_from_sec(5)};
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &options, &err, pool),
                          APR_SUCCESS);
    return store;
}

static server_t new_server(cg_store_t *store, size_t segment_max,
                           int64_t records_max, apr_pool_t *pool)
{
    server_t server = {.store = store, .pool = pool};
    server.folder = fixture_folder(pool);
    server.shared = fixture_shared(cg_journal_shared_bytes(), pool);
    server.journal =
        fixture_journal(server.folder, server.shared, segment_max, pool);
    server.reader = fixture_reader(server.folder, pool);
    cg_ledger_open(&server.ledger, store, cg_journal_node(server.journal),
                   records_max, pool);
    return server;
}

static server_t shared_server(apr_pool_t **out_pool)
{
    apr_pool_create(out_pool, NULL);
    cg_store_t *store = open_store(redis_fixture_shared()->url, *out_pool);
    return new_server(store, SEGMENT_BYTES, 0, *out_pool);
}

static apr_status_t ship_step(server_t *server, size_t batch,
                              size_t *out_shipped)
{
    apr_pool_t *pool = NULL;
    cg_error_t err = {""};
    apr_pool_create(&pool, server->pool);
    apr_status_t status = cg_ledger_ship(server->ledger, server->reader, batch,
                                         out_shipped, NULL, NULL, &err, pool);
    apr_pool_destroy(pool);
    return status;
}

/* Ships until nothing is waiting; errors are tried again for a while. */
static size_t ship_all(server_t *server, size_t batch)
{
    size_t total = 0;
    cg_journal_refresh(server->journal);
    for (int tries = 0; tries < PATIENCE;) {
        size_t shipped = 0;
        apr_status_t status = ship_step(server, batch, &shipped);
        total += shipped;
        if (status == APR_SUCCESS && shipped == 0) {
            return total;
        }
        if (status != APR_SUCCESS) {
            usleep(10000);
            tries++;
        }
    }
    CU_FAIL("the store did not come back");
    return total;
}

static cg_str_t stream_of(const server_t *server)
{
    return cg_str(apr_pstrcat(server->pool, "cg:{audit}:stream:",
                              cg_journal_node(server->journal), NULL));
}

/* Are exactly the records 0 to count-1 of writer 1 in the stream, in order? */
static bool holds_exactly(const server_t *server, int count, apr_pool_t *pool)
{
    cg_reply_t all = redis_fixture_call(server->store, pool, "XRANGE",
                                        stream_of(server).ptr, "-", "+", NULL);
    int wrong = all.count != (size_t)count;
    for (size_t i = 0; i < all.count; i++) {
        char beginning[60];
        const cg_reply_t *fields = &all.items[i].items[1];
        snprintf(beginning, sizeof beginning, "{\"id\":\"w1-%d\"", (int)i);
        wrong += !cg_str_has_prefix(fields->items[5].text, beginning);
    }
    return wrong == 0;
}

/* Sum of a field over all hashes of a step. */
static int64_t sum_of(const server_t *server, const char *step,
                      const char *field, apr_pool_t *pool)
{
    const char *pattern =
        apr_pstrcat(pool, "cg:{audit}:stats:", step, ":*", NULL);
    cg_reply_t keys =
        redis_fixture_call(server->store, pool, "KEYS", pattern, NULL);
    int64_t sum = 0;
    for (size_t i = 0; i < keys.count; i++) {
        cg_reply_t one = redis_fixture_call(
            server->store, pool, "HGET", keys.items[i].text.ptr, field, NULL);
        int64_t number = 0;
        sum += one.kind == CG_REPLY_TEXT && cg_parse_count(one.text, &number)
                   ? number
                   : 0;
    }
    return sum;
}

/* ---- shipping --------------------------------------------------------------
 */

static void records_arrive_once_and_in_order(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    for (int i = 0; i < 500; i++) {
        fixture_append(server.journal, 1, i, 100);
    }
    CU_ASSERT_EQUAL(ship_all(&server, 64), 500);
    CU_ASSERT_TRUE(holds_exactly(&server, 500, pool));
    CU_ASSERT_EQUAL(ship_all(&server, 64), 0);
    fixture_append(server.journal, 1, 500, 100);
    CU_ASSERT_EQUAL(ship_all(&server, 64), 1);
    CU_ASSERT_TRUE(holds_exactly(&server, 501, pool));
    CU_ASSERT_EQUAL(sum_of(&server, "minute", "requests", pool), 501);
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), 501);
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "refused", pool), 125);
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "input_tokens", pool),
                    500 * 501 / 2);
    CU_ASSERT_EQUAL(sum_of(&server, "minute", "cost_micros", pool),
                    3 * 500 * 501 / 2);
    CU_ASSERT_EQUAL(sum_of(&server, "minute", "findings", pool), 501);
    apr_pool_destroy(pool);
}

static void new_shipper_finds_its_place_without_any_file(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    for (int i = 0; i < 300; i++) {
        fixture_append(server.journal, 1, i, 100);
    }
    size_t shipped = 0;
    CU_ASSERT_EQUAL(ship_step(&server, 77, &shipped), APR_SUCCESS);
    CU_ASSERT_EQUAL(shipped, 77);
    server_t next = server;
    next.reader = fixture_reader(server.folder, pool);
    cg_ledger_open(&next.ledger, server.store, cg_journal_node(server.journal),
                   0, pool);
    CU_ASSERT_EQUAL(ship_step(&next, 50, &shipped), APR_SUCCESS);
    CU_ASSERT_EQUAL(shipped, 50);
    /* The first one wakes up again, behind the times. */
    CU_ASSERT_EQUAL(ship_all(&server, 64), 173);
    CU_ASSERT_EQUAL(ship_all(&next, 64), 0);
    CU_ASSERT_TRUE(holds_exactly(&server, 300, pool));
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), 300);
    apr_pool_destroy(pool);
}

static void large_records_go_in_small_batches(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    for (int i = 0; i < 30; i++) {
        fixture_append(server.journal, 1, i, 300000);
    }
    size_t shipped = 0;
    CU_ASSERT_EQUAL(ship_step(&server, 500, &shipped), APR_SUCCESS);
    CU_ASSERT_TRUE(shipped >= 1 && shipped <= 4);
    CU_ASSERT_EQUAL(ship_all(&server, 500), 30 - shipped);
    apr_pool_destroy(pool);
}

static void many_hours_in_one_journal_are_all_counted(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    for (int i = 0; i < 100; i++) {
        cg_journal_entry_t entry;
        fixture_entry(1, i, 0, &entry, pool);
        entry.at += apr_time_from_sec(i * 1801);
        CU_ASSERT_EQUAL(cg_journal_append(server.journal, &entry, NULL),
                        APR_SUCCESS);
    }
    CU_ASSERT_EQUAL(ship_all(&server, 500), 100);
    CU_ASSERT_TRUE(holds_exactly(&server, 100, pool));
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), 100);
    apr_pool_destroy(pool);
}

static void stream_is_kept_to_its_length(void)
{
    apr_pool_t *pool = NULL;
    server_t first = shared_server(&pool);
    server_t server = new_server(first.store, SEGMENT_BYTES, 500, pool);
    for (int i = 0; i < 2000; i++) {
        fixture_append(server.journal, 1, i, 100);
    }
    CU_ASSERT_EQUAL(ship_all(&server, 500), 2000);
    cg_reply_t len = redis_fixture_call(server.store, pool, "XLEN",
                                        stream_of(&server).ptr, NULL);
    CU_ASSERT_TRUE(len.number >= 500 && len.number < 800);
    CU_ASSERT_EQUAL(ship_all(&server, 500), 0);
    apr_pool_destroy(pool);
}

static void deeds_of_operators_are_kept_but_not_counted(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    cg_record_t record = {.id = "x", .decision = "changed"};
    cg_buf_t json;
    cg_journal_entry_t entry;
    cg_buf_init(&json, 0, pool);
    cg_record_write(&record, &json);
    cg_journal_entry_make(&record, (cg_str_t){json.ptr, json.len}, &entry);
    CU_ASSERT_EQUAL(cg_journal_append(server.journal, &entry, NULL),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(ship_all(&server, 10), 1);
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), 0);
    apr_pool_destroy(pool);
}

typedef struct watch_t {
    int seen[10];
    int batches;
    int fails_at; /* -1: never */
} watch_t;

static apr_status_t on_entry(void *baton, const cg_journal_entry_t *entry)
{
    watch_t *watch = baton;
    if (!entry) {
        watch->batches++;
        return APR_SUCCESS;
    }
    int writer = 0;
    int number = 0;
    CU_ASSERT_TRUE(fixture_read(entry, &writer, &number));
    if (number == watch->fails_at) {
        return APR_EGENERAL;
    }
    watch->seen[number]++;
    return APR_SUCCESS;
}

static void nothing_is_marked_before_its_hold_is_settled(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    watch_t watch = {.fails_at = 7};
    size_t shipped = 0;
    cg_error_t err = {""};
    for (int i = 0; i < 10; i++) {
        fixture_append(server.journal, 1, i, 100);
    }
    CU_ASSERT_EQUAL(cg_ledger_ship(server.ledger, server.reader, 5, &shipped,
                                   on_entry, &watch, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(shipped, 5);
    CU_ASSERT_EQUAL(cg_ledger_ship(server.ledger, server.reader, 5, &shipped,
                                   on_entry, &watch, &err, pool),
                    APR_EGENERAL);
    CU_ASSERT_EQUAL(shipped, 0);
    CU_ASSERT_TRUE(holds_exactly(&server, 5, pool));
    watch.fails_at = -1;
    CU_ASSERT_EQUAL(cg_ledger_ship(server.ledger, server.reader, 9, &shipped,
                                   on_entry, &watch, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(shipped, 5);
    CU_ASSERT_TRUE(holds_exactly(&server, 10, pool));
    CU_ASSERT_EQUAL(watch.batches, 2);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(watch.seen[i], i == 5 || i == 6 ? 2 : 1);
    }
    apr_pool_destroy(pool);
}

static void journal_older_than_its_stream_is_an_error(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    size_t shipped = 0;
    redis_fixture_call(server.store, pool, "XADD", stream_of(&server).ptr,
                       "9999999999999-1", "a", "b", NULL);
    fixture_append(server.journal, 1, 0, 100);
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_ledger_ship(server.ledger, server.reader, 5, &shipped,
                                   NULL, NULL, &err, pool),
                    APR_EGENERAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "newer than this"));
    apr_pool_destroy(pool);
}

/* ---- what may die
 * ------------------------------------------------------------ */

static void ship_until_killed(const server_t *parent, const char *url)
{
    apr_pool_t *pool = NULL;
    server_t server = *parent;
    apr_pool_create(&pool, NULL);
    server.pool = pool;
    server.journal =
        fixture_journal(parent->folder, parent->shared, SEGMENT_BYTES, pool);
    server.reader = fixture_reader(parent->folder, pool);
    server.store = open_store(url, pool);
    if (!cg_journal_lead(server.journal)) {
        _exit(1);
    }
    cg_ledger_open(&server.ledger, server.store,
                   cg_journal_node(server.journal), 0, pool);
    for (size_t round = 0;; round++) {
        size_t shipped = 0;
        ship_step(&server, 1 + round % 40, &shipped);
        if (round % 10 == 9) {
            cg_journal_reader_drop(server.reader,
                                   cg_clock_now() + apr_time_from_sec(9), 0);
        }
    }
}

static void killed_shippers_lose_and_double_nothing(void)
{
    apr_pool_t *pool = NULL;
    redis_fixture_t *redis = redis_fixture_shared();
    server_t server = shared_server(&pool);
    int written = 0;
    int left_over = 0;
    for (int i = 0; i < KILLS; i++) {
        for (int k = 0; k < 150; k++) {
            fixture_append(server.journal, 1, written++, 100);
        }
        cg_journal_refresh(server.journal);
        pid_t child = fork();
        if (child == 0) {
            ship_until_killed(&server, redis->url);
        }
        usleep((useconds_t)(1500 + rand() % 3000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        cg_reply_t len = redis_fixture_call(server.store, pool, "XLEN",
                                            stream_of(&server).ptr, NULL);
        left_over += len.number < written;
    }
    ship_all(&server, 500);
    CU_ASSERT_TRUE(left_over > 0); /* some were killed at work */
    CU_ASSERT_TRUE(holds_exactly(&server, written, pool));
    CU_ASSERT_EQUAL(sum_of(&server, "minute", "requests", pool), written);
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), written);
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(server.reader), 0);
    apr_pool_destroy(pool);
}

static void store_goes_away_and_comes_back(void)
{
    apr_pool_t *pool = NULL;
    redis_fixture_t redis;
    size_t shipped = 0;
    apr_pool_create(&pool, NULL);
    redis_fixture_start(&redis, true);
    server_t server =
        new_server(open_store(redis.url, pool), SEGMENT_BYTES, 0, pool);
    int written = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            fixture_append(server.journal, 1, written++, 100);
        }
        ship_step(&server, 64, &shipped);
        redis_fixture_kill(&redis);
        for (int i = 0; i < 20; i++) {
            fixture_append(server.journal, 1, written++, 100);
            CU_ASSERT_NOT_EQUAL(ship_step(&server, 64, &shipped), APR_SUCCESS);
            CU_ASSERT_EQUAL(shipped, 0);
        }
        redis_fixture_restart(&redis);
        ship_all(&server, 64);
        CU_ASSERT_TRUE(holds_exactly(&server, written, pool));
    }
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), written);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

static void frozen_store_may_have_taken_a_batch_all_the_same(void)
{
    apr_pool_t *pool = NULL;
    redis_fixture_t redis;
    size_t shipped = 0;
    apr_pool_create(&pool, NULL);
    redis_fixture_start(&redis, false);
    server_t server =
        new_server(redis_fixture_store(&redis, pool), SEGMENT_BYTES, 0, pool);
    int written = 0;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 200; i++) {
            fixture_append(server.journal, 1, written++, 100);
        }
        ship_step(&server, 64, &shipped);
        redis_fixture_freeze(&redis);
        CU_ASSERT_NOT_EQUAL(ship_step(&server, 64, &shipped), APR_SUCCESS);
        CU_ASSERT_NOT_EQUAL(ship_step(&server, 64, &shipped), APR_SUCCESS);
        redis_fixture_thaw(&redis);
        ship_all(&server, 64);
        CU_ASSERT_TRUE(holds_exactly(&server, written, pool));
    }
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), written);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

static void store_that_lost_its_writes_is_given_them_again(void)
{
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    for (int i = 0; i < 300; i++) {
        fixture_append(server.journal, 1, i, 100);
    }
    CU_ASSERT_EQUAL(ship_all(&server, 64), 300);
    redis_fixture_call(server.store, pool, "FLUSHALL", NULL);
    redis_fixture_call(server.store, pool, "SCRIPT", "FLUSH", NULL);
    fixture_append(server.journal, 1, 300, 100);
    CU_ASSERT_EQUAL(ship_all(&server, 64), 301);
    CU_ASSERT_TRUE(holds_exactly(&server, 301, pool));
    CU_ASSERT_EQUAL(sum_of(&server, "hour", "requests", pool), 301);
    apr_pool_destroy(pool);
}

/* ---- finding
 * ------------------------------------------------------------------ */

#define NOON APR_TIME_C(1764072000000000)

static const char *request_id(int number, apr_pool_t *pool)
{
    int64_t millis = NOON / 1000 + number * INT64_C(1000);
    return apr_psprintf(pool, "%08x-%04x-7000-8000-%012x",
                        (unsigned)(millis >> 16), (unsigned)(millis & 0xFFFF),
                        (unsigned)number);
}

/* Request `number` came in `number` seconds after noon. */
static void append_request(server_t *server, int number)
{
    static const char *const TEAMS[] = {"finance", "Law", "art"};
    static const cg_meter_finding_t FINDING = {"email", "request", "mask", 1};
    apr_pool_t *pool = NULL;
    cg_buf_t json;
    cg_journal_entry_t entry;
    apr_pool_create(&pool, server->pool);
    cg_record_t record = {
        .id = request_id(number, pool),
        .at = NOON + apr_time_from_sec(number),
        .key_id = number % 2 ? "k-odd" : "k-even",
        .key_name = "reports",
        .team = TEAMS[number % 3],
        .user = apr_psprintf(pool, "user%d", number % 5),
        .address = "192.0.2.1",
        .vhost = "ai.example",
        .endpoint = "chat.completions",
        .model_asked = CG_STR("gpt-4o"),
        .model_served = CG_STR("gpt-4o-2024"),
        .decision = cg_record_decision_name((cg_decision_t)(number % 4)),
        .reason = number % 4 == 1 ? "rate_limit_exceeded" : "",
        .status = 200,
        .findings = &FINDING,
        .findings_count = number % 10 == 0,
        .prompt =
            cg_str(apr_psprintf(pool, "Say \"%d\" to \xE5\xA5\xBD", number)),
        .took = 100000,
        .input_tokens = 1,
    };
    cg_buf_init(&json, 0, pool);
    cg_record_write(&record, &json);
    cg_journal_entry_make(&record, (cg_str_t){json.ptr, json.len}, &entry);
    CU_ASSERT_EQUAL(cg_journal_append(server->journal, &entry, NULL),
                    APR_SUCCESS);
    apr_pool_destroy(pool);
}

/* 300 requests, shared out over two servers. */
static void fill_two(server_t *one, server_t *two, int from, int to)
{
    for (int i = from; i < to; i++) {
        append_request(i % 3 ? one : two, i);
    }
    ship_all(one, 100);
    ship_all(two, 100);
}

static int number_of(const cg_json_t *record)
{
    const char *id = cg_json_get_str(record, "id", "");
    return strlen(id) == 36 ? (int)strtol(id + 24, NULL, 16) : -1;
}

/* Walks all pages; the numbers found, in order. Returns how many. */
static int list_numbers(cg_ledger_t *ledger, cg_ledger_filter_t filter,
                        int *out, int most, apr_pool_t *pool)
{
    int count = 0;
    const char *cursor = NULL;
    do {
        cg_buf_t page;
        cg_error_t err = {""};
        cg_buf_init(&page, 0, pool);
        filter.cursor = cursor;
        CU_ASSERT_EQUAL_FATAL(
            cg_ledger_list(ledger, &filter, &page, &cursor, &err, pool),
            APR_SUCCESS);
        cg_json_t *list = cg_json_parse(page.ptr, page.len, &err, pool);
        CU_ASSERT_FATAL(cg_json_is_array(list));
        for (size_t i = 0; i < cg_json_size(list) && count < most; i++) {
            out[count++] = number_of(cg_json_at(list, i));
        }
    } while (cursor && count < most);
    return count;
}

static bool falls_by_one(const int *numbers, int count, int first)
{
    for (int i = 0; i < count; i++) {
        if (numbers[i] != first - i) {
            return false;
        }
    }
    return true;
}

static void lists_are_merged_over_servers_newest_first(void)
{
    apr_pool_t *pool = NULL;
    server_t one = shared_server(&pool);
    server_t two = new_server(one.store, SEGMENT_BYTES, 0, pool);
    int numbers[400];
    fill_two(&one, &two, 0, 300);
    static const size_t LIMITS[] = {0, 1, 7, 50, 299, 300, 301, 5000};
    for (size_t i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++) {
        cg_ledger_filter_t filter = {.limit = LIMITS[i]};
        int count = list_numbers(one.ledger, filter, numbers, 400, pool);
        CU_ASSERT_EQUAL(count, 300);
        CU_ASSERT_TRUE(falls_by_one(numbers, count, 299));
    }
    apr_pool_destroy(pool);
}

static void cursor_stays_where_it_is_when_records_arrive(void)
{
    apr_pool_t *pool = NULL;
    server_t one = shared_server(&pool);
    server_t two = new_server(one.store, SEGMENT_BYTES, 0, pool);
    server_t late = new_server(one.store, SEGMENT_BYTES, 0, pool);
    int numbers[400];
    cg_error_t err = {""};
    const char *cursor = NULL;
    cg_buf_t page;
    fill_two(&one, &two, 0, 100);
    cg_ledger_filter_t filter = {.limit = 10};
    cg_buf_init(&page, 0, pool);
    CU_ASSERT_EQUAL(
        cg_ledger_list(one.ledger, &filter, &page, &cursor, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(cursor);
    fill_two(&one, &two, 100, 150);
    append_request(&late, 150);
    ship_all(&late, 10);
    filter.cursor = cursor;
    int count = 0;
    while (filter.cursor) {
        page.len = 0;
        CU_ASSERT_EQUAL(cg_ledger_list(one.ledger, &filter, &page,
                                       &filter.cursor, &err, pool),
                        APR_SUCCESS);
        cg_json_t *list = cg_json_parse(page.ptr, page.len, &err, pool);
        for (size_t i = 0; i < cg_json_size(list); i++) {
            numbers[count++] = number_of(cg_json_at(list, i));
        }
    }
    CU_ASSERT_EQUAL(count, 90);
    CU_ASSERT_TRUE(falls_by_one(numbers, count, 89));
    apr_pool_destroy(pool);
}

static void foreign_cursors_are_refused(void)
{
    static const char *const FOREIGN[] = {
        "x",
        "~1-1",
        "0123456789abcdef",
        "0123456789abcdef~",
        ".",
        "0123456789abcdef~1",
        "0123456789abcdeX~1-1",
        "0123456789abcdef~1-x",
        "0123456789abcdef~-1-1",
        "0123456789abcdef~1-1.",
        "0123456789abcdef~99999999999999999999-1"};
    apr_pool_t *pool = NULL;
    server_t server = shared_server(&pool);
    append_request(&server, 1);
    ship_all(&server, 10);
    for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++) {
        cg_buf_t page;
        cg_error_t err = {""};
        const char *cursor = NULL;
        cg_ledger_filter_t filter = {.cursor = FOREIGN[i]};
        cg_buf_init(&page, 0, pool);
        CU_ASSERT_EQUAL(
            cg_ledger_list(server.ledger, &filter, &page, &cursor, &err, pool),
            APR_EINVAL);
    }
    int numbers[2];
    cg_ledger_filter_t unknown = {.cursor = NULL};
    CU_ASSERT_EQUAL(list_numbers(server.ledger, unknown, numbers, 2, pool), 1);
    apr_pool_destroy(pool);
}

typedef struct expectation_t {
    cg_ledger_filter_t filter;
    int count;
} expectation_t;

static void filters_find_what_they_say(void)
{
    static const expectation_t EXPECTED[] = {
        {{.key = "k-odd"}, 150},
        {{.key = "REPORTS"}, 300},
        {{.team = "law"}, 100},
        {{.team = "la"}, 0},
        {{.user = "user4"}, 60},
        {{.model = "gpt-4o-2024"}, 300},
        {{.model = "gpt-4o"}, 300},
        {{.model = "gpt"}, 0},
        {{.decision = "refused"}, 75},
        {{.reason = "rate_limit_exceeded"}, 75},
        {{.endpoint = "embeddings"}, 0},
        {{.finding = "email"}, 30},
        {{.finding = "us_ssn"}, 0},
        {{.q = "sAy \"17\""}, 1},
        {{.q = "\xE5\xA5\xBD"}, 300},
        {{.q = "input_tokens"}, 0}, /* a member's name */
        {{.q = "", .team = ""}, 300},
        {{.from = NOON + APR_TIME_C(100000000)}, 200},
        {{.to = NOON + APR_TIME_C(100000000)}, 100},
        {{.from = NOON + APR_TIME_C(100000000),
          .to = NOON + APR_TIME_C(110000000)},
         10},
        {{.from = NOON + APR_TIME_C(9999000000)}, 0},
        {{.to = NOON}, 0},
        {{.team = "art", .key = "k-even", .to = NOON + APR_TIME_C(60000000)},
         10},
    };
    apr_pool_t *pool = NULL;
    server_t one = shared_server(&pool);
    server_t two = new_server(one.store, SEGMENT_BYTES, 0, pool);
    fill_two(&one, &two, 0, 300);
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        int numbers[400];
        CU_ASSERT_EQUAL(
            list_numbers(one.ledger, EXPECTED[i].filter, numbers, 400, pool),
            EXPECTED[i].count);
    }
    apr_pool_destroy(pool);
}

static void one_record_is_found_by_id_and_by_position(void)
{
    apr_pool_t *pool = NULL;
    server_t one = shared_server(&pool);
    server_t two = new_server(one.store, SEGMENT_BYTES, 0, pool);
    fill_two(&one, &two, 0, 300);
    fixture_append(one.journal, 1, 7, 0);
    ship_all(&one, 10);
    cg_str_t json;
    cg_error_t err = {""};
    for (int i = 0; i < 300; i += 13) {
        const char *id = request_id(i, pool);
        CU_ASSERT_EQUAL_FATAL(cg_ledger_get(one.ledger, id, &json, &err, pool),
                              APR_SUCCESS);
        cg_json_t *record = cg_json_parse(json.ptr, json.len, &err, pool);
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(record, "id", ""), id);
        const char *position = cg_json_get_str(record, "position", "");
        CU_ASSERT_EQUAL_FATAL(
            cg_ledger_get(one.ledger, position, &json, &err, pool),
            APR_SUCCESS);
        record = cg_json_parse(json.ptr, json.len, &err, pool);
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(record, "id", ""), id);
    }
    /* An id that tells no time, and ids that are not there. */
    CU_ASSERT_EQUAL(cg_ledger_get(one.ledger, "w1-7", &json, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_ledger_get(one.ledger, "w1-8", &json, &err, pool),
                    APR_NOTFOUND);
    CU_ASSERT_EQUAL(
        cg_ledger_get(one.ledger, request_id(300, pool), &json, &err, pool),
        APR_NOTFOUND);
    CU_ASSERT_EQUAL(
        cg_ledger_get(one.ledger, "0123456789abcdef-1-1", &json, &err, pool),
        APR_NOTFOUND);
    CU_ASSERT_EQUAL(cg_ledger_get(one.ledger, "", &json, &err, pool),
                    APR_NOTFOUND);
    apr_pool_destroy(pool);
}

typedef struct exported_t {
    int count;
    int wrong;
    int stops_at;
} exported_t;

static apr_status_t on_line(void *baton, cg_str_t json)
{
    exported_t *exported = baton;
    char beginning[60];
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    snprintf(beginning, sizeof beginning, "{\"id\":\"%s\"",
             request_id(exported->count, pool));
    apr_pool_destroy(pool);
    exported->wrong += !cg_str_has_prefix(json, beginning) ||
                       memchr(json.ptr, '\n', json.len) != NULL;
    exported->count++;
    return exported->count == exported->stops_at ? APR_EGENERAL : APR_SUCCESS;
}

static void export_gives_every_record_oldest_first(void)
{
    apr_pool_t *pool = NULL;
    server_t one = shared_server(&pool);
    server_t two = new_server(one.store, SEGMENT_BYTES, 0, pool);
    fill_two(&one, &two, 0, 1500);
    cg_error_t err = {""};
    cg_ledger_filter_t all = {.limit = 0};
    exported_t exported = {0};
    CU_ASSERT_EQUAL(
        cg_ledger_export(one.ledger, &all, on_line, &exported, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(exported.count, 1500);
    CU_ASSERT_EQUAL(exported.wrong, 0);
    cg_ledger_filter_t some = {.to = NOON + APR_TIME_C(40000000)};
    exported = (exported_t){0};
    CU_ASSERT_EQUAL(
        cg_ledger_export(one.ledger, &some, on_line, &exported, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(exported.count, 40);
    exported = (exported_t){.stops_at = 5};
    CU_ASSERT_EQUAL(
        cg_ledger_export(one.ledger, &all, on_line, &exported, &err, pool),
        APR_EGENERAL);
    CU_ASSERT_EQUAL(exported.count, 5);
    exported = (exported_t){0};
    all.limit = 8;
    CU_ASSERT_EQUAL(
        cg_ledger_export(one.ledger, &all, on_line, &exported, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(exported.count, 8);
    apr_pool_destroy(pool);
}

static cg_json_t *stats(cg_ledger_t *ledger, apr_time_t from, apr_time_t to,
                        int64_t step, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_error_t err = {""};
    cg_buf_init(&out, 0, pool);
    if (cg_ledger_stats(ledger, from, to, step, &out, &err, pool) !=
        APR_SUCCESS) {
        return NULL;
    }
    return cg_json_parse(out.ptr, out.len, &err, pool);
}

static int64_t total(const cg_json_t *columns, const char *name)
{
    int64_t sum = 0;
    const cg_json_t *column = cg_json_get(columns, name);
    for (size_t i = 0; i < cg_json_size(column); i++) {
        sum += cg_json_int(cg_json_at(column, i));
    }
    return sum;
}

static void sums_over_time_are_right_for_every_step(void)
{
    static const int64_t STEPS[] = {60, 300, 1800, 3600, 86400};
    apr_pool_t *pool = NULL;
    server_t one = shared_server(&pool);
    server_t two = new_server(one.store, SEGMENT_BYTES, 0, pool);
    fill_two(&one, &two, 0, 300);
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        cg_json_t *columns =
            stats(one.ledger, NOON - apr_time_from_sec(3600),
                  NOON + apr_time_from_sec(7200), STEPS[i], pool);
        CU_ASSERT_PTR_NOT_NULL_FATAL(columns);
        CU_ASSERT_EQUAL(cg_json_get_int(columns, "step", 0), STEPS[i]);
        CU_ASSERT_EQUAL(cg_json_size(cg_json_get(columns, "at")),
                        cg_json_size(cg_json_get(columns, "refused")));
        CU_ASSERT_EQUAL(total(columns, "requests"), 300);
        CU_ASSERT_EQUAL(total(columns, "refused"), 75);
        CU_ASSERT_EQUAL(total(columns, "served"), 75);
        CU_ASSERT_EQUAL(total(columns, "findings"), 30);
    }
    cg_json_t *minutes =
        stats(one.ledger, NOON, NOON + apr_time_from_sec(120), 60, pool);
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(minutes, "at")), 2);
    CU_ASSERT_EQUAL(cg_json_int(cg_json_at(cg_json_get(minutes, "at"), 0)),
                    apr_time_sec(NOON));
    CU_ASSERT_EQUAL(
        cg_json_int(cg_json_at(cg_json_get(minutes, "requests"), 1)), 60);
    CU_ASSERT_PTR_NULL(stats(one.ledger, NOON, NOON, 60, pool));
    CU_ASSERT_PTR_NULL(stats(one.ledger, NOON, NOON + 1, 61, pool));
    CU_ASSERT_PTR_NULL(stats(one.ledger, NOON, NOON + 1, 0, pool));
    CU_ASSERT_PTR_NULL(stats(one.ledger, 0, NOON, 60, pool));
    apr_pool_destroy(pool);
}

static void reading_fails_with_words_when_the_store_is_away(void)
{
    apr_pool_t *pool = NULL;
    redis_fixture_t redis;
    apr_pool_create(&pool, NULL);
    redis_fixture_start(&redis, false);
    server_t server =
        new_server(redis_fixture_store(&redis, pool), SEGMENT_BYTES, 0, pool);
    redis_fixture_kill(&redis);
    cg_buf_t out;
    cg_error_t err = {""};
    const char *cursor = NULL;
    cg_str_t json;
    cg_ledger_filter_t filter = {.limit = 1};
    cg_buf_init(&out, 0, pool);
    CU_ASSERT_NOT_EQUAL(
        cg_ledger_list(server.ledger, &filter, &out, &cursor, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_TRUE(strlen(err.text) > 0);
    apr_status_t status = cg_ledger_get(server.ledger, "x", &json, &err, pool);
    CU_ASSERT_TRUE(status != APR_SUCCESS && status != APR_NOTFOUND);
    CU_ASSERT_NOT_EQUAL(
        cg_ledger_stats(server.ledger, NOON, NOON + 1, 60, &out, &err, pool),
        APR_SUCCESS);
    redis_fixture_stop(&redis);
    apr_pool_destroy(pool);
}

#define ROW(test)                                                              \
    {                                                                          \
#test, test                                                            \
    }

CU_TestInfo test_audit_ledger[] = {
    ROW(records_arrive_once_and_in_order),
    ROW(new_shipper_finds_its_place_without_any_file),
    ROW(large_records_go_in_small_batches),
    ROW(many_hours_in_one_journal_are_all_counted),
    ROW(stream_is_kept_to_its_length),
    ROW(deeds_of_operators_are_kept_but_not_counted),
    ROW(nothing_is_marked_before_its_hold_is_settled),
    ROW(journal_older_than_its_stream_is_an_error),
    ROW(killed_shippers_lose_and_double_nothing),
    ROW(store_goes_away_and_comes_back),
    ROW(frozen_store_may_have_taken_a_batch_all_the_same),
    ROW(store_that_lost_its_writes_is_given_them_again),
    ROW(lists_are_merged_over_servers_newest_first),
    ROW(cursor_stays_where_it_is_when_records_arrive),
    ROW(foreign_cursors_are_refused),
    ROW(filters_find_what_they_say),
    ROW(one_record_is_found_by_id_and_by_position),
    ROW(export_gives_every_record_oldest_first),
    ROW(sums_over_time_are_right_for_every_step),
    ROW(reading_fails_with_words_when_the_store_is_away),
    CU_TEST_INFO_NULL,
};
