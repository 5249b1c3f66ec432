/* Does the journal keep every record, whatever dies, fills up or rots?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "audit/journal_int.h"
#include "base/clock.h"
#include "base/digest.h"
#include "audit_fixture.h"

extern CU_TestInfo test_audit_journal[];

#define BIG CG_JOURNAL_SEGMENT_MAX
#define KILLS 200

static apr_pool_t *new_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

/* The next record is number `number` of writer `writer`. */
static bool next_is(cg_journal_reader_t *reader, int writer, int number)
{
    cg_journal_entry_t entry;
    cg_journal_position_t position;
    cg_error_t err = {""};
    int read_writer = -1;
    int read_number = -1;
    return cg_journal_read_next(reader, &entry, &position, &err) ==
               APR_SUCCESS &&
           fixture_read(&entry, &read_writer, &read_number) &&
           read_writer == writer && read_number == number;
}

static bool is_at_end(cg_journal_reader_t *reader)
{
    cg_journal_entry_t entry;
    cg_journal_position_t position;
    cg_error_t err = {""};
    return cg_journal_read_next(reader, &entry, &position, &err) == APR_EOF;
}

static void what_is_appended_is_read_back(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_TRUE(is_at_end(reader));
    for (int i = 0; i < 300; i++) {
        fixture_append(journal, 1, i, (size_t)i * 37);
    }
    /* Larger than the reader's window. */
    fixture_append(journal, 1, 300, 2000000);
    fixture_append(journal, 1, 301, 0);
    for (int i = 0; i < 302; i++) {
        CU_ASSERT_TRUE(next_is(reader, 1, i));
    }
    CU_ASSERT_TRUE(is_at_end(reader));
    fixture_append(journal, 1, 302, 0);
    CU_ASSERT_TRUE(next_is(reader, 1, 302));
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(reader), 0);
    apr_pool_destroy(pool);
}

static void all_numbers_survive_the_frame(void)
{
    unsigned char front[CG_FRAME_FRONT_MAX];
    char bytes[CG_FRAME_FRONT_MAX + 2];
    cg_journal_entry_t entry = {
        .at = INT64_C(-5),
        .took = INT64_MAX,
        .status = 599,
        .decision = CG_DECISION_ABORTED,
        .findings = UINT32_MAX,
        .input_tokens = INT64_MIN,
        .output_tokens = 7,
        .cost_micros = INT64_C(0x4A4743FF),
        .has_hold = true,
        .is_released = true,
        .json = CG_STR("{}"),
    };
    memset(entry.id, 'x', CG_JOURNAL_ID_MAX);
    size_t len = cg_frame_front(&entry, front);
    CU_ASSERT_EQUAL(len, CG_FRAME_FRONT_MAX);
    memcpy(bytes, front, len);
    memcpy(bytes + len, "{}", 2);
    cg_journal_entry_t out;
    size_t offset = 0;
    size_t next = 0;
    CU_ASSERT_TRUE_FATAL(cg_journal_parse((cg_str_t){bytes, len + 2}, true,
                                          &offset, &next, &out));
    CU_ASSERT_EQUAL(offset, 0);
    CU_ASSERT_EQUAL(next, len + 2);
    CU_ASSERT_EQUAL(out.at, -5);
    CU_ASSERT_EQUAL(out.took, INT64_MAX);
    CU_ASSERT_EQUAL(out.status, 599);
    CU_ASSERT_EQUAL(out.decision, CG_DECISION_ABORTED);
    CU_ASSERT_EQUAL(out.findings, UINT32_MAX);
    CU_ASSERT_EQUAL(out.input_tokens, INT64_MIN);
    CU_ASSERT_EQUAL(out.output_tokens, 7);
    CU_ASSERT_EQUAL(out.cost_micros, INT64_C(0x4A4743FF));
    CU_ASSERT_TRUE(out.has_hold && out.is_released);
    CU_ASSERT_STRING_EQUAL(out.id, entry.id);
    CU_ASSERT_TRUE(cg_str_is(out.json, "{}"));
}

