/* The numbers we publish: where they are counted.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The shared memory, one part after the other:
 *
 *   head: layout word, one row for each process that has streams open
 *   for each label set: its names, number 0 being "other"
 *   for each family: one number for each combination of its labels, all
 *   combinations in a row; a histogram has a small array instead of a number
 *
 * So a sample finds its word by three look-ups and two multiplications.
 */
#include "meter/metrics.h"
#include "meter/metrics_int.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/share.h"

#define LAYOUT INT64_C(0x43474D0000000003) /* change with the layout */
#define PROCESSES_MAX 256 /* the first is for those that never joined */
#define NAME_BYTES 96
#define HISTOGRAM_WORDS (CG_METER_BUCKETS + 2)
#define OTHER 0

enum { NAME_FREE, NAME_WRITTEN, NAME_READY };

typedef struct process_t {
    volatile int64_t pid;     /* atomic: 0 when free */
    volatile int64_t streams; /* atomic */
} process_t;

typedef struct head_t {
    volatile int64_t layout; /* LAYOUT + models_max */
    int64_t spare[7];
    process_t processes[PROCESSES_MAX];
} head_t;

typedef struct name_t {
    volatile int64_t state; /* atomic: free, being written, ready */
    char text[NAME_BYTES];
} name_t;

typedef struct known_t {
    cg_str_t name; /* in shared memory: never changes once ready */
    uint32_t number;
} known_t;

typedef struct set_t {
    name_t *names; /* of number 1 and up */
    size_t names_max;
    known_t *known; /* sorted, for look-up */
    size_t known_count;
} set_t;

struct cg_meter_t {
    head_t *head;
    size_t process; /* our row in head */
    set_t sets[CG_METER_LABEL_COUNT];
    volatile int64_t *words[CG_METRIC_COUNT];
};

const cg_metric_row_t cg_metric_rows[CG_METRIC_COUNT] = {
#define ROW(id, name, kind, a, b, c, scale, help)                              \
    [CG_METRIC_##id] = {name,                                                  \
                        CG_METRIC_##kind,                                      \
                        {CG_METER_##a, CG_METER_##b, CG_METER_##c},            \
                        scale,                                                 \
                        help},
    CG_METRICS(ROW)
#undef ROW
};

const char *const cg_meter_label_names[CG_METER_LABEL_COUNT] = {
#define LABEL_NAME(id, name, most) [CG_METER_##id] = name,
    CG_METER_LABELS(LABEL_NAME)
#undef LABEL_NAME
};

static const size_t LABEL_MOST[CG_METER_LABEL_COUNT] = {
#define LABEL_ROOM(id, name, most) [CG_METER_##id] = most,
    CG_METER_LABELS(LABEL_ROOM)
#undef LABEL_ROOM
};

const int64_t cg_meter_buckets[CG_METER_BUCKETS] = {
    5000,     10000,    25000,    50000,     100000,
    250000,   500000,   1000000,  2500000,   5000000,
    10000000, 30000000, 60000000, 120000000, 300000000};

/* ---- fixed label values ------------------------------------------------- */

static const char *const STATUSES[] = {
    "200", "201", "204", "206", "301", "302", "304", "307", "400", "401", "402",
    "403", "404", "405", "406", "408", "409", "411", "412", "413", "414", "415",
    "417", "422", "429", "431", "499", "500", "501", "502", "503", "504"};
static const char *const DIRECTIONS[] = {"input", "output", "request",
                                         "answer"};
static const char *const ACTIONS[] = {"mask", "block", "log", "allow",
                                      "pseudonym"};
static const char *const OUTCOMES[] = {
    "ok", "error", "timeout", "refused", "aborted", "retried", "skipped"};
static const char *const MODES[] = {"closed", "local", "open"};
static const char *const RESULTS[] = {"hit", "miss"};
static const char *const ALERTS[] = {"threshold", "forecast", "soft", "unusual",
                                     "test"};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- layout -------------------------------------------------------------- */

static size_t names_max(cg_meter_label_t label, size_t models_max)
{
    return label == CG_METER_MODEL ? models_max : LABEL_MOST[label];
}

/* Values of a label, "other" included; 1 for NONE. */
static size_t values_of(const cg_meter_t *meter, cg_meter_label_t label)
{
    return meter->sets[label].names_max + 1;
}

static size_t words_of(cg_metric_kind_t kind)
{
    return kind == CG_METRIC_HISTOGRAM ? HISTOGRAM_WORDS : 1;
}

static size_t round_up(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Sets the meter's pointers into memory and returns how many bytes that is;
 * memory may be NULL to learn the size only. */
static size_t lay_out(cg_meter_t *meter, char *memory, size_t models_max)
{
    size_t used = round_up(sizeof(head_t));
    for (int i = 0; i < CG_METER_LABEL_COUNT; i++) {
        set_t *set = &meter->sets[i];
        set->names_max = names_max((cg_meter_label_t)i, models_max);
        set->names = memory ? (name_t *)(void *)(memory + used) : NULL;
        used += round_up(set->names_max * sizeof(name_t));
    }
    for (int i = 0; i < CG_METRIC_COUNT; i++) {
        const cg_metric_row_t *row = &cg_metric_rows[i];
        size_t words = words_of(row->kind);
        for (int label = 0; label < CG_METER_LABELS_MAX; label++) {
            words *= values_of(meter, row->labels[label]);
        }
        meter->words[i] =
            memory ? (volatile int64_t *)(void *)(memory + used) : NULL;
        used += round_up(words * sizeof(int64_t));
    }
    return used;
}

/* ---- names ----------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    cg_str_t one = ((const known_t *)a)->name;
    cg_str_t two = ((const known_t *)b)->name;
    if (one.len != two.len) {
        return one.len < two.len ? -1 : 1;
    }
    return memcmp(one.ptr, two.ptr, one.len);
}

/* Puts a name into the first free place unless it is there already. */
static void add_name(set_t *set, const char *text)
{
    char cut[NAME_BYTES];
    apr_cpystrn(cut, text, sizeof cut);
    size_t len = cg_utf8_whole(cut, strlen(cut));
    cut[len] = '\0';
    for (size_t i = 0; i < set->names_max; i++) {
        name_t *name = &set->names[i];
        if (cg_atomic_swap_if(&name->state, NAME_FREE, NAME_WRITTEN)) {
            memcpy(name->text, cut, sizeof cut);
            cg_atomic_set(&name->state, NAME_READY);
            return;
        }
        if (cg_atomic_get(&name->state) == NAME_READY &&
            strcmp(name->text, cut) == 0) {
            return;
        }
    }
}

static void add_names(cg_meter_t *meter, cg_meter_label_t label,
                      const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] && *names[i] && strcmp(names[i], "other") != 0) {
            add_name(&meter->sets[label], names[i]);
        }
    }
}

