/* The keeper and requests whose process was killed, at each step of their way.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/keeper_quota.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "flow/lives.h"
#include "walk.h"

#define SLOTS 64
#define CHAT                                                                   \
    "{\"model\":\"gpt-4o\",\"stream\":true,\"max_tokens\":50,\"messages\":["   \
    "{\"role\":\"user\",\"content\":\"hello\"}]}"

typedef struct scene_t {
    walk_t walk;
    void *table;
} scene_t;

/* How far a request comes before its process is killed. */
typedef enum stage_t {
    STAGE_ASKING,
    STAGE_HELD,
    STAGE_SENT,
    STAGE_BILLED,
    STAGE_JOURNALED,
    STAGE_RECORDED
} stage_t;

static void scene_open(scene_t *scene)
{
    walk_open(&scene->walk, "100000tokens/60s 1USD/month 9concurrent");
    scene->table = mmap(NULL, cg_live_bytes(SLOTS), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cg_gateway_t *gateway = &scene->walk.gateway;
    gateway->live = cg_live_attach(scene->table, SLOTS, scene->walk.pool);
    cg_quota_live(gateway->quota, gateway->live);
}

static void scene_close(scene_t *scene)
{
    walk_close(&scene->walk);
    munmap(scene->table, cg_live_bytes(SLOTS));
}

static void stream_some(cg_txn_t *txn)
{
    cg_buf_t out;
    cg_buf_init(&out, 0, txn->pool);
    walk_answer_begins(txn, 200);
    cg_flow_observe_open(txn);
    cg_flow_observe_feed(
        txn,
        CG_STR("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"
               "\"one two three four\"}}]}\n\n"),
        &out);
}

static void journal(cg_txn_t *txn, const cg_quota_bill_t *bill)
{
    cg_error_t err;
    cg_journal_entry_t entry;
    cg_record_t record = {.id = txn->in.id,
                          .at = txn->in.at,
                          .decision = "served",
                          .input_tokens = bill->input_tokens,
                          .output_tokens = bill->output_tokens,
                          .cost_micros = bill->micros,
                          .has_hold = true,
                          .hold_id = txn->grant.hold_id};
    cg_journal_entry_make(&record, CG_STR("{}"), &entry);
    cg_journal_append(txn->gateway->journal, &entry, &err);
}

/* In the process that will be killed. */
static void go(scene_t *scene, stage_t stage, char *out_hold_id)
{
    cg_error_t err;
    cg_gateway_t *gateway = &scene->walk.gateway;
    cg_quota_bill_t bill = {.input_tokens = 7, .output_tokens = 8,
                            .micros = 98};
    gateway->live = cg_live_attach(scene->table, SLOTS, scene->walk.pool);
    cg_quota_live(gateway->quota, gateway->live);
    cg_txn_t *txn = walk_request(&scene->walk, CG_ENDPOINT_CHAT, CHAT);
    walk_in(&scene->walk, txn);
    memcpy(out_hold_id, txn->grant.hold_id, sizeof txn->grant.hold_id);
    if (stage < STAGE_SENT) {
        cg_live_move(gateway->live, txn->grant.place,
                     stage == STAGE_HELD ? CG_LIVE_HELD : CG_LIVE_ASKING);
        return;
    }
    stream_some(txn);
    if (stage == STAGE_RECORDED) {
        cg_flow_record(txn, 200, &err);
        return;
    }
    if (stage >= STAGE_BILLED) {
        cg_lives_billed(txn, &bill);
    }
    if (stage == STAGE_JOURNALED) {
        journal(txn, &bill);
    }
}

/* A request that comes so far; the id of its hold. */
static const char *kill_at(scene_t *scene, stage_t stage)
{
    int told[2];
    char id[CG_QUOTA_ID_MAX + 1] = "";
    CU_ASSERT_EQUAL_FATAL(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        go(scene, stage, id);
        (void)!write(told[1], id, sizeof id);
        for (;;) {
            pause();
        }
    }
    CU_ASSERT_EQUAL_FATAL(read(told[0], id, sizeof id), (ssize_t)sizeof id);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(told[0]);
    close(told[1]);
    return apr_pstrdup(scene->walk.pool, id);
}

/* What the keeper does in some seconds; a second keeper does it once more. */
static void keep(scene_t *scene)
{
    for (int i = 0; i < 2; i++) {
        cg_keeper_quota_t keeper;
        cg_keeper_quota_begin(&keeper);
        for (int n = 0; n < 3; n++) {
            keeper.orphans_at = 0;
            cg_keeper_quota_step(&keeper, &scene->walk.gateway,
                                 scene->walk.pool);
        }
    }
}

/* Records of the hold, and the last of them. */
static int records_of(scene_t *scene, const char *hold_id,
                      cg_journal_entry_t *out)
{
    int count = 0;
    cg_error_t err;
    cg_journal_reader_t *reader;
    cg_journal_entry_t entry;
    cg_journal_position_t position;
    CU_ASSERT_EQUAL_FATAL(
        cg_journal_reader_open(
            &reader, cg_journal_folder(scene->walk.gateway.journal), &err,
            scene->walk.pool),
        APR_SUCCESS);
    while (cg_journal_read_next(reader, &entry, &position, &err) ==
           APR_SUCCESS) {
        if (strcmp(entry.id, hold_id) == 0) {
            *out = entry;
            out->json = (cg_str_t){cg_str_dup(entry.json, scene->walk.pool),
                                   entry.json.len};
            count++;
        }
    }
    return count;
}

static int64_t held(scene_t *scene)
{
    return walk_budget(&scene->walk, CG_DIMENSION_KEY, scene->walk.key.id,
                       1000000)
        .held;
}

static void of_one_killed_while_it_asked_nothing_is_left(void)
{
    scene_t scene;
    cg_journal_entry_t entry;
    scene_open(&scene);
    const char *id = kill_at(&scene, STAGE_ASKING);
    CU_ASSERT(held(&scene) > 0);
    keep(&scene);
    CU_ASSERT_EQUAL(held(&scene), 0);
    CU_ASSERT_EQUAL(records_of(&scene, id, &entry), 0);
    scene_close(&scene);
}

static void of_one_that_had_not_left_yet_all_is_given_back(void)
{
    scene_t scene;
    cg_journal_entry_t entry = {.is_released = false};
    scene_open(&scene);
    const char *id = kill_at(&scene, STAGE_HELD);
    keep(&scene);
    CU_ASSERT_EQUAL(records_of(&scene, id, &entry), 1);
    CU_ASSERT(entry.has_hold);
    CU_ASSERT(entry.is_released);
    CU_ASSERT_EQUAL(entry.cost_micros, 0);
    scene_close(&scene);
}

static void of_a_stream_what_came_is_billed_and_recorded_once(void)
{
    scene_t scene;
    cg_journal_entry_t entry = {.output_tokens = 0};
    scene_open(&scene);
    const char *id = kill_at(&scene, STAGE_SENT);
    keep(&scene);
    CU_ASSERT_EQUAL_FATAL(records_of(&scene, id, &entry), 1);
    CU_ASSERT(entry.has_hold);
    CU_ASSERT_FALSE(entry.is_released);
    CU_ASSERT(entry.output_tokens >= 3 && entry.output_tokens <= 4);
    CU_ASSERT(entry.input_tokens > 0);
    CU_ASSERT(entry.cost_micros > 0);
    CU_ASSERT_EQUAL(entry.decision, CG_DECISION_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(entry.json.ptr, "\"process_lost\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(entry.json.ptr, "\"walker\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(entry.json.ptr, "\"gpt-4o\""));
    scene_close(&scene);
}

static void of_one_that_was_billed_the_bill_is_recorded(void)
{
    scene_t scene;
    cg_journal_entry_t entry = {.output_tokens = 0};
    scene_open(&scene);
    const char *id = kill_at(&scene, STAGE_BILLED);
    keep(&scene);
    CU_ASSERT_EQUAL_FATAL(records_of(&scene, id, &entry), 1);
    CU_ASSERT_EQUAL(entry.output_tokens, 8);
    CU_ASSERT_EQUAL(entry.cost_micros, 98);
    scene_close(&scene);
}

static void one_whose_record_stands_in_the_journal_gets_no_second(void)
{
    scene_t scene;
    cg_journal_entry_t entry = {.output_tokens = 0};
    for (int i = 0; i < 2; i++) {
        scene_open(&scene);
        const char *id =
            kill_at(&scene, i ? STAGE_RECORDED : STAGE_JOURNALED);
        keep(&scene);
        CU_ASSERT_EQUAL_FATAL(records_of(&scene, id, &entry), 1);
        CU_ASSERT_PTR_NULL(strstr(entry.json.ptr, "process_lost"));
        scene_close(&scene);
    }
}

CU_TestInfo test_flow_keeper_quota[] = {
    {"of_one_killed_while_it_asked_nothing_is_left",
     of_one_killed_while_it_asked_nothing_is_left},
    {"of_one_that_had_not_left_yet_all_is_given_back",
     of_one_that_had_not_left_yet_all_is_given_back},
    {"of_a_stream_what_came_is_billed_and_recorded_once",
     of_a_stream_what_came_is_billed_and_recorded_once},
    {"of_one_that_was_billed_the_bill_is_recorded",
     of_one_that_was_billed_the_bill_is_recorded},
    {"one_whose_record_stands_in_the_journal_gets_no_second",
     one_whose_record_stands_in_the_journal_gets_no_second},
    CU_TEST_INFO_NULL,
};
