/* Is there a word near that says what this number is?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The labels of all rows are put into one table by their first bytes. The text
 * before a value is walked through once, on demand: no value, no walk. Each
 * type keeps the place of its last label.
 */
#include "redact/redact_int.h"

#include <pthread.h>
#include <string.h>

#define BUCKETS 4096
#define PAIRS 512
#define LABELS_MAX 1024
#define LABEL_BYTES_MAX 48
#define STEP_BACK_MAX 4

typedef struct label_t {
    const char *text;
    uint8_t len;
    uint8_t type;
    int16_t next;
} label_t;

/* Built once per process from constant data, constant afterwards. */
static struct {
    pthread_once_t once;
    label_t labels[LABELS_MAX];
    int count;
    int16_t bucket[BUCKETS]; /* by three bytes */
    int16_t pair[PAIRS];     /* by two: where the third may be anything */
} table = {.once = PTHREAD_ONCE_INIT};

/* Words that say a number is something else. */
static const char counter_words[] =
    "order order_no order_number order_id tracking tracking_no sku serial "
    "serial_number invoice imei iccid isbn issn sha commit uuid guid version "
    "transaction transaction_id batch ticket snowflake tweet_id message_id "
    "timestamp ts code release firmware ref reference reference_no waybill "
    "parcel shipment build "
    "part_no part_number model docket "
    "checksum hash digest nonce seq request_id trace_id session_id txn "
    "订单 快递 流水 单号 编号 序列号 时间戳 交易号 批次 运单 物流 版本 条码 "
    "書號 书号 訂單 发票 学号 工号 数量";

/* Words for any number; they lift what is grouped oddly, no more. */
static const char number_words[] = "number 号码 號碼 番号 번호 卡号";

static unsigned fold_byte(unsigned c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static unsigned bucket_of(unsigned a, unsigned b, unsigned c)
{
    return ((fold_byte(a) * 31 + fold_byte(b)) * 31 + fold_byte(c)) % BUCKETS;
}

static unsigned pair_of(unsigned a, unsigned b)
{
    return (fold_byte(a) * 31 + fold_byte(b)) % PAIRS;
}

static void add_labels(const char *words, int type)
{
    while (words && *words) {
        size_t len = strcspn(words, " ");
        if (len >= 2 && len <= LABEL_BYTES_MAX && table.count < LABELS_MAX) {
            label_t *label = &table.labels[table.count];
            const unsigned char *p = (const unsigned char *)words;
            bool is_short = len == 2 || p[2] == '_';
            int16_t *first = is_short
                                 ? &table.pair[pair_of(p[0], p[1])]
                                 : &table.bucket[bucket_of(p[0], p[1], p[2])];
            *label = (label_t){words, (uint8_t)len, (uint8_t)type, *first};
            *first = (int16_t)table.count++;
        }
        words += len;
        words += strspn(words, " ");
    }
}

static void build(void)
{
    memset(table.bucket, 0xff, sizeof table.bucket);
    memset(table.pair, 0xff, sizeof table.pair);
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        add_labels(cg_detectors[type].contexts, type);
    }
    add_labels(counter_words, CG_LABEL_COUNTER);
    add_labels(number_words, CG_LABEL_NUMBER);
}

/* Does the label stand at at, ending before end? Returns where, or 0. */
static uint32_t label_here(const cg_window_t *w, uint32_t at, uint32_t end,
                           const label_t *label)
{
    const unsigned char *t = w->text;
    uint32_t i = at;
    for (uint8_t k = 0; k < label->len; k++) {
        unsigned want = (unsigned char)label->text[k];
        if (want == '_') {
            if (i < end && (t[i] == ' ' || t[i] == '_' || t[i] == '-')) {
                i++;
            }
            continue;
        }
        if (i >= end || fold_byte(t[i]) != fold_byte(want)) {
            return 0;
        }
        i++;
    }
    if (!cg_is(t[i - 1], CG_C_ALNUM) || i >= end) {
        return i;
    }
    if (t[i] == 's' && (i + 1 >= end || !cg_is(t[i + 1], CG_C_LOWER))) {
        return i + 1;
    }
    return cg_is(t[i], CG_C_LOWER) ? 0 : i;
}