static void learn_names(set_t *set, apr_pool_t *pool)
{
    set->known = apr_palloc(pool, (set->names_max + 1) * sizeof *set->known);
    set->known_count = 0;
    for (size_t i = 0; i < set->names_max; i++) {
        if (cg_atomic_get(&set->names[i].state) == NAME_READY) {
            set->known[set->known_count++] =
                (known_t){cg_str(set->names[i].text), (uint32_t)i + 1};
        }
    }
    qsort(set->known, set->known_count, sizeof *set->known, by_name);
}

static const char *name_of(const set_t *set, size_t number)
{
    if (number == OTHER) {
        return set->names_max ? "other" : "";
    }
    const name_t *name = &set->names[number - 1];
    return cg_atomic_get(&name->state) == NAME_READY ? name->text : "other";
}

static size_t number_of(const cg_meter_t *meter, cg_meter_label_t label,
                        cg_str_t name)
{
    const set_t *set = &meter->sets[label];
    known_t wanted = {.name = name};
    if (set->known_count == 0 || name.len == 0) {
        return OTHER;
    }
    const known_t *found = bsearch(&wanted, set->known, set->known_count,
                                   sizeof *set->known, by_name);
    return found ? found->number : OTHER;
}

/* ---- counting --------------------------------------------------------------
 */

static volatile int64_t *word_for(const cg_meter_t *meter, cg_metric_t metric,
                                  cg_str_t a, cg_str_t b, cg_str_t c)
{
    const cg_metric_row_t *row = &cg_metric_rows[metric];
    cg_str_t values[CG_METER_LABELS_MAX] = {a, b, c};
    size_t index = 0;
    for (int i = 0; i < CG_METER_LABELS_MAX; i++) {
        cg_meter_label_t label = row->labels[i];
        index = index * values_of(meter, label) +
                number_of(meter, label, values[i]);
    }
    return meter->words[metric] + index * words_of(row->kind);
}

static void add(cg_meter_t *meter, cg_metric_t metric, const char *a,
                const char *b, const char *c, int64_t by)
{
    if (by) {
        cg_atomic_add(word_for(meter, metric, cg_str(a), cg_str(b), cg_str(c)),
                      by);
    }
}

