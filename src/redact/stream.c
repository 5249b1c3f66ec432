/* Masking a text that arrives in pieces.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The struct holds the bytes not yet decided and what the engine must know of
 * the text before. Each delta is laid behind them, piece by piece, and a window
 * of the engine says how far it is decided; the working arrays stand on the
 * stack of the call.
 */
#include "redact/stream.h"

#include <string.h>

#include "redact/redact_int.h"

#define PIECE_BYTES 768 /* what a window takes in beside what is held */
#define WINDOW_BYTES (CG_STREAM_HELD_MAX + PIECE_BYTES)
#define CANDIDATES 256

struct cg_stream_t {
    const cg_rules_t *rules;
    const cg_actions_t *actions;
    cg_pseudonyms_t *pseudonyms;
    apr_array_header_t *masks; /* of cg_masked_t; NULL: unwanted */
    cg_engine_t engine;
    cg_tally_t tally;
    uint32_t held_len;
    bool is_blocked;
    uint8_t blocked_by;
    bool is_passing; /* the finding that goes on is not masked */
    char held[CG_STREAM_HELD_MAX];
};

typedef struct job_t {
    cg_stream_t *stream;
    const char *src;
    uint32_t at; /* put out, or replaced, up to here */
    cg_buf_t *out;
} job_t;

cg_stream_t *cg_stream_open(const cg_rules_t *rules,
                            const cg_actions_t *actions,
                            cg_pseudonyms_t *pseudonyms, apr_pool_t *pool)
{
    cg_stream_t *stream = apr_pcalloc(pool, sizeof *stream);
    stream->pseudonyms = pseudonyms;
    stream->rules = rules;
    stream->actions = actions;
    cg_engine_init(&stream->engine, rules, false);
    return stream;
}

void cg_stream_note_masks(cg_stream_t *stream, apr_array_header_t *masks)
{
    stream->masks = masks;
}

static void put_raw(job_t *job, uint32_t end)
{
    if (!job->stream->is_blocked) {
        cg_buf_add(job->out, job->src + job->at, end - job->at);
    }
    job->at = end;
}

/* Says where a mask stands in the place of value. */
static void note_mask(cg_stream_t *stream, size_t start, size_t end,
                      cg_str_t value)
{
    cg_masked_t mask = {.start = start, .end = end};
    size_t len = value.len < sizeof mask.stood ? value.len : sizeof mask.stood;
    memcpy(mask.stood, value.ptr, len);
    mask.stood_len = (uint8_t)len;
    APR_ARRAY_PUSH(stream->masks, cg_masked_t) = mask;
}

/* What is swallowed is never here whole; so that no cut makes a difference, no
 * secret counts as known. */
static void put_mask(job_t *job, const cg_candidate_t *what, uint32_t end)
{
    cg_stream_t *stream = job->stream;
    cg_finding_t finding = {.type = what->type, .rule = what->rule};
    cg_str_t stood = {job->src + job->at, end - job->at};
    cg_str_t value = stood;
    size_t before = job->out->len;
    if (stream->is_blocked) {
        return;
    }
    if (cg_detector_is_secret(what->type)) {
        value.len = 0;
    }
    cg_action_t action =
        cg_rules_action(stream->rules, stream->actions, what->type, what->rule);
    cg_mask_replace(stream->rules, stream->pseudonyms, action, &finding, value,
                    job->out);
    if (stream->masks) {
        note_mask(stream, before, job->out->len, stood);
    }
}

static void on_finding(void *ctx, uint32_t start, uint32_t end,
                       const cg_candidate_t *what, bool continues)
{
    job_t *job = ctx;
    cg_stream_t *stream = job->stream;
    if (continues) {
        if (stream->is_passing) {
            put_raw(job, end);
        }
        job->at = end;
        return;
    }
    cg_action_t action =
        cg_rules_action(stream->rules, stream->actions, what->type, what->rule);
    stream->is_passing = action <= CG_ACTION_LOG;
    if (action != CG_ACTION_ALLOW) {
        stream->tally.by_type[what->type]++;
    }
    put_raw(job, start);
    if (stream->is_passing) {
        put_raw(job, end);
        return;
    }
    if (action == CG_ACTION_BLOCK && !stream->is_blocked) {
        stream->is_blocked = true;
        stream->blocked_by = what->type;
    }
    put_mask(job, what, end);
    job->at = end;
}

/* One window over len bytes at src. Returns how many are done with. */
static uint32_t run(cg_stream_t *stream, const char *src, uint32_t len,
                    bool is_final, cg_buf_t *out)
{
    unsigned char text[CG_LEFT_BYTES + WINDOW_BYTES];
    cg_break_t breaks[WINDOW_BYTES + 2];
    cg_candidate_t found[CANDIDATES];
    cg_room_t room = {.text = text,
                      .breaks = breaks,
                      .break_cap = WINDOW_BYTES + 2,
                      .found = found,
                      .found_cap = CANDIDATES};
    job_t job = {.stream = stream, .src = src, .out = out};
    uint32_t decided = cg_engine_run(&stream->engine, src, len, is_final, &room,
                                     on_finding, &job);
    if (stream->engine.has_failed && !stream->is_blocked) {
        stream->is_blocked = true;
        stream->blocked_by = CG_TYPE_CUSTOM;
    }
    if (decided > job.at) {
        put_raw(&job, decided);
    }
    return decided;
}

void cg_stream_feed(cg_stream_t *stream, cg_str_t delta, cg_buf_t *out)
{
    char window[WINDOW_BYTES];
    while (delta.len > 0) {
        uint32_t len = stream->held_len;
        uint32_t piece = WINDOW_BYTES - len;
        piece = delta.len < piece ? (uint32_t)delta.len : piece;
        memcpy(window, stream->held, len);
        memcpy(window + len, delta.ptr, piece);
        len += piece;
        delta.ptr += piece;
        delta.len -= piece;
        uint32_t decided = run(stream, window, len, false, out);
        while (len - decided > CG_STREAM_HELD_MAX) {
            uint32_t more =
                run(stream, window + decided, len - decided, false, out);
            if (more == 0) {
                /* Cannot be while spans are shorter than the cap. */
                stream->is_blocked = true;
                stream->blocked_by = CG_TYPE_CUSTOM;
                decided = len;
                break;
            }
            decided += more;
        }
        stream->held_len = len - decided;
        memcpy(stream->held, window + decided, stream->held_len);
    }
}

void cg_stream_finish(cg_stream_t *stream, cg_buf_t *out)
{
    uint32_t at = 0;
    while (at < stream->held_len) {
        uint32_t decided =
            run(stream, stream->held + at, stream->held_len - at, true, out);
        if (decided == 0) {
            break;
        }
        at += decided;
    }
    stream->held_len = 0;
    cg_engine_init(&stream->engine, stream->rules, false);
}

bool cg_stream_is_blocked(const cg_stream_t *stream, uint8_t *blocked_by)
{
    if (stream->is_blocked && blocked_by) {
        *blocked_by = stream->blocked_by;
    }
    return stream->is_blocked;
}

const cg_tally_t *cg_stream_tally(const cg_stream_t *stream)
{
    return &stream->tally;
}

size_t cg_stream_held_bytes(const cg_stream_t *stream)
{
    return stream->held_len;
}

size_t cg_stream_size(void)
{
    return sizeof(cg_stream_t);
}
