/* Fuzz target: other codings come back as they were; files among words; subtitles.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says where the rest is cut, and into which coding it is taken for.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "base/coding.h"
#include "flow/cues.h"
#include "flow/payload.h"
#include "replay.h"

static void need(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static void there_and_back(cg_str_t bytes, cg_coding_kind_t kind, size_t step,
                           apr_pool_t *pool)
{
    cg_coding_t coding;
    cg_buf_t utf8, back;
    cg_buf_init(&utf8, 64, pool);
    cg_buf_init(&back, 64, pool);
    if (!cg_coding_open(&coding, kind, pool)) {
        return;
    }
    for (size_t at = 0; at < bytes.len; at += step) {
        size_t len = bytes.len - at < step ? bytes.len - at : step;
        cg_coding_read(&coding, (cg_str_t){bytes.ptr + at, len}, &utf8);
    }
    cg_coding_read_end(&coding, &utf8);
    for (size_t at = 0; at < utf8.len; at += step) {
        size_t len = utf8.len - at < step ? utf8.len - at : step;
        cg_coding_write(&coding, (cg_str_t){utf8.ptr + at, len}, &back);
    }
    cg_coding_write_end(&coding, &back);
    need(back.len == bytes.len &&
         (back.len == 0 || memcmp(back.ptr, bytes.ptr, back.len) == 0));
}

static void look_for_files(cg_str_t text, apr_pool_t *pool)
{
    cg_payload_t found;
    bool is_inside;
    size_t cut = text.len ? cg_payload_cut(text, &is_inside) : 0;
    need(cut <= text.len && (cut > 0 || text.len < 4));
    for (size_t at = 0; cg_payload_among(text, at, &found); at = found.end) {
        need(found.start >= at && found.end > found.start &&
             found.end <= text.len);
        cg_str_t said = cg_payload_decode(text, &found, pool);
        cg_payload_encode(said, &found, pool);
    }
    if (cg_payload_resume(text, &found)) {
        need(found.end <= text.len);
    }
}

static void mask_subtitles(cg_str_t text, apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_tally_t tally = {{0}};
    cg_mask_result_t result;
    cg_str_t out;
    cg_actions_all(&actions, CG_ACTION_MASK);
    cg_cues_is(text);
    cg_cues_mask(cg_rules_builtin(), &actions, NULL, &tally, text, &out,
                 &result, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_pool_t *pool;
    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
        need(cg_rules_builtin() != NULL);
    }
    if (size == 0) {
        return 0;
    }
    apr_pool_create(&pool, root);
    char *copy = malloc(size > 1 ? size - 1 : 1);
    memcpy(copy, data + 1, size - 1); /* ends where its memory does */
    cg_str_t bytes = {copy, size - 1};
    size_t step = data[0] % 61 + 1u;
    cg_coding_guess(bytes);
    there_and_back(bytes, CG_CODING_UTF16_LITTLE, step, pool);
    there_and_back(bytes, CG_CODING_UTF16_BIG, step, pool);
    there_and_back(bytes, CG_CODING_GB18030, step, pool);
    look_for_files(bytes, pool);
    mask_subtitles(bytes, pool);
    free(copy);
    apr_pool_destroy(pool);
    return 0;
}
