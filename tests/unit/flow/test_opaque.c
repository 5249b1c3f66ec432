/* What cannot be read: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/opaque.h"

#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>

static void text_has_no_control_characters(void)
{
    CU_ASSERT_TRUE(cg_opaque_is_text(CG_STR("")));
    CU_ASSERT_TRUE(cg_opaque_is_text(CG_STR("a\tb\r\nc\f\b\x1b[0m")));
    CU_ASSERT_TRUE(cg_opaque_is_text(CG_STR("\xD6\xD0\xCE\xC4 GBK")));
    CU_ASSERT_FALSE(cg_opaque_is_text(CG_STR("a\0b")));
    for (size_t at = 0; at < 24; at++) { /* in every lane of the quick way */
        char text[24];
        memset(text, 'x', sizeof text);
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            bool is_text = c >= 0x20 || c == '\t' || c == '\n' || c == '\r' ||
                           c == '\f' || c == '\b' || c == 0x1B;
            CU_ASSERT_EQUAL(
                cg_opaque_is_text((cg_str_t){text, sizeof text}), is_text);
        }
    }
}

#define BYTES(literal) {(literal), sizeof(literal) - 1}

static void a_kind_is_told_by_bytes_then_by_type(void)
{
    static const struct {
        cg_str_t content;
        const char *type;
        cg_opaque_kind_t kind;
    } cases[] = {
        {BYTES("\x89PNG\r\n\x1a\n"), "", CG_OPAQUE_IMAGE},
        {BYTES("\xFF\xD8\xFF\xE0"), "audio/wav", CG_OPAQUE_IMAGE},
        {BYTES("RIFF\0\0\0\0WAVEfmt "), "", CG_OPAQUE_AUDIO},
        {BYTES("RIFF\0\0\0\0WEBPVP8 "), "", CG_OPAQUE_IMAGE},
        {BYTES("\0\0\0\x20" "ftypisom"), "", CG_OPAQUE_VIDEO},
        {BYTES("%PDF-1.7"), "text/plain", CG_OPAQUE_DOCUMENT},
        {BYTES("PK\x03\x04"), "", CG_OPAQUE_ARCHIVE},
        {BYTES("PK\x03\x04"), "application/vnd.openxmlformats",
         CG_OPAQUE_DOCUMENT},
        {BYTES("\x1F\x8B\x08"), "", CG_OPAQUE_ARCHIVE},
        {BYTES("\0\1\2"), "audio/pcm", CG_OPAQUE_AUDIO},
        {BYTES("\0\1\2"), "", CG_OPAQUE_OTHER},
        {BYTES(""), "x/y", CG_OPAQUE_OTHER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(
            cg_opaque_kind(cases[i].content, cg_str(cases[i].type)),
            cases[i].kind);
    }
}

static void kinds_are_counted_and_named(void)
{
    apr_pool_t *pool;
    cg_buf_t out;
    cg_opaque_t opaque = {{0}};
    apr_pool_create(&pool, NULL);
    cg_buf_init(&out, 0, pool);
    cg_opaque_write(&opaque, &out);
    CU_ASSERT_EQUAL(out.len, 0);
    opaque.by_kind[CG_OPAQUE_IMAGE] = 2;
    opaque.by_kind[CG_OPAQUE_SEALED] = 1;
    cg_opaque_write(&opaque, &out);
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&out), "image=2,sealed=1");
    CU_ASSERT_EQUAL(cg_opaque_total(&opaque), 3);
    apr_pool_destroy(pool);
}

CU_TestInfo test_flow_opaque[] = {
    {"text_has_no_control_characters", text_has_no_control_characters},
    {"a_kind_is_told_by_bytes_then_by_type",
     a_kind_is_told_by_bytes_then_by_type},
    {"kinds_are_counted_and_named", kinds_are_counted_and_named},
    CU_TEST_INFO_NULL,
};