static void records_too_large_are_refused_whole(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    cg_journal_entry_t entry;
    cg_error_t err = {""};
    fixture_entry(1, 1, CG_JOURNAL_JSON_MAX + 1, &entry, pool);
    CU_ASSERT_EQUAL(cg_journal_append(journal, &entry, &err), APR_EINVAL);
    CU_ASSERT_TRUE(strlen(err.text) > 0);
    fixture_entry(1, 1, 0, &entry, pool);
    memset(entry.id, 'x', sizeof entry.id);
    CU_ASSERT_EQUAL(cg_journal_append(journal, &entry, &err), APR_EINVAL);
    CU_ASSERT_TRUE(is_at_end(fixture_reader(folder, pool)));
    apr_pool_destroy(pool);
}

static void unfinished_frame_at_the_end_is_waited_for(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    fixture_append(journal, 1, 0, 100);
    cg_str_t frame = fixture_file(fixture_newest(folder, pool), pool);
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    for (size_t i = 0; i < frame.len; i++) {
        CU_ASSERT_TRUE(is_at_end(reader));
        fixture_add_bytes(fixture_newest(folder, pool), frame.ptr + i, 1);
    }
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(reader), 0);
    apr_pool_destroy(pool);
}

static void torn_frames_are_passed_over_wherever_they_were_cut(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    fixture_append(journal, 1, 0, 100);
    const char *segment = fixture_newest(folder, pool);
    cg_str_t frame = fixture_file(segment, pool);
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    for (size_t kept = 1; kept < frame.len; kept++) {
        fixture_add_bytes(segment, frame.ptr, kept);
        CU_ASSERT_TRUE(is_at_end(reader));
        fixture_append(journal, 1, (int)kept, 100);
        CU_ASSERT_TRUE(next_is(reader, 1, (int)kept));
    }
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(reader), frame.len - 1);
    apr_pool_destroy(pool);
}

static void torn_end_of_an_old_segment_is_left_behind(void)
{
    apr_pool_t *pool = new_pool();
    apr_pool_t *first_life = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, first_life);
    fixture_append(journal, 1, 0, 100);
    cg_str_t frame = fixture_file(fixture_newest(folder, pool), pool);
    fixture_add_bytes(fixture_newest(folder, pool), frame.ptr, frame.len - 1);
    apr_pool_destroy(first_life);
    /* The server starts again: new shared memory, a new segment. */
    void *fresh = fixture_shared(cg_journal_shared_bytes(), pool);
    journal = fixture_journal(folder, fresh, BIG, pool);
    fixture_append(journal, 1, 1, 100);
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    CU_ASSERT_TRUE(next_is(reader, 1, 1));
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(reader), 1);
    apr_pool_destroy(pool);
}

/* Reads a folder with one damaged segment; how many of the 20 are there? */
static int count_sound(const char *folder, apr_pool_t *pool)
{
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    cg_journal_entry_t entry;
    cg_journal_position_t position;
    cg_error_t err = {""};
    int count = 0;
    int last = -1;
    while (cg_journal_read_next(reader, &entry, &position, &err) ==
           APR_SUCCESS) {
        int writer = -1;
        int number = -1;
        CU_ASSERT_TRUE(fixture_read(&entry, &writer, &number));
        CU_ASSERT_TRUE(number > last);
        last = number;
        count++;
    }
    return count;
}

