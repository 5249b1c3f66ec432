/* A gateway of a test's own, and a request that walks through it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "audit/ledger.h"
#include "base/clock.h"
#include "chat/events.h"
#include "flow/keeper.h"

#define MODELS                                                                 \
    "{\"models\":["                                                            \
    "{\"id\":\"gpt-4o\",\"input\":2.5,\"cached_input\":1.25,\"output\":10,"    \
    "\"max_output\":16384},"                                                   \
    "{\"id\":\"tiny\",\"input\":1,\"output\":2,\"max_output\":100},"           \
    "{\"id\":\"embed\",\"input\":0.02},"                                       \
    "{\"id\":\"free\"}]}"

#define KEEP_TRIES 500 /* of 20 ms */

static void *zeroed(walk_t *walk, size_t bytes)
{
    size_t rounded = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, rounded);
    memset(memory, 0, rounded);
    walk->memory[walk->memories++] = memory;
    return memory;
}

static const char *new_folder(apr_pool_t *pool)
{
    const char *tmp = getenv("TMPDIR");
    char *path = apr_pstrcat(pool, tmp && tmp[0] ? tmp : "/tmp",
                             "/cg-walk-XXXXXX", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
    return path;
}

static void remove_folder(const char *path, apr_pool_t *pool)
{
    apr_dir_t *folder;
    apr_finfo_t info;
    if (apr_dir_open(&folder, path, pool) != APR_SUCCESS) {
        return;
    }
    while (apr_dir_read(&info, APR_FINFO_NAME, folder) == APR_SUCCESS) {
        apr_file_remove(apr_pstrcat(pool, path, "/", info.name, NULL), pool);
    }
    apr_dir_close(folder);
    apr_dir_remove(path, pool);
}

static cg_prices_t *read_prices(apr_pool_t *pool)
{
    const char *folder = new_folder(pool);
    const char *path = apr_pstrcat(pool, folder, "/models.json", NULL);
    FILE *file = fopen(path, "w");
    cg_prices_t *prices;
    cg_error_t err = {""};
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(MODELS, file);
    fclose(file);
    CU_ASSERT_EQUAL_FATAL(cg_prices_load(path, &prices, &err, pool),
                          APR_SUCCESS);
    remove_folder(folder, pool);
    return prices;
}

static cg_accounts_t *make_accounts(apr_pool_t *pool)
{
    static const char *const rows[][2] = {{"one", "http://127.0.0.1:9/v1"},
                                          {"two", "http://127.0.0.1:9/v1"}};
    cg_accounts_t *accounts = apr_pcalloc(pool, sizeof *accounts);
    cg_error_t err = {""};
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(void *));
    for (int i = 0; i < 2; i++) {
        apr_array_header_t *words = apr_array_make(pool, 2, sizeof(char *));
        APR_ARRAY_PUSH(words, const char *) = rows[i][0];
        APR_ARRAY_PUSH(words, const char *) = rows[i][1];
        APR_ARRAY_PUSH(list, apr_array_header_t *) = words;
    }
    CU_ASSERT_FATAL(cg_accounts_read(list, true, accounts, &err, pool));
    return accounts;
}

/* The vocabularies that the build has made; CG_TOKENS names their folder. */
static const cg_vocabularies_t *open_vocabularies(apr_pool_t *pool)
{
    cg_vocabularies_t *all = apr_pcalloc(pool, sizeof *all);
    const char *folder = getenv("CG_TOKENS");
    cg_error_t err = {""};
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    for (int i = 0; i < CG_ENCODING_COUNT; i++) {
        CU_ASSERT_EQUAL_FATAL(cg_vocabulary_open(folder, (cg_encoding_t)i,
                                                 &all->of[i], &err, pool),
                              APR_SUCCESS);
    }
    return all;
}

void walk_open_dry(walk_t *walk)
{
    static const cg_meter_names_t names = {0};
    memset(walk, 0, sizeof *walk);
    apr_pool_create(&walk->pool, NULL);
    walk->policy = cg_policy_create(walk->pool);
    walk->gateway = (cg_gateway_t){
        .pool = walk->pool,
        .rules = cg_rules_builtin(),
        .prices = read_prices(walk->pool),
        .vocabularies = open_vocabularies(walk->pool),
        .accounts = make_accounts(walk->pool),
        .node = "",
        .audit_keep = 1000,
    };
    walk->gateway.health = zeroed(walk, sizeof(cg_health_t));
    walk->gateway.servers = zeroed(walk, sizeof(int64_t));
    walk->gateway.meter = cg_meter_attach(zeroed(walk, cg_meter_bytes(16)), 16,
                                          &names, walk->pool);
}

static void make_key(walk_t *walk, const char *limits)
{
    cg_key_t wanted = {.owner = "o", .name = "walker", .team = "red"};
    cg_error_t err = {""};
    char *words = apr_pstrdup(walk->pool, limits);
    char *last;
    for (char *word = apr_strtok(words, " ", &last); word;
         word = apr_strtok(NULL, " ", &last)) {
        CU_ASSERT_FATAL(cg_key_add_limit(&wanted, cg_str(word), &err));
    }
    CU_ASSERT_EQUAL_FATAL(cg_apikey_create(walk->gateway.keyring, &wanted,
                                           cg_clock_now(), &walk->key,
                                           walk->spelled, &err, walk->pool),
                          APR_SUCCESS);
}