/* May an ASCII label begin at at? At a word's beginning, or at a hump. */
static bool is_word_start(const cg_window_t *w, uint32_t at)
{
    unsigned before = cg_before(w, at);
    return !cg_is(before, CG_C_ALPHA) ||
           (cg_is(before, CG_C_LOWER) && cg_is(w->text[at], CG_C_UPPER));
}

static void note_chain(cg_window_t *w, uint32_t at, uint32_t end, int16_t i)
{
    for (; i >= 0; i = table.labels[i].next) {
        uint32_t stop = label_here(w, at, end, &table.labels[i]);
        uint32_t *known = &w->label_end[table.labels[i].type];
        if (stop + 1 > *known && stop > 0) {
            *known = stop + 1;
            w->label_last = stop + 1 > w->label_last ? stop + 1 : w->label_last;
        }
    }
}

static void note_labels(cg_window_t *w, uint32_t at, uint32_t end)
{
    const unsigned char *t = w->text;
    if (at + 2 < end) {
        note_chain(w, at, end,
                   table.bucket[bucket_of(t[at], t[at + 1], t[at + 2])]);
    }
    note_chain(w, at, end, table.pair[pair_of(t[at], t[at + 1])]);
}

/* Walks on to start. */
static void advance(cg_window_t *w, uint32_t start)
{
    const uint32_t back = CG_CONTEXT_BACK + LABEL_BYTES_MAX + STEP_BACK_MAX;
    uint32_t at = w->label_at;
    if (start < at && at - start <= STEP_BACK_MAX &&
        w->label_last <= start + 1) {
        return; /* no label ended between: from "(1" back to "(" */
    }
    if (start < at || at == 0) {
        memset(w->label_end, 0, sizeof w->label_end);
        w->label_last = 0;
        at = 0;
    }
    /* A label may reach over the place where the last walk stopped, but not
     * over a digit: labels have none. */
    uint32_t least = at > LABEL_BYTES_MAX ? at - LABEL_BYTES_MAX : 0;
    if (at < start && !cg_is(w->text[at], CG_C_DIGIT)) {
        while (at > least && !cg_is(w->text[at - 1], CG_C_DIGIT)) {
            at--;
        }
    }
    if (start > back && at < start - back) {
        at = start - back;
    }
    for (; at + 1 < start; at++) {
        unsigned c = w->text[at];
        if (c >= 0xC0 || (cg_is(c, CG_C_ALPHA) && is_word_start(w, at))) {
            note_labels(w, at, start);
        }
        /* Behind a letter no small letter begins a word. */
        while (at + 2 < start && cg_is(w->text[at], CG_C_ALPHA) &&
               cg_is(w->text[at + 1], CG_C_LOWER)) {
            at++;
        }
    }
    w->label_at = start;
}

static void look(cg_window_t *w, uint32_t start)
{
    if (w->label_at != start || start == 0) {
        pthread_once(&table.once, build);
        advance(w, start);
    }
}

bool cg_has_label(cg_window_t *w, uint32_t start)
{
    look(w, start);
    return w->label_last > 0 && start + 1 - w->label_last <= CG_CONTEXT_BACK;
}

bool cg_label_touches(cg_window_t *w, uint32_t start)
{
    look(w, start);
    return w->label_last == start + 1;
}

int cg_label_distance(cg_window_t *w, int type, uint32_t start)
{
    look(w, start);
    uint32_t end = w->label_end[type];
    if (end == 0 || end - 1 > start) {
        return -1;
    }
    uint32_t distance = start - (end - 1);
    return distance <= CG_CONTEXT_BACK ? (int)distance : -1;
}