static void damaged_byte_costs_one_record_and_no_other(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    for (int i = 0; i < 20; i++) {
        fixture_append(journal, 1, i, 40);
    }
    const char *segment = fixture_newest(folder, pool);
    cg_str_t bytes = fixture_file(segment, pool);
    int fd = open(segment, O_WRONLY);
    CU_ASSERT_FATAL(fd >= 0);
    int wrong = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        apr_pool_t *round = new_pool();
        char damaged = (char)(bytes.ptr[i] ^ (1 << (i % 8)));
        wrong += pwrite(fd, &damaged, 1, (off_t)i) != 1;
        wrong += count_sound(folder, round) != 19;
        wrong += pwrite(fd, bytes.ptr + i, 1, (off_t)i) != 1;
        apr_pool_destroy(round);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    /* A hole in the middle: zeros, foreign marks, half the segment's length. */
    char hole[700];
    for (size_t i = 0; i < sizeof hole; i++) {
        hole[i] = "\xFF"
                  "CGJ\0"[i % 5];
    }
    CU_ASSERT_EQUAL(pwrite(fd, hole, sizeof hole, 500), (ssize_t)sizeof hole);
    int left = count_sound(folder, pool);
    CU_ASSERT_TRUE(left >= 13 && left < 20);
    close(fd);
    apr_pool_destroy(pool);
}

static void reader_goes_on_behind_a_position(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, 2000, pool);
    cg_journal_position_t positions[60];
    cg_journal_entry_t entry;
    cg_error_t err = {""};
    for (int i = 0; i < 60; i++) {
        fixture_append(journal, 1, i, 100);
    }
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    for (int i = 0; i < 60; i++) {
        CU_ASSERT_EQUAL(
            cg_journal_read_next(reader, &entry, &positions[i], &err),
            APR_SUCCESS);
    }
    for (int i = 0; i < 59; i++) {
        cg_journal_reader_seek(reader, positions[i]);
        CU_ASSERT_TRUE(next_is(reader, 1, i + 1));
    }
    cg_journal_reader_seek(reader, positions[59]);
    CU_ASSERT_TRUE(is_at_end(reader));
    cg_journal_reader_seek(reader, (cg_journal_position_t){0, 0});
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    /* A segment that is gone: on with the next. */
    int64_t gone = positions[0].segment;
    cg_journal_reader_seek(reader, (cg_journal_position_t){gone - 1, 77});
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(reader), 0);
    apr_pool_destroy(pool);
}

static void shipped_segments_are_dropped_when_old_enough(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, 2000, pool);
    for (int i = 0; i < 60; i++) {
        fixture_append(journal, 1, i, 100);
    }
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    apr_time_t later = cg_clock_now() + apr_time_from_sec(100);
    int64_t bytes = 0;
    int64_t records = 0;
    cg_journal_reader_backlog(reader, &bytes, &records);
    CU_ASSERT_TRUE(bytes > 60 * 150);
    CU_ASSERT_EQUAL(cg_journal_reader_drop(reader, later, 0), 0);
    for (int i = 0; i < 30; i++) {
        CU_ASSERT_TRUE(next_is(reader, 1, i));
    }
    cg_journal_reader_backlog(reader, &bytes, &records);
    CU_ASSERT_TRUE(records >= 29 && records <= 31);
    CU_ASSERT_EQUAL(
        cg_journal_reader_drop(reader, later, apr_time_from_sec(1000)), 0);
    CU_ASSERT_TRUE(cg_journal_reader_drop(reader, later, 0) >= 2);
    for (int i = 30; i < 60; i++) {
        CU_ASSERT_TRUE(next_is(reader, 1, i));
    }
    CU_ASSERT_TRUE(is_at_end(reader));
    cg_journal_reader_backlog(reader, &bytes, &records);
    CU_ASSERT_EQUAL(bytes, 0);
    CU_ASSERT_EQUAL(records, 0);
    cg_journal_reader_drop(reader, later, 0);
    fixture_append(journal, 1, 60, 100);
    CU_ASSERT_TRUE(next_is(reader, 1, 60));
    apr_pool_destroy(pool);
}

static void idle_writer_keeps_the_reader_until_it_looks_around(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *idle = fixture_journal(folder, shared, 1000, pool);
    cg_journal_t *busy = fixture_journal(folder, shared, 1000, pool);
    fixture_append(idle, 1, 0, 100);
    fixture_append(busy, 1, 1, 1000); /* full: the word moves on */
    fixture_append(busy, 1, 2, 100);  /* into the next segment */
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    CU_ASSERT_TRUE(next_is(reader, 1, 1));
    CU_ASSERT_TRUE(is_at_end(reader)); /* idle might still write there */
    cg_journal_refresh(idle);
    CU_ASSERT_TRUE(next_is(reader, 1, 2));
    fixture_append(idle, 1, 3, 100);
    CU_ASSERT_TRUE(next_is(reader, 1, 3));
    apr_pool_destroy(pool);
}