void walk_open(walk_t *walk, const char *key_limits)
{
    cg_error_t err = {""};
    walk_open_dry(walk);
    cg_gateway_t *gateway = &walk->gateway;
    gateway->store = redis_fixture_store(redis_fixture_shared(), walk->pool);
    gateway->keyring = cg_keyring_open(
        gateway->store,
        cg_pepper_make("0123456789abcdef0123456789abcdef", 32, &err,
                       walk->pool),
        NULL, 0, apr_time_from_sec(60), walk->pool);
    gateway->quota = cg_quota_open(
        gateway->store, zeroed(walk, cg_quota_shared_bytes()), walk->pool);
    CU_ASSERT_EQUAL_FATAL(
        cg_journal_open(&gateway->journal, new_folder(walk->pool),
                        zeroed(walk, cg_journal_shared_bytes()), 1 << 20, &err,
                        walk->pool),
        APR_SUCCESS);
    gateway->node = cg_journal_node(gateway->journal);
    make_key(walk, key_limits);
}

void walk_close(walk_t *walk)
{
    if (walk->gateway.journal) {
        remove_folder(cg_journal_folder(walk->gateway.journal), walk->pool);
    }
    apr_pool_destroy(walk->pool);
    for (int i = 0; i < walk->memories; i++) {
        free(walk->memory[i]);
    }
}

static bool set_types(uint8_t *by_type, const char *type, int value)
{
    cg_actions_t actions;
    memcpy(actions.by_type, by_type, sizeof actions.by_type);
    bool is_type = cg_actions_set(&actions, type, (cg_action_t)value);
    memcpy(by_type, actions.by_type, sizeof actions.by_type);
    return is_type;
}

static int find_action(const char *name)
{
    cg_action_t action;
    return cg_action_parse(name, &action) ? (int)action : -1;
}

void walk_say(walk_t *walk, const char *directive, const char *words)
{
    cg_error_t err = {""};
    cg_kind_ask_t ask = {.set_types = set_types, .find_action = find_action};
    char **argv;
    int argc = 0;
    apr_tokenize_to_argv(words, &argv, walk->pool);
    while (argv[argc]) {
        argc++;
    }
    for (int i = 0; i < CG_ROW_COUNT; i++) {
        if (strcmp(cg_policy_rows[i].directive, directive) == 0) {
            CU_ASSERT_FATAL(cg_policy_read(walk->policy, &cg_policy_rows[i],
                                           argc, argv, &ask, &err,
                                           walk->pool));
            return;
        }
    }
    CU_FAIL_FATAL("no such directive");
}

cg_txn_t *walk_request(walk_t *walk, cg_endpoint_t endpoint, const char *body)
{
    cg_txn_t *txn = apr_pcalloc(walk->pool, sizeof *txn);
    txn->pool = walk->pool;
    txn->gateway = &walk->gateway;
    txn->rules = walk->gateway.rules;
    txn->policy = walk->policy;
    txn->in.at = cg_clock_now();
    txn->in.started_at = cg_clock_monotonic();
    txn->in.address = "192.0.2.7";
    txn->in.vhost = "api.example";
    txn->in.endpoint = endpoint;
    cg_clock_uuid7(txn->in.at, txn->in.id);
    if (cg_endpoints[endpoint].has_body && !cg_endpoints[endpoint].is_upload) {
        cg_txn_body(txn, cg_str(body));
    }
    return txn;
}

cg_verdict_t walk_in(walk_t *walk, cg_txn_t *txn)
{
    if (cg_flow_authenticate(txn, cg_str(walk->spelled)) != CG_PASS) {
        return txn->verdict;
    }
    return cg_flow_run(txn);
}

void walk_answer_begins(cg_txn_t *txn, int status)
{
    txn->answer.status = status;
    txn->answer.has_begun = true;
    txn->answer.first_byte_at = cg_clock_monotonic();
}

cg_str_t walk_stream(cg_txn_t *txn, cg_str_t bytes, size_t piece, bool is_cut)
{
    cg_buf_t out;
    cg_verdict_t verdict = CG_PASS;
    cg_buf_init(&out, bytes.len + 64, txn->pool);
    cg_flow_observe_open(txn);
    piece = piece ? piece : bytes.len;
    for (size_t at = 0; at < bytes.len && verdict == CG_PASS; at += piece) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        char *copy = malloc(len); /* ends where its memory does, for ASan */
        memcpy(copy, bytes.ptr + at, len);
        verdict = cg_flow_observe_feed(txn, (cg_str_t){copy, len}, &out);
        free(copy);
    }
    if (verdict == CG_PASS) {
        cg_flow_observe_finish(txn, is_cut, &out);
    }
    return (cg_str_t){out.ptr, out.len};
}

/* -- the keeper --------------------------------------------------------------- */