static void observe(cg_meter_t *meter, cg_metric_t metric, cg_str_t label,
                    apr_time_t took)
{
    if (took <= 0) {
        return;
    }
    volatile int64_t *words =
        word_for(meter, metric, label, CG_STR(""), CG_STR(""));
    int bucket = 0;
    while (bucket < CG_METER_BUCKETS && took > cg_meter_buckets[bucket]) {
        bucket++;
    }
    cg_atomic_add(&words[bucket], 1);
    cg_atomic_add(&words[CG_METER_BUCKETS + 1], took);
}

static void add_model(cg_meter_t *meter, cg_metric_t metric, cg_str_t model,
                      const char *direction, int64_t by)
{
    if (by > 0) {
        cg_atomic_add(
            word_for(meter, metric, model, cg_str(direction), CG_STR("")), by);
    }
}

/* ---- processes --------------------------------------------------------------
 */

static bool is_dead(int64_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static int64_t streams_open(const cg_meter_t *meter)
{
    int64_t sum = 0;
    for (size_t i = 0; i < PROCESSES_MAX; i++) {
        const process_t *process = &meter->head->processes[i];
        int64_t streams = cg_atomic_get(&process->streams);
        int64_t pid = cg_atomic_get(&process->pid);
        if (streams && (i == 0 || (pid && !is_dead(pid)))) {
            sum += streams;
        }
    }
    return sum;
}

/* ---- public
 * ------------------------------------------------------------------ */

size_t cg_meter_bytes(size_t models_max)
{
    cg_meter_t meter;
    return lay_out(&meter, NULL, models_max);
}

cg_meter_t *cg_meter_attach(void *memory, size_t models_max,
                            const cg_meter_names_t *names, apr_pool_t *pool)
{
    cg_meter_t *meter = apr_pcalloc(pool, sizeof *meter);
    size_t bytes = lay_out(meter, memory, models_max);
    meter->head = memory;
    int64_t layout = LAYOUT + ((int64_t)models_max << 16);
    if (cg_atomic_get(&meter->head->layout) != layout) {
        memset(memory, 0, bytes);
        cg_atomic_set(&meter->head->layout, layout);
    }
    add_names(meter, CG_METER_STATUS, STATUSES, COUNT_OF(STATUSES));
    add_names(meter, CG_METER_DIRECTION, DIRECTIONS, COUNT_OF(DIRECTIONS));
    add_names(meter, CG_METER_ACTION, ACTIONS, COUNT_OF(ACTIONS));
    add_names(meter, CG_METER_OUTCOME, OUTCOMES, COUNT_OF(OUTCOMES));
    add_names(meter, CG_METER_MODE, MODES, COUNT_OF(MODES));
    add_names(meter, CG_METER_RESULT, RESULTS, COUNT_OF(RESULTS));
    add_names(meter, CG_METER_ALERT, ALERTS, COUNT_OF(ALERTS));
    add_names(meter, CG_METER_ENDPOINT, names->endpoints,
              names->endpoints_count);
    add_names(meter, CG_METER_MODEL, names->models, names->models_count);
    add_names(meter, CG_METER_REASON, names->reasons, names->reasons_count);
    add_names(meter, CG_METER_FINDING, names->findings, names->findings_count);
    add_names(meter, CG_METER_UPSTREAM, names->upstreams,
              names->upstreams_count);
    add_names(meter, CG_METER_OPERATION, names->operations,
              names->operations_count);
    for (int i = 0; i < CG_METER_LABEL_COUNT; i++) {
        learn_names(&meter->sets[i], pool);
    }
    return meter;
}

void cg_meter_join(cg_meter_t *meter)
{
    int64_t self = (int64_t)getpid();
    for (size_t i = 1; i < PROCESSES_MAX; i++) {
        process_t *process = &meter->head->processes[i];
        int64_t pid = cg_atomic_get(&process->pid);
        bool is_free = pid == 0 || pid == self || is_dead(pid);
        if (is_free && cg_atomic_swap_if(&process->pid, pid, self)) {
            cg_atomic_set(&process->streams, 0);
            meter->process = i;
            return;
        }
    }
}

void cg_meter_leave(cg_meter_t *meter)
{
    if (meter->process) {
        process_t *process = &meter->head->processes[meter->process];
        cg_atomic_set(&process->streams, 0);
        cg_atomic_set(&process->pid, 0);
        meter->process = 0;
    }
}

void cg_meter_request(cg_meter_t *meter, const cg_meter_sample_t *sample)
{
    char status[12];
    cg_str_t endpoint = cg_str(sample->endpoint);
    snprintf(status, sizeof status, "%d", sample->status);
    cg_atomic_add(word_for(meter, CG_METRIC_REQUESTS, endpoint, sample->model,
                           cg_str(status)),
                  1);
    add_model(meter, CG_METRIC_TOKENS, sample->model, "input",
              sample->input_tokens);
    add_model(meter, CG_METRIC_TOKENS, sample->model, "output",
              sample->output_tokens);
    add_model(meter, CG_METRIC_COST, sample->model, NULL, sample->cost_micros);
    if (sample->reason && *sample->reason) {
        add(meter, CG_METRIC_REFUSED, sample->reason, NULL, NULL, 1);
    }
    for (size_t i = 0; i < sample->findings_count; i++) {
        const cg_meter_finding_t *finding = &sample->findings[i];
        add(meter, CG_METRIC_FINDINGS, finding->type, finding->direction,
            finding->action, finding->count);
    }
    observe(meter, CG_METRIC_REQUEST_DURATION, endpoint, sample->took);
    observe(meter, CG_METRIC_UPSTREAM_DURATION, sample->model,
            sample->upstream_took);
    observe(meter, CG_METRIC_FIRST_TOKEN, sample->model,
            sample->first_byte_took);
}

void cg_meter_stream_open(cg_meter_t *meter)
{
    cg_atomic_add(&meter->head->processes[meter->process].streams, 1);
}

void cg_meter_stream_close(cg_meter_t *meter)
{
    cg_atomic_add(&meter->head->processes[meter->process].streams, -1);
}

void cg_meter_attempt(cg_meter_t *meter, const char *upstream,
                      const char *outcome)
{
    add(meter, CG_METRIC_UPSTREAM_ATTEMPTS, upstream, outcome, NULL, 1);
}

void cg_meter_limit_local(cg_meter_t *meter, const char *mode)
{
    add(meter, CG_METRIC_LIMITS_LOCAL, mode, NULL, NULL, 1);
}

void cg_meter_redact_cache(cg_meter_t *meter, int64_t hits, int64_t misses)
{
    if (hits) {
        add(meter, CG_METRIC_REDACT_CACHE, "hit", NULL, NULL, hits);
    }
    if (misses) {
        add(meter, CG_METRIC_REDACT_CACHE, "miss", NULL, NULL, misses);
    }
}

void cg_meter_detector(cg_meter_t *meter, const char *outcome)
{
    add(meter, CG_METRIC_DETECTOR, outcome, NULL, NULL, 1);
}

void cg_meter_store_error(cg_meter_t *meter, const char *operation)
{
    add(meter, CG_METRIC_STORE_ERRORS, operation, NULL, NULL, 1);
}

void cg_meter_store_up(cg_meter_t *meter, bool is_up)
{
    cg_atomic_set(meter->words[CG_METRIC_STORE_UP], is_up);
}

void cg_meter_alert(cg_meter_t *meter, const char *kind)
{
    add(meter, CG_METRIC_ALERTS, kind, NULL, NULL, 1);
}

void cg_meter_alert_sent(cg_meter_t *meter, const char *outcome)
{
    add(meter, CG_METRIC_ALERTS_SENT, outcome, NULL, NULL, 1);
}

void cg_meter_alerts(cg_meter_t *meter, int64_t waiting, int64_t dead)
{
    cg_atomic_set(meter->words[CG_METRIC_ALERTS_WAITING], waiting);
    cg_atomic_set(meter->words[CG_METRIC_ALERTS_DEAD], dead);
}

void cg_meter_keys_expiring(cg_meter_t *meter, int64_t keys)
{
    cg_atomic_set(meter->words[CG_METRIC_KEYS_EXPIRING], keys);
}

void cg_meter_credentials(cg_meter_t *meter, int64_t troubled)
{
    cg_atomic_set(meter->words[CG_METRIC_CREDENTIALS_TROUBLED], troubled);
}

void cg_meter_policy(cg_meter_t *meter, int64_t version, int64_t published_at)
{
    cg_atomic_set(meter->words[CG_METRIC_POLICY_VERSION], version);
    cg_atomic_set(meter->words[CG_METRIC_POLICY_AT], published_at);
}

void cg_meter_journal_error(cg_meter_t *meter)
{
    cg_atomic_add(meter->words[CG_METRIC_JOURNAL_ERRORS], 1);
}

void cg_meter_journal_skipped(cg_meter_t *meter, int64_t places)
{
    cg_atomic_add(meter->words[CG_METRIC_JOURNAL_SKIPPED], places);
}

void cg_meter_journal_backlog(cg_meter_t *meter, int64_t bytes, int64_t records)
{
    cg_atomic_set(meter->words[CG_METRIC_JOURNAL_BYTES], bytes);
    cg_atomic_set(meter->words[CG_METRIC_JOURNAL_RECORDS], records);
}

/* ---- reading
 * ------------------------------------------------------------------ */

static bool copy(const cg_meter_t *meter, cg_metric_t metric, size_t index,
                 int64_t *out)
{
    size_t words = words_of(cg_metric_rows[metric].kind);
    int64_t any = 0;
    for (size_t i = 0; i < words; i++) {
        out[i] = cg_atomic_get(meter->words[metric] + index * words + i);
        any |= out[i];
    }
    if (metric == CG_METRIC_STREAMS_OPEN) {
        out[0] = streams_open(meter);
    }
    return any != 0 || cg_metric_rows[metric].labels[0] == CG_METER_NONE;
}

void cg_meter_each(const cg_meter_t *meter, cg_metric_t metric,
                   cg_meter_on_series on_series, void *baton)
{
    const cg_metric_row_t *row = &cg_metric_rows[metric];
    size_t counts[CG_METER_LABELS_MAX];
    size_t all = 1;
    for (int i = 0; i < CG_METER_LABELS_MAX; i++) {
        counts[i] = values_of(meter, row->labels[i]);
        all *= counts[i];
    }
    for (size_t index = 0; index < all; index++) {
        int64_t words[HISTOGRAM_WORDS];
        if (!copy(meter, metric, index, words)) {
            continue;
        }
        const char *values[CG_METER_LABELS_MAX];
        size_t rest = index;
        for (int i = CG_METER_LABELS_MAX - 1; i >= 0; i--) {
            values[i] = name_of(&meter->sets[row->labels[i]], rest % counts[i]);
            rest /= counts[i];
        }
        on_series(baton, row, values, words);
    }
}

static void sum_all(void *baton, const cg_metric_row_t *row,
                    const char *const *values, const int64_t *words)
{
    (void)row;
    (void)values;
    *(int64_t *)baton += words[0];
}

static int64_t total_of(const cg_meter_t *meter, cg_metric_t metric)
{
    int64_t total = 0;
    cg_meter_each(meter, metric, sum_all, &total);
    return total;
}

static void sum_failed(void *baton, const cg_metric_row_t *row,
                       const char *const *values, const int64_t *words)
{
    (void)row;
    *(int64_t *)baton += values[2][0] == '5' ? words[0] : 0;
}

static void sum_tokens(void *baton, const cg_metric_row_t *row,
                       const char *const *values, const int64_t *words)
{
    (void)row;
    cg_meter_summary_t *out = baton;
    if (strcmp(values[1], "input") == 0) {
        out->input_tokens += words[0];
    }
    else {
        out->output_tokens += words[0];
    }
}

void cg_meter_summary(const cg_meter_t *meter, cg_meter_summary_t *out)
{
    *out = (cg_meter_summary_t){
        .requests = total_of(meter, CG_METRIC_REQUESTS),
        .refused = total_of(meter, CG_METRIC_REFUSED),
        .findings = total_of(meter, CG_METRIC_FINDINGS),
        .cost_micros = total_of(meter, CG_METRIC_COST),
        .streams_open = streams_open(meter),
        .store_errors = total_of(meter, CG_METRIC_STORE_ERRORS),
        .journal_errors = total_of(meter, CG_METRIC_JOURNAL_ERRORS),
        .journal_backlog_bytes = total_of(meter, CG_METRIC_JOURNAL_BYTES),
        .journal_backlog_records = total_of(meter, CG_METRIC_JOURNAL_RECORDS),
        .is_store_up = total_of(meter, CG_METRIC_STORE_UP) != 0,
    };
    cg_meter_each(meter, CG_METRIC_REQUESTS, sum_failed, &out->failed);
    cg_meter_each(meter, CG_METRIC_TOKENS, sum_tokens, out);
}

int64_t cg_meter_value(const cg_meter_t *meter, cg_metric_t metric,
                       const char *a, const char *b, const char *c)
{
    return cg_atomic_get(
        word_for(meter, metric, cg_str(a), cg_str(b), cg_str(c)));
}