static void old_generation_with_other_shared_memory_loses_nothing(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *old_word = fixture_shared(cg_journal_shared_bytes(), pool);
    void *new_word = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *old = fixture_journal(folder, old_word, BIG, pool);
    fixture_append(old, 1, 0, 100);
    cg_journal_t *fresh = fixture_journal(folder, new_word, BIG, pool);
    fixture_append(fresh, 2, 0, 100);
    fixture_append(old, 1, 1, 100);
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_TRUE(next_is(reader, 1, 0));
    CU_ASSERT_TRUE(next_is(reader, 1, 1));
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_TRUE(cg_journal_lead(old)); /* its keeper's next tick */
    CU_ASSERT_TRUE(next_is(reader, 2, 0));
    fixture_append(old, 1, 2, 100);
    CU_ASSERT_TRUE(next_is(reader, 1, 2));
    /* A third, that never wrote, knows only the oldest word. */
    cg_journal_t *late = fixture_journal(folder, old_word, BIG, pool);
    fixture_append(late, 3, 0, 100);
    CU_ASSERT_TRUE(next_is(reader, 3, 0));
    CU_ASSERT_TRUE(is_at_end(reader));
    apr_pool_destroy(pool);
}

static void removed_segment_is_noticed_and_made_anew(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    fixture_append(journal, 1, 0, 100);
    unlink(fixture_newest(folder, pool));
    cg_journal_refresh(journal);
    fixture_append(journal, 1, 1, 100);
    CU_ASSERT_TRUE(next_is(fixture_reader(folder, pool), 1, 1));
    apr_pool_destroy(pool);
}

static void node_keeps_its_name_and_a_broken_one_is_refused(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *one = fixture_journal(folder, shared, BIG, pool);
    cg_journal_t *two = fixture_journal(folder, shared, BIG, pool);
    CU_ASSERT_EQUAL(strlen(cg_journal_node(one)), CG_JOURNAL_NODE_LEN);
    CU_ASSERT_STRING_EQUAL(cg_journal_node(one), cg_journal_node(two));
    const char *path = apr_pstrcat(pool, folder, "/node", NULL);
    CU_ASSERT_EQUAL(truncate(path, 3), 0);
    cg_journal_t *three = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_journal_open(&three, folder, shared, BIG, &err, pool),
                    APR_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "16 hex digits"));
    apr_pool_destroy(pool);
}