typedef struct keeping_t {
    walk_t *walk;
    cg_keeper_watch_t watch;
    volatile int stop;
} keeping_t;

static bool may_work(void *baton)
{
    (void)baton;
    return true;
}

static void on_store(void *baton, bool is_up, const char *where)
{
    (void)where;
    ((walk_t *)baton)->troubles += !is_up;
}

static void on_trouble(void *baton, const char *words)
{
    ((walk_t *)baton)->troubles++;
    fprintf(stderr, "keeper: %s\n", words);
}

static void *APR_THREAD_FUNC keep(apr_thread_t *thread, void *data)
{
    keeping_t *keeping = data;
    (void)thread;
    cg_keeper_run(&keeping->walk->gateway, &keeping->watch, &keeping->stop);
    return NULL;
}

static size_t records_of(cg_str_t json, apr_pool_t *pool)
{
    cg_walk_t list;
    return cg_walk(json.ptr, json.len, &list, NULL, pool) == CG_WALK_OK
               ? cg_walk_length(&list, 0)
               : 0;
}

size_t walk_keep(walk_t *walk, size_t records, cg_buf_t *out_json)
{
    keeping_t keeping = {.walk = walk,
                         .watch = {may_work, on_store, on_trouble,
                                   NULL, walk}};
    cg_ledger_filter_t filter = {.limit = 50};
    cg_ledger_t *ledger;
    apr_thread_t *thread;
    apr_status_t rv;
    cg_error_t err = {""};
    const char *cursor;
    size_t count = 0;
    cg_ledger_open(&ledger, walk->gateway.store, NULL, 0, walk->pool);
    CU_ASSERT_EQUAL_FATAL(
        apr_thread_create(&thread, NULL, keep, &keeping, walk->pool),
        APR_SUCCESS);
    cg_buf_init(out_json, 1024, walk->pool);
    for (int i = 0; i < KEEP_TRIES && count < records; i++) {
        apr_sleep(20000);
        out_json->len = 0;
        cg_ledger_list(ledger, &filter, out_json, &cursor, &err, walk->pool);
        count =
            records_of((cg_str_t){out_json->ptr, out_json->len}, walk->pool);
    }
    apr_sleep(100000); /* what must not be there twice has time to come */
    keeping.stop = 1;
    apr_thread_join(&rv, thread);
    out_json->len = 0;
    cg_ledger_list(ledger, &filter, out_json, &cursor, &err, walk->pool);
    return records_of((cg_str_t){out_json->ptr, out_json->len}, walk->pool);
}

cg_quota_left_t walk_budget(walk_t *walk, cg_dimension_t dimension,
                            const char *subject, int64_t amount)
{
    cg_limit_t limit = {.dimension = (uint8_t)dimension,
                        .quantity = CG_QUANTITY_MICROS,
                        .amount = amount,
                        .window_for = CG_WINDOW_MONTH};
    cg_quota_ask_t ask = {.limit = &limit, .subject = cg_str(subject)};
    cg_quota_left_t left = {0};
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_quota_usage(walk->gateway.quota, &ask, 1,
                                         cg_clock_now(), &left, &err,
                                         walk->pool),
                          APR_SUCCESS);
    return left;
}

/* -- what a client reads ------------------------------------------------------ */

typedef struct reading_t {
    const char *member;
    int64_t choice;
    cg_buf_t text;
} reading_t;

static int64_t choice_of(const cg_walk_t *walk, uint32_t node)
{
    int64_t index = -1;
    while (node != CG_NODE_NONE && walk->nodes[node].depth > 2) {
        node = walk->nodes[node].parent;
    }
    cg_walk_int(walk, cg_walk_member(walk, node, "index"), &index);
    return index;
}

static apr_status_t read_event(void *baton, const cg_event_t *event)
{
    reading_t *to = baton;
    cg_walk_t walk;
    if (event->data.len == 0 || event->is_done) {
        return APR_SUCCESS;
    }
    CU_ASSERT_EQUAL_FATAL(cg_walk(event->data.ptr, event->data.len, &walk, NULL,
                                  to->text.pool),
                          CG_WALK_OK);
    for (uint32_t i = 1; i < walk.count; i++) {
        bool is_wanted = walk.nodes[i].kind == CG_NODE_STRING &&
                         cg_walk_key_is(&walk, i, to->member) &&
                         (to->choice < 0 ||
                          to->choice == choice_of(&walk, i));
        if (is_wanted) {
            cg_str_t text = cg_walk_string(&walk, i, to->text.pool);
            cg_buf_add(&to->text, text.ptr, text.len);
        }
    }
    return APR_SUCCESS;
}

cg_str_t walk_text_of(cg_str_t sse, const char *member, int64_t choice,
                      apr_pool_t *pool)
{
    reading_t to = {.member = member, .choice = choice};
    cg_buf_init(&to.text, 256, pool);
    cg_events_t *events = cg_chat_events_open((size_t)1 << 24, pool);
    cg_chat_events_feed(events, sse.ptr, sse.len, read_event, &to);
    CU_ASSERT_EQUAL(cg_chat_events_rest(events), 0);
    return (cg_str_t){to.text.ptr, to.text.len};
}
