/* Fuzz target: any bytes as a segment of the journal.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of an input says how to read the rest: 0 as a segment; any
 * other value as a payload that is put into a frame with right checks, between
 * two sound frames, for no fuzzer finds two CRCs by itself. What is found must
 * lie inside the bytes, in order, and a sound frame must always be found.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "audit/journal.h"
#include "audit/journal_int.h"
#include "base/digest.h"

#include "replay.h"

#define PAYLOAD_MAX 65536

static bool is_inside(cg_str_t part, cg_str_t whole)
{
    return part.ptr >= whole.ptr && part.len <= whole.len &&
           part.ptr + part.len <= whole.ptr + whole.len;
}

/* How many frames? `sound` of them must have the id "sound". */
static void read_segment(cg_str_t bytes, bool is_whole, int sound)
{
    size_t offset = 0;
    size_t next = 0;
    size_t end = 0;
    int seen = 0;
    cg_journal_entry_t entry;
    while (cg_journal_parse(bytes, is_whole, &offset, &next, &entry)) {
        MUST(offset >= end && next > offset && next <= bytes.len);
        MUST(is_inside(entry.json, bytes));
        MUST(strlen(entry.id) <= CG_JOURNAL_ID_MAX);
        MUST((int)entry.decision >= 0 && entry.decision < CG_DECISION_COUNT);
        seen += strcmp(entry.id, "sound") == 0;
        end = next;
        offset = next;
    }
    MUST(offset >= end && offset <= bytes.len);
    MUST(!is_whole || offset == bytes.len);
    MUST(seen >= sound);
}

static void add_sound(cg_buf_t *out)
{
    unsigned char front[CG_FRAME_FRONT_MAX];
    cg_journal_entry_t entry = {.id = "sound", .json = CG_STR("{}")};
    size_t len = cg_frame_front(&entry, front);
    cg_buf_add(out, (const char *)front, len);
    cg_buf_add(out, "{}", 2);
}

static void put4(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static void add_framed(cg_buf_t *out, const uint8_t *payload, size_t size)
{
    unsigned char head[CG_FRAME_HEAD] = {0xFF, 'C', 'G', 'J'};
    put4(head + 4, (uint32_t)size);
    put4(head + 8, cg_crc32(0, payload, size));
    put4(head + 12, cg_crc32(0, head, 12));
    cg_buf_add(out, (const char *)head, sizeof head);
    cg_buf_add(out, (const char *)payload, size);
}

static void read_framed(const uint8_t *payload, size_t size)
{
    apr_pool_t *pool = NULL;
    cg_buf_t segment;
    MUST(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    cg_buf_init(&segment, size + 400, pool);
    add_sound(&segment);
    add_framed(&segment, payload, size);
    add_sound(&segment);
    char *exact = malloc(segment.len);
    MUST(exact);
    memcpy(exact, segment.ptr, segment.len);
    read_segment((cg_str_t){exact, segment.len}, true, 2);
    read_segment((cg_str_t){exact, segment.len - 1}, false, 1);
    free(exact);
    apr_pool_destroy(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready = false;
    if (!is_ready) {
        apr_initialize();
        is_ready = true;
    }
    if (size == 0 || size > PAYLOAD_MAX) {
        return 0;
    }
    if (data[0] != 0) {
        read_framed(data + 1, size - 1);
        return 0;
    }
    cg_str_t bytes = {(const char *)data + 1, size - 1};
    read_segment(bytes, true, 0);
    read_segment(bytes, false, 0);
    return 0;
}
