/* Are the numbers counted where they belong, and kept when things change?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "meter/metrics.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

extern CU_TestInfo test_meter_metrics[];

static const char *const ENDPOINTS[] = {"chat.completions", "embeddings"};
static const char *const MODELS[] = {"gpt-4o", "gpt-4o-mini", "other", ""};
static const char *const REASONS[] = {"rate_limit_exceeded", "invalid_api_key"};
static const char *const TYPES[] = {"email", "us_ssn"};
static const char *const UPSTREAMS[] = {"openai-1"};
static const char *const OPERATIONS[] = {"admit"};

#define MODELS_MAX 8

static const cg_meter_names_t NAMES = {
    .endpoints = ENDPOINTS,
    .endpoints_count = 2,
    .models = MODELS,
    .models_count = 4,
    .reasons = REASONS,
    .reasons_count = 2,
    .findings = TYPES,
    .findings_count = 2,
    .upstreams = UPSTREAMS,
    .upstreams_count = 1,
    .operations = OPERATIONS,
    .operations_count = 1,
};

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(memory != MAP_FAILED);
    return memory;
}

typedef struct place_t {
    apr_pool_t *pool;
    void *memory;
    cg_meter_t *meter;
} place_t;

static place_t set_up(void)
{
    place_t place = {0};
    apr_pool_create(&place.pool, NULL);
    place.memory = map(cg_meter_bytes(MODELS_MAX));
    place.meter = cg_meter_attach(place.memory, MODELS_MAX, &NAMES, place.pool);
    return place;
}

static void tear_down(place_t *place)
{
    munmap(place->memory, cg_meter_bytes(MODELS_MAX));
    apr_pool_destroy(place->pool);
}

static cg_meter_sample_t sample(const char *model, int status)
{
    static const cg_meter_finding_t FINDINGS[] = {
        {"email", "request", "mask", 3}, {"us_ssn", "answer", "block", 1}};
    return (cg_meter_sample_t){
        .endpoint = "chat.completions",
        .model = cg_str(model),
        .status = status,
        .reason = "",
        .input_tokens = 10,
        .output_tokens = 20,
        .cost_micros = 300,
        .findings = FINDINGS,
        .findings_count = 2,
        .took = 1500000,
        .upstream_took = 1400000,
        .first_byte_took = 90000,
    };
}

static void one_request_moves_all_its_numbers(void)
{
    place_t place = set_up();
    cg_meter_sample_t one = sample("gpt-4o", 200);
    cg_meter_request(place.meter, &one);
    cg_meter_request(place.meter, &one);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_REQUESTS,
                                   "chat.completions", "gpt-4o", "200"),
                    2);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_REQUESTS,
                                   "chat.completions", "gpt-4o-mini", "200"),
                    0);
    CU_ASSERT_EQUAL(
        cg_meter_value(place.meter, CG_METRIC_TOKENS, "gpt-4o", "input", NULL),
        20);
    CU_ASSERT_EQUAL(
        cg_meter_value(place.meter, CG_METRIC_TOKENS, "gpt-4o", "output", NULL),
        40);
    CU_ASSERT_EQUAL(
        cg_meter_value(place.meter, CG_METRIC_COST, "gpt-4o", NULL, NULL), 600);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_FINDINGS, "email",
                                   "request", "mask"),
                    6);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_FINDINGS, "us_ssn",
                                   "answer", "block"),
                    2);
    tear_down(&place);
}

static void names_in_no_set_count_as_other(void)
{
    place_t place = set_up();
    cg_meter_sample_t one = sample("invented-by-a-caller", 299);
    one.endpoint = NULL;
    one.reason = "no_such_reason";
    cg_meter_request(place.meter, &one);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_REQUESTS, "other",
                                   "other", "other"),
                    1);
    CU_ASSERT_EQUAL(
        cg_meter_value(place.meter, CG_METRIC_REFUSED, "other", NULL, NULL), 1);
    cg_meter_attempt(place.meter, "nobody", "strange");
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_UPSTREAM_ATTEMPTS,
                                   "other", "other", NULL),
                    1);
    tear_down(&place);
}

static void small_calls_count_too(void)
{
    place_t place = set_up();
    cg_meter_attempt(place.meter, "openai-1", "timeout");
    cg_meter_limit_local(place.meter, "local");
    cg_meter_store_error(place.meter, "admit");
    cg_meter_store_error(place.meter, "admit");
    cg_meter_store_up(place.meter, true);
    cg_meter_journal_error(place.meter);
    cg_meter_journal_skipped(place.meter, 2);
    cg_meter_journal_backlog(place.meter, 5000, 5);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_UPSTREAM_ATTEMPTS,
                                   "openai-1", "timeout", NULL),
                    1);
    CU_ASSERT_EQUAL(cg_meter_value(place.meter, CG_METRIC_LIMITS_LOCAL, "local",
                                   NULL, NULL),
                    1);
    cg_meter_summary_t summary;
    cg_meter_summary(place.meter, &summary);
    CU_ASSERT_TRUE(summary.is_store_up);
    CU_ASSERT_EQUAL(summary.store_errors, 2);
    CU_ASSERT_EQUAL(summary.journal_errors, 1);
    CU_ASSERT_EQUAL(summary.journal_backlog_bytes, 5000);
    CU_ASSERT_EQUAL(summary.journal_backlog_records, 5);
    cg_meter_store_up(place.meter, false);
    cg_meter_summary(place.meter, &summary);
    CU_ASSERT_FALSE(summary.is_store_up);
    tear_down(&place);
}

static void summary_adds_up_over_all_labels(void)
{
    place_t place = set_up();
    cg_meter_sample_t served = sample("gpt-4o", 200);
    cg_meter_sample_t failed = sample("gpt-4o-mini", 502);
    cg_meter_sample_t refused = sample("", 429);
    refused.reason = "rate_limit_exceeded";
    cg_meter_request(place.meter, &served);
    cg_meter_request(place.meter, &failed);
    cg_meter_request(place.meter, &refused);
    cg_meter_summary_t summary;
    cg_meter_summary(place.meter, &summary);
    CU_ASSERT_EQUAL(summary.requests, 3);
    CU_ASSERT_EQUAL(summary.failed, 1);
    CU_ASSERT_EQUAL(summary.refused, 1);
    CU_ASSERT_EQUAL(summary.input_tokens, 30);
    CU_ASSERT_EQUAL(summary.output_tokens, 60);
    CU_ASSERT_EQUAL(summary.cost_micros, 900);
    CU_ASSERT_EQUAL(summary.findings, 12);
    tear_down(&place);
}

static void numbers_survive_a_restart_with_other_models(void)
{
    static const char *const NEW_MODELS[] = {"o9", "gpt-4o-mini"};
    place_t place = set_up();
    cg_meter_sample_t one = sample("gpt-4o-mini", 200);
    cg_meter_request(place.meter, &one);
    cg_meter_names_t names = NAMES;
    names.models = NEW_MODELS;
    names.models_count = 2;
    cg_meter_t *next =
        cg_meter_attach(place.memory, MODELS_MAX, &names, place.pool);
    cg_meter_sample_t other = sample("o9", 200);
    cg_meter_request(next, &other);
    cg_meter_request(next, &one);
    cg_meter_request(place.meter, &one); /* a child of the old generation */
    CU_ASSERT_EQUAL(cg_meter_value(next, CG_METRIC_REQUESTS, "chat.completions",
                                   "gpt-4o-mini", "200"),
                    3);
    CU_ASSERT_EQUAL(cg_meter_value(next, CG_METRIC_REQUESTS, "chat.completions",
                                   "o9", "200"),
                    1);
    tear_down(&place);
}

