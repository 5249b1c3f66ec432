/* Frames of the journal: how a record lies on disk, and how one is found again
 * among torn and damaged bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The head has a check of its own. So a length is only believed when it was
 * written by us, and a damaged one cannot make the reader wait for megabytes
 * that never come.
 */
#include "audit/journal.h"
#include "audit/journal_int.h"

#include <string.h>

#include "base/digest.h"

#define FRAME_VERSION 2
#define FLAG_HOLD 1u
#define FLAG_RELEASED 2u

static const unsigned char MARK[4] = {0xFF, 'C', 'G', 'J'};

/* Where things stand in the fixed part of the payload. */
enum {
    AT_VERSION = 0,
    AT_FLAGS = 1,
    AT_DECISION = 2,
    AT_ID_LEN = 3,
    AT_STATUS = 4,
    AT_FINDINGS = 8,
    AT_AT = 12,
    AT_TOOK = 20,
    AT_INPUT = 28,
    AT_OUTPUT = 36,
    AT_COST = 44,
    AT_KEEP = 52
};

static void put4(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static void put8(unsigned char *to, int64_t value)
{
    put4(to, (uint32_t)(uint64_t)value);
    put4(to + 4, (uint32_t)((uint64_t)value >> 32));
}

static uint32_t get4(const unsigned char *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 |
           (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static int64_t get8(const unsigned char *from)
{
    return (int64_t)((uint64_t)get4(from) | (uint64_t)get4(from + 4) << 32);
}

static void put_fixed(const cg_journal_entry_t *entry, size_t id_len,
                      unsigned char *to)
{
    to[AT_VERSION] = FRAME_VERSION;
    to[AT_FLAGS] = (unsigned char)((entry->has_hold ? FLAG_HOLD : 0) |
                                   (entry->is_released ? FLAG_RELEASED : 0));
    to[AT_DECISION] = (unsigned char)entry->decision;
    to[AT_ID_LEN] = (unsigned char)id_len;
    put4(to + AT_STATUS, (uint32_t)entry->status);
    put4(to + AT_FINDINGS, entry->findings);
    put8(to + AT_AT, entry->at);
    put8(to + AT_TOOK, entry->took);
    put8(to + AT_INPUT, entry->input_tokens);
    put8(to + AT_OUTPUT, entry->output_tokens);
    put8(to + AT_COST, entry->cost_micros);
    put8(to + AT_KEEP, entry->keep_for);
}

size_t cg_frame_front(const cg_journal_entry_t *entry,
                      unsigned char out[CG_FRAME_FRONT_MAX])
{
    size_t id_len = strlen(entry->id);
    unsigned char *payload = out + CG_FRAME_HEAD;
    size_t payload_front = CG_FRAME_FIXED + id_len;
    put_fixed(entry, id_len, payload);
    memcpy(payload + CG_FRAME_FIXED, entry->id, id_len);
    uint32_t check = cg_crc32(0, payload, payload_front);
    check = cg_crc32(check, entry->json.ptr, entry->json.len);
    memcpy(out, MARK, sizeof MARK);
    put4(out + 4, (uint32_t)(payload_front + entry->json.len));
    put4(out + 8, check);
    put4(out + 12, cg_crc32(0, out, 12));
    return CG_FRAME_HEAD + payload_front;
}

/* Reads a payload whose check holds. False for what this version cannot know.
 */
static bool read_payload(const unsigned char *payload, size_t len,
                         cg_journal_entry_t *out)
{
    size_t id_len = payload[AT_ID_LEN];
    bool is_first = payload[AT_VERSION] == 1;
    size_t fixed = is_first ? CG_FRAME_FIXED_1 : CG_FRAME_FIXED;
    if ((!is_first && payload[AT_VERSION] != FRAME_VERSION) ||
        id_len > CG_JOURNAL_ID_MAX || fixed + id_len > len ||
        payload[AT_DECISION] >= CG_DECISION_COUNT) {
        return false;
    }
    memcpy(out->id, payload + fixed, id_len);
    out->id[id_len] = '\0';
    out->has_hold = (payload[AT_FLAGS] & FLAG_HOLD) != 0;
    out->is_released = (payload[AT_FLAGS] & FLAG_RELEASED) != 0;
    out->decision = (cg_decision_t)payload[AT_DECISION];
    out->status = (int)get4(payload + AT_STATUS);
    out->findings = get4(payload + AT_FINDINGS);
    out->at = get8(payload + AT_AT);
    out->took = get8(payload + AT_TOOK);
    out->input_tokens = get8(payload + AT_INPUT);
    out->output_tokens = get8(payload + AT_OUTPUT);
    out->cost_micros = get8(payload + AT_COST);
    out->keep_for = is_first ? 0 : get8(payload + AT_KEEP);
    out->json.ptr = (const char *)payload + fixed + id_len;
    out->json.len = len - fixed - id_len;
    return true;
}

/* What begins at p, of which left bytes are there? FOUND, NEED (unfinished) or
 * NONE (no frame of ours). */
static cg_frame_search_t look(const unsigned char *p, size_t left,
                              size_t *out_len, cg_journal_entry_t *out)
{
    size_t marked = left < sizeof MARK ? left : sizeof MARK;
    if (memcmp(p, MARK, marked) != 0) {
        return CG_FRAME_NONE;
    }
    *out_len = CG_FRAME_HEAD;
    if (left < CG_FRAME_HEAD) {
        return CG_FRAME_NEED;
    }
    size_t len = get4(p + 4);
    if (get4(p + 12) != cg_crc32(0, p, 12) || len < CG_FRAME_FIXED_1 ||
        len > CG_FRAME_MAX - CG_FRAME_HEAD) {
        return CG_FRAME_NONE;
    }
    *out_len = CG_FRAME_HEAD + len;
    if (left < *out_len) {
        return CG_FRAME_NEED;
    }
    if (get4(p + 8) != cg_crc32(0, p + CG_FRAME_HEAD, len)) {
        return CG_FRAME_NONE;
    }
    return read_payload(p + CG_FRAME_HEAD, len, out) ? CG_FRAME_FOUND
                                                     : CG_FRAME_NONE;
}

cg_frame_search_t cg_frame_find(cg_str_t bytes, bool is_end, size_t *offset,
                                size_t *out_next, cg_journal_entry_t *out)
{
    bool is_waiting = false; /* an unfinished frame begins at waits_at */
    size_t waits_at = 0;
    size_t waits_for = 0;
    for (size_t at = *offset; at < bytes.len; at++) {
        const char *mark = memchr(bytes.ptr + at, MARK[0], bytes.len - at);
        if (!mark) {
            break;
        }
        at = (size_t)(mark - bytes.ptr);
        size_t len = 0;
        cg_frame_search_t seen =
            look((const unsigned char *)mark, bytes.len - at, &len, out);
        if (seen == CG_FRAME_FOUND) {
            *offset = at;
            *out_next = at + len;
            return CG_FRAME_FOUND;
        }
        if (seen == CG_FRAME_NEED && !is_waiting) {
            is_waiting = true;
            waits_at = at;
            waits_for = at + len;
            if (!is_end) {
                break;
            }
        }
    }
    *offset = is_waiting ? waits_at : bytes.len;
    *out_next = waits_for;
    return is_waiting ? CG_FRAME_NEED : CG_FRAME_NONE;
}

bool cg_journal_parse(cg_str_t bytes, bool is_whole, size_t *offset,
                      size_t *out_next, cg_journal_entry_t *out_entry)
{
    cg_frame_search_t seen =
        cg_frame_find(bytes, true, offset, out_next, out_entry);
    if (seen != CG_FRAME_FOUND && is_whole) {
        *offset = bytes.len;
    }
    return seen == CG_FRAME_FOUND;
}
