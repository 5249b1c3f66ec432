/* Fuzz target: a text cut into pieces is masked as the whole is.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first two bytes of an input say how long its pieces are, the rest is the
 * text. Findings must be in order and inside the text, on code points where the
 * text is UTF-8; the masked stream must equal the masked whole; and the bytes
 * held back must stay under their cap.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "redact/mask.h"
#include "redact/scan.h"
#include "redact/stream.h"

#include "replay.h"

static const cg_rules_t *make_rules(apr_pool_t *pool)
{
    static const cg_str_t words[] = {{"falcon", 6},
                                     {"project falcon", 14},
                                     {"\xe5\x86\x85\xe9\x83\xa8", 6},
                                     {"b-2", 3}};
    static const cg_str_t exact[] = {{"Titan", 5}};
    static const cg_word_list_t lists[] = {{"loose", words, 4, true, false, 0, 0},
                                           {"strict", exact, 1, false, true, 0, 0}};
    static const cg_regex_t regexes[] = {{"case", "CASE-[0-9]{4,6}", true, 0, 0, 0}};
    static const cg_str_t allowed[] = {{"@example.com", 12}};
    static const cg_rules_spec_t spec = {.lists = lists,
                                         .list_count = 2,
                                         .regexes = regexes,
                                         .regex_count = 1,
                                         .allowed = allowed,
                                         .allowed_count = 1};
    cg_rules_t *rules;
    MUST(cg_rules_create(&spec, &rules, NULL, pool) == APR_SUCCESS);
    return rules;
}

static bool is_boundary(cg_str_t text, size_t at)
{
    return at == text.len || ((unsigned char)text.ptr[at] & 0xC0) != 0x80;
}

static void check_findings(cg_str_t text, const cg_findings_t *findings)
{
    bool is_utf8 = cg_utf8_valid(text.ptr, text.len);
    uint32_t end = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const cg_finding_t *finding = &findings->items[i];
        MUST(finding->start >= end && finding->end > finding->start);
        MUST(finding->end <= text.len && finding->type < CG_TYPE_COUNT);
        MUST(finding->score >= CG_SCORE_FOUND && finding->score <= 100);
        MUST(!is_utf8 || (is_boundary(text, finding->start) &&
                          is_boundary(text, finding->end)));
        end = finding->end;
    }
}

static cg_str_t mask_whole(const cg_rules_t *rules, const cg_actions_t *actions,
                           cg_str_t text, cg_scan_depth_t depth,
                           apr_pool_t *pool)
{
    cg_findings_t findings;
    cg_buf_t out;
    cg_findings_init(&findings, pool);
    MUST(cg_redact_scan(rules, text, depth, &findings) == APR_SUCCESS);
    check_findings(text, &findings);
    cg_buf_init(&out, text.len + 64, pool);
    cg_mask_result_t result =
        cg_redact_mask(rules, text, &findings, actions, NULL, NULL, &out);
    return result.is_changed ? (cg_str_t){out.ptr, out.len} : text;
}

static cg_str_t mask_pieces(const cg_rules_t *rules,
                            const cg_actions_t *actions, cg_str_t text,
                            size_t a, size_t b, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_stream_t *stream = cg_stream_open(rules, actions, NULL, pool);
    cg_buf_init(&out, text.len + 64, pool);
    for (size_t at = 0, i = 0; at < text.len; i++) {
        size_t piece = i % 2 ? b : a;
        piece = piece < text.len - at ? piece : text.len - at;
        char *copy = malloc(piece);
        MUST(copy);
        memcpy(copy, text.ptr + at, piece);
        cg_stream_feed(stream, (cg_str_t){copy, piece}, &out);
        free(copy);
        MUST(cg_stream_held_bytes(stream) <= CG_STREAM_HELD_MAX);
        at += piece;
    }
    cg_stream_finish(stream, &out);
    MUST(cg_stream_held_bytes(stream) == 0);
    return (cg_str_t){out.ptr, out.len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *forever;
    static const cg_rules_t *rules;
    cg_actions_t actions;
    apr_pool_t *pool = NULL;
    if (size < 2) {
        return 0;
    }
    if (!forever) {
        apr_initialize();
        atexit(apr_terminate);
        apr_pool_create(&forever, NULL);
        rules = make_rules(forever);
    }
    apr_pool_create(&pool, NULL);
    cg_actions_default(&actions);
    actions.by_type[CG_TYPE_MAC_ADDRESS] = CG_ACTION_LOG;
    cg_str_t text = {(const char *)data + 2, size - 2};
    size_t a = data[0] >= 250 ? 4000 : data[0] % 64 + 1;
    size_t b = data[1] >= 250 ? 9000 : data[1] % 64 + 1;
    const cg_rules_t *used = data[0] & 1 ? rules : cg_rules_builtin();
    mask_whole(used, &actions, text, CG_SCAN_DEEP, pool);
    cg_str_t whole = mask_whole(used, &actions, text, CG_SCAN_PLAIN, pool);
    cg_str_t pieces = mask_pieces(used, &actions, text, a, b, pool);
    MUST(cg_str_equal(whole, pieces));
    apr_pool_destroy(pool);
    return 0;
}