static void names_beyond_the_room_are_other_and_do_no_harm(void)
{
    static char texts[40][24];
    const char *many[40];
    place_t place = set_up();
    for (int i = 0; i < 40; i++) {
        snprintf(texts[i], sizeof texts[i], "model-%d", i);
        many[i] = texts[i];
    }
    cg_meter_names_t names = NAMES;
    names.models = many;
    names.models_count = 40;
    cg_meter_t *meter =
        cg_meter_attach(place.memory, MODELS_MAX, &names, place.pool);
    for (int i = 0; i < 40; i++) {
        cg_meter_sample_t one = sample(many[i], 200);
        cg_meter_request(meter, &one);
    }
    cg_meter_summary_t summary;
    cg_meter_summary(meter, &summary);
    CU_ASSERT_EQUAL(summary.requests, 40);
    /* Two names were there, six more found room. */
    CU_ASSERT_EQUAL(cg_meter_value(meter, CG_METRIC_REQUESTS,
                                   "chat.completions", "other", "200"),
                    34);
    tear_down(&place);
}

static void memory_of_another_size_is_laid_out_anew(void)
{
    place_t place = set_up();
    cg_meter_sample_t one = sample("gpt-4o", 200);
    cg_meter_request(place.meter, &one);
    cg_meter_t *smaller =
        cg_meter_attach(place.memory, MODELS_MAX - 1, &NAMES, place.pool);
    cg_meter_summary_t summary;
    cg_meter_summary(smaller, &summary);
    CU_ASSERT_EQUAL(summary.requests, 0);
    tear_down(&place);
}