static void folder_is_prepared_for_nobody_else(void)
{
    apr_pool_t *pool = new_pool();
    const char *base = fixture_folder(pool);
    const char *folder = apr_pstrcat(pool, base, "/journal", NULL);
    cg_error_t err = {""};
    struct stat info;
    CU_ASSERT_EQUAL(
        cg_journal_prepare(folder, (apr_uid_t)-1, (apr_gid_t)-1, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(stat(folder, &info), 0);
    CU_ASSERT_EQUAL(info.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL(
        cg_journal_prepare(folder, (apr_uid_t)-1, (apr_gid_t)-1, &err, pool),
        APR_SUCCESS);
    const char *nowhere = apr_pstrcat(pool, base, "/no/where", NULL);
    CU_ASSERT_NOT_EQUAL(
        cg_journal_prepare(nowhere, (apr_uid_t)-1, (apr_gid_t)-1, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/no/where"));
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    apr_pool_destroy(pool);
}

/* ---- several processes --------------------------------------------------- */

static void hold_the_lead(const char *folder, void *shared, int say)
{
    apr_pool_t *pool = new_pool();
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    char word = cg_journal_lead(journal) ? 'y' : 'n';
    if (write(say, &word, 1) == 1) {
        pause();
    }
    _exit(0);
}

static void only_one_leads_and_its_death_frees_the_place(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    int pipes[2];
    char word = '?';
    CU_ASSERT_FATAL(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        hold_the_lead(folder, shared, pipes[1]);
    }
    CU_ASSERT_EQUAL(read(pipes[0], &word, 1), 1);
    CU_ASSERT_EQUAL(word, 'y');
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    CU_ASSERT_FALSE(cg_journal_lead(journal));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CU_ASSERT_TRUE(cg_journal_lead(journal));
    CU_ASSERT_TRUE(cg_journal_lead(journal));
    cg_journal_resign(journal);
    cg_journal_t *other = fixture_journal(folder, shared, BIG, pool);
    CU_ASSERT_TRUE(cg_journal_lead(other));
    CU_ASSERT_FALSE(cg_journal_lead(journal));
    close(pipes[0]);
    close(pipes[1]);
    apr_pool_destroy(pool);
}

#define WRITERS 4
#define THREADS 2
#define EACH 3000

typedef struct writer_t {
    cg_journal_t *journal;
    int number;
} writer_t;

static void *write_many(void *data)
{
    const writer_t *writer = data;
    apr_pool_t *pool = new_pool();
    for (int i = 0; i < EACH; i++) {
        cg_journal_entry_t entry;
        cg_error_t err = {""};
        apr_pool_clear(pool);
        fixture_entry(writer->number, i, (size_t)(i % 7) * 100, &entry, pool);
        if (cg_journal_append(writer->journal, &entry, &err) != APR_SUCCESS) {
            _exit(1);
        }
    }
    return NULL;
}

static void write_from_threads(const char *folder, void *shared, int process)
{
    apr_pool_t *pool = new_pool();
    cg_journal_t *journal = fixture_journal(folder, shared, 65536, pool);
    pthread_t threads[THREADS];
    writer_t writers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (writer_t){journal, process * THREADS + i};
        pthread_create(&threads[i], NULL, write_many, &writers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    _exit(0);
}

/* Reads on until every writer's last record came or ten seconds pass. */
static int read_all(cg_journal_reader_t *reader, int *next)
{
    int read_count = 0;
    int wrong = 0;
    for (int idle = 0; idle < 10000 && read_count < WRITERS * THREADS * EACH;) {
        cg_journal_entry_t entry;
        cg_journal_position_t position;
        cg_error_t err = {""};
        int writer = 0;
        int number = 0;
        if (cg_journal_read_next(reader, &entry, &position, &err) !=
            APR_SUCCESS) {
            usleep(1000);
            idle++;
            continue;
        }
        wrong += !fixture_read(&entry, &writer, &number);
        wrong +=
            writer < 0 || writer >= WRITERS * THREADS || number != next[writer];
        next[writer % (WRITERS * THREADS)]++;
        read_count++;
        if (read_count % 5000 == 0) {
            cg_journal_reader_drop(reader,
                                   cg_clock_now() + apr_time_from_sec(9), 0);
        }
    }
    return wrong;
}

static void segments_change_under_four_processes_and_nothing_is_lost(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    pid_t children[WRITERS];
    int next[WRITERS * THREADS] = {0};
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            write_from_threads(folder, shared, i);
        }
    }
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    CU_ASSERT_EQUAL(read_all(reader, next), 0);
    for (int i = 0; i < WRITERS; i++) {
        CU_ASSERT_TRUE(fixture_wait(children[i]));
    }
    for (int i = 0; i < WRITERS * THREADS; i++) {
        CU_ASSERT_EQUAL(next[i], EACH);
    }
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_EQUAL(cg_journal_reader_skipped(reader), 0);
    apr_pool_destroy(pool);
}

/* Appends until killed, saying after each record that it is safe. */
static void append_until_killed(const char *folder, void *shared, int writer,
                                int say)
{
    apr_pool_t *pool = new_pool();
    cg_journal_t *journal = fixture_journal(folder, shared, 1 << 20, pool);
    apr_pool_t *round = new_pool();
    for (int i = 0;; i++) {
        cg_journal_entry_t entry;
        cg_error_t err = {""};
        apr_pool_clear(round);
        fixture_entry(writer, i, i % 3 == 0 ? 200000 : 500, &entry, round);
        if (cg_journal_append(journal, &entry, &err) != APR_SUCCESS ||
            write(say, &i, sizeof i) != (ssize_t)sizeof i) {
            _exit(1);
        }
    }
}

/* How many records did this child say are safe before it was killed? */
static int run_and_kill(const char *folder, void *shared, int writer)
{
    int pipes[2];
    int said = 0;
    int number = 0;
    CU_ASSERT_FATAL(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[0]);
        append_until_killed(folder, shared, writer, pipes[1]);
    }
    close(pipes[1]);
    /* At work, however slow this machine is. */
    CU_ASSERT_EQUAL(read(pipes[0], &number, sizeof number),
                    (ssize_t)sizeof number);
    said = 1;
    usleep((useconds_t)(rand() % 4000));
    kill(child, SIGKILL);
    while (read(pipes[0], &number, sizeof number) == (ssize_t)sizeof number) {
        said = number + 1;
    }
    close(pipes[0]);
    waitpid(child, NULL, 0);
    return said;
}

static void killed_writers_lose_nothing_they_said_was_safe(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    int said[KILLS];
    int seen[KILLS] = {0};
    int wrong = 0;
    int total = 0;
    for (int i = 0; i < KILLS; i++) {
        said[i] = run_and_kill(folder, shared, i);
        total += said[i];
    }
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    cg_journal_entry_t entry;
    cg_journal_position_t position;
    cg_error_t err = {""};
    while (cg_journal_read_next(reader, &entry, &position, &err) ==
           APR_SUCCESS) {
        int writer = 0;
        int number = 0;
        wrong += !fixture_read(&entry, &writer, &number);
        wrong += number != seen[writer]; /* once each, in order */
        seen[writer]++;
    }
    for (int i = 0; i < KILLS; i++) {
        /* One more may be there: written, but killed before it said so. */
        wrong += seen[i] < said[i] || seen[i] > said[i] + 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(total >= KILLS);
    apr_pool_destroy(pool);
}

/* ---- a disk that is full --------------------------------------------------
 */

/* The limit on the size of a file cuts a write short as a full disk does. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void fill_the_disk(const char *folder, void *shared)
{
    apr_pool_t *pool = new_pool();
    cg_journal_t *journal = fixture_journal(folder, shared, BIG, pool);
    cg_error_t err = {""};
    int number = 0;
    for (rlim_t room = 1000; room < 20000; room += 1713) {
        cg_journal_entry_t entry;
        limit_files(room);
        fixture_entry(1, number, 200, &entry, pool);
        while (cg_journal_append(journal, &entry, &err) == APR_SUCCESS) {
            number++;
            fixture_entry(1, number, 200, &entry, pool);
        }
        if (!strstr(err.text, "cannot append")) {
            _exit(2);
        }
    }
    limit_files(RLIM_INFINITY);
    fixture_append(journal, 1, number, 200);
    _exit(0);
}

static void full_disk_is_an_error_and_later_records_are_kept(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    pid_t child = fork();
    if (child == 0) {
        fill_the_disk(folder, shared);
    }
    CU_ASSERT_TRUE(fixture_wait(child));
    cg_journal_reader_t *reader = fixture_reader(folder, pool);
    int number = 0;
    while (next_is(reader, 1, number)) {
        number++;
    }
    CU_ASSERT_TRUE(number > 30);
    CU_ASSERT_TRUE(is_at_end(reader));
    CU_ASSERT_TRUE(cg_journal_reader_skipped(reader) > 5);
    apr_pool_destroy(pool);
}

static void what_was_appended_can_be_forced_to_the_disk(void)
{
    apr_pool_t *pool = new_pool();
    const char *folder = fixture_folder(pool);
    void *shared = fixture_shared(cg_journal_shared_bytes(), pool);
    cg_journal_t *journal = fixture_journal(folder, shared, 2000, pool);
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_journal_sync(journal, &err), APR_SUCCESS);
    for (int i = 0; i < 60; i++) {
        fixture_append(journal, 1, i, 100);
        CU_ASSERT_EQUAL(cg_journal_sync(journal, &err), APR_SUCCESS);
    }
    apr_pool_destroy(pool);
}

#define ROW(test)                                                              \
    {                                                                          \
#test, test                                                            \
    }

/* A frame as servers before keep_for wrote it: 52 bytes of numbers. */
static cg_str_t old_frame(const char *id, const char *json, apr_pool_t *pool)
{
    size_t id_len = strlen(id);
    size_t len = 52 + id_len + strlen(json);
    unsigned char *frame = apr_pcalloc(pool, 16 + len);
    unsigned char *payload = frame + 16;
    memcpy(frame, "\xFF" "CGJ", 4);
    payload[0] = 1;
    payload[3] = (unsigned char)id_len;
    payload[12] = 77; /* at */
    memcpy(payload + 52, id, id_len);
    memcpy(payload + 52 + id_len, json, strlen(json));
    uint32_t check = cg_crc32(0, payload, len);
    for (int i = 0; i < 4; i++) {
        frame[4 + i] = (unsigned char)(len >> (8 * i));
        frame[8 + i] = (unsigned char)(check >> (8 * i));
    }
    check = cg_crc32(0, frame, 12);
    for (int i = 0; i < 4; i++) {
        frame[12 + i] = (unsigned char)(check >> (8 * i));
    }
    return (cg_str_t){(const char *)frame, 16 + len};
}

static void frames_of_the_version_before_are_still_read(void)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    cg_str_t bytes = old_frame("abc", "{\"id\":\"abc\"}", pool);
    cg_journal_entry_t entry;
    size_t offset = 0, next = 0;
    CU_ASSERT_TRUE_FATAL(
        cg_journal_parse(bytes, true, &offset, &next, &entry));
    CU_ASSERT_EQUAL(next, bytes.len);
    CU_ASSERT_STRING_EQUAL(entry.id, "abc");
    CU_ASSERT_EQUAL(entry.at, 77);
    CU_ASSERT_EQUAL(entry.keep_for, 0);
    CU_ASSERT_TRUE(cg_str_is(entry.json, "{\"id\":\"abc\"}"));
    apr_pool_destroy(pool);
}

CU_TestInfo test_audit_journal[] = {
    {"frames_of_the_version_before_are_still_read",
     frames_of_the_version_before_are_still_read},
    ROW(what_is_appended_is_read_back),
    ROW(all_numbers_survive_the_frame),
    ROW(records_too_large_are_refused_whole),
    ROW(unfinished_frame_at_the_end_is_waited_for),
    ROW(torn_frames_are_passed_over_wherever_they_were_cut),
    ROW(torn_end_of_an_old_segment_is_left_behind),
    ROW(damaged_byte_costs_one_record_and_no_other),
    ROW(reader_goes_on_behind_a_position),
    ROW(shipped_segments_are_dropped_when_old_enough),
    ROW(idle_writer_keeps_the_reader_until_it_looks_around),
    ROW(old_generation_with_other_shared_memory_loses_nothing),
    ROW(removed_segment_is_noticed_and_made_anew),
    ROW(node_keeps_its_name_and_a_broken_one_is_refused),
    ROW(folder_is_prepared_for_nobody_else),
    ROW(only_one_leads_and_its_death_frees_the_place),
    ROW(segments_change_under_four_processes_and_nothing_is_lost),
    ROW(killed_writers_lose_nothing_they_said_was_safe),
    ROW(full_disk_is_an_error_and_later_records_are_kept),
    ROW(what_was_appended_can_be_forced_to_the_disk),
    CU_TEST_INFO_NULL,
};