static int64_t streams(const cg_meter_t *meter)
{
    cg_meter_summary_t summary;
    cg_meter_summary(meter, &summary);
    return summary.streams_open;
}

static void streams_of_a_killed_child_are_not_open(void)
{
    place_t place = set_up();
    cg_meter_join(place.meter);
    cg_meter_stream_open(place.meter);
    int pipes[2];
    char byte = 0;
    CU_ASSERT_FATAL(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        cg_meter_join(place.meter);
        cg_meter_stream_open(place.meter);
        cg_meter_stream_open(place.meter);
        if (write(pipes[1], "x", 1) == 1) {
            pause();
        }
        _exit(0);
    }
    CU_ASSERT_EQUAL(read(pipes[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(streams(place.meter), 3);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CU_ASSERT_EQUAL(streams(place.meter), 1);
    cg_meter_stream_close(place.meter);
    CU_ASSERT_EQUAL(streams(place.meter), 0);
    cg_meter_leave(place.meter);
    cg_meter_stream_open(place.meter); /* unnamed, but counted */
    CU_ASSERT_EQUAL(streams(place.meter), 1);
    close(pipes[0]);
    close(pipes[1]);
    tear_down(&place);
}

#define THREADS 4
#define EACH 20000

static void *count_many(void *meter)
{
    cg_meter_sample_t one = sample("gpt-4o", 200);
    for (int i = 0; i < EACH; i++) {
        cg_meter_request(meter, &one);
    }
    return NULL;
}

static void nothing_is_lost_when_many_count_at_once(void)
{
    place_t place = set_up();
    pthread_t threads[THREADS];
    pid_t child = fork();
    if (child == 0) {
        count_many(place.meter);
        _exit(0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, count_many, place.meter);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    waitpid(child, NULL, 0);
    cg_meter_summary_t summary;
    cg_meter_summary(place.meter, &summary);
    CU_ASSERT_EQUAL(summary.requests, (THREADS + 1) * EACH);
    CU_ASSERT_EQUAL(summary.output_tokens, (THREADS + 1) * EACH * 20);
    tear_down(&place);
}

#define ROW(test)                                                              \
    {                                                                          \
#test, test                                                            \
    }

CU_TestInfo test_meter_metrics[] = {
    ROW(one_request_moves_all_its_numbers),
    ROW(names_in_no_set_count_as_other),
    ROW(small_calls_count_too),
    ROW(summary_adds_up_over_all_labels),
    ROW(numbers_survive_a_restart_with_other_models),
    ROW(names_beyond_the_room_are_other_and_do_no_harm),
    ROW(memory_of_another_size_is_laid_out_anew),
    ROW(streams_of_a_killed_child_are_not_open),
    ROW(nothing_is_lost_when_many_count_at_once),
    CU_TEST_INFO_NULL,
};
