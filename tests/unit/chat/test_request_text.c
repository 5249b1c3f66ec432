/* Which strings are text: what hides, and what must be left alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cases: tests/data/chat/texts.jsonl, where every string that is not listed as
 * opaque must be text; of the public corpora security/pii-hiding.jsonl.
 */
#include "chat/request.h"

#include "cases.h"

/* ---- cases ------------------------------------------------------------ */

static bool is_listed(const cg_walk_t *row, const char *pointer,
                      apr_pool_t *pool)
{
    uint32_t at = row->nodes[cg_walk_member(row, 0, "opaque")].child;
    for (; at != CG_NODE_NONE; at = row->nodes[at].next) {
        if (cg_str_is(cg_walk_string(row, at, pool), pointer)) {
            return true;
        }
    }
    return false;
}

static void check_texts(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_str_t doc = document_in(row, "doc", pool);
    CU_ASSERT_EQUAL_FATAL(cg_walk(doc.ptr, doc.len, &walk, NULL, pool),
                          CG_WALK_OK);
    size_t opaque = 0;
    for (uint32_t node = 0; node < walk.count; node++) {
        bool is_string = walk.nodes[node].kind == CG_NODE_STRING;
        const char *pointer = cg_walk_pointer(&walk, node, pool);
        bool is_opaque = is_string && is_listed(row, pointer, pool);
        opaque += is_opaque;
        check(cg_chat_is_text(&walk, node) == (is_string && !is_opaque), row,
              pointer);
    }
    check(opaque == cg_walk_length(row, cg_walk_member(row, 0, "opaque")), row,
          "a listed string is not there");
}

static void all_strings_are_text_but_those_listed(void)
{
    each_case("chat/texts.jsonl", check_texts);
}

static void what_is_no_string_is_no_text(void)
{
    apr_pool_t *pool = open_pool();
    const char *text = "{\"a\":1,\"b\":null,\"c\":[],\"d\":true}";
    cg_walk_t walk;
    cg_walk(text, strlen(text), &walk, NULL, pool);
    for (uint32_t node = 0; node < walk.count; node++) {
        CU_ASSERT_FALSE(cg_chat_is_text(&walk, node));
    }
    apr_pool_destroy(pool);
}

/* ---- the public corpus ------------------------------------------------ */

static void add_digits(cg_buf_t *out, cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            cg_buf_char(out, text.ptr[i]);
        }
    }
}

static void add_texts(cg_buf_t *out, const cg_walk_t *walk, bool is_text,
                      apr_pool_t *pool)
{
    for (uint32_t node = 0; node < walk->count; node++) {
        bool is_string = walk->nodes[node].kind == CG_NODE_STRING;
        if (is_string && cg_chat_is_text(walk, node) == is_text) {
            add_digits(out, cg_walk_string(walk, node, pool));
        }
    }
}

/* A canary may be spelt so that its digits do not show; but if they show
 * anywhere, it must be in the texts. */
static void check_hiding(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_str_t body = document_in(row, "body", pool);
    CU_ASSERT_EQUAL_FATAL(cg_walk(body.ptr, body.len, &walk, NULL, pool),
                          CG_WALK_OK);
    cg_str_t canary = text_in(row, "canary", pool);
    char *digits = cg_str_dup(canary, pool);
    cg_buf_t opaque;
    cg_buf_init(&opaque, 64, pool);
    add_texts(&opaque, &walk, false, pool);
    check(!strstr(cg_buf_cstr(&opaque), digits), row, "hides");
    cg_buf_t texts;
    cg_buf_init(&texts, 64, pool);
    add_texts(&texts, &walk, true, pool);
    cg_str_t form = text_in(row, "form", pool);
    cg_str_t where = text_in(row, "where", pool);
    bool is_plain =
        cg_str_is(form, "plain") && !cg_str_is(where, "data-url-text");
    check(!is_plain || strstr(cg_buf_cstr(&texts), digits), row, "not found");
}

static void nothing_hides_in_the_public_corpus(void)
{
    FILE *file = open_corpus("security/pii-hiding.jsonl");
    if (!file) {
        return;
    }
    CU_ASSERT_TRUE(each_row(file, check_hiding) >= 70);
    fclose(file);
}

CU_TestInfo test_chat_request_text[] = {
    {"all_strings_are_text_but_those_listed",
     all_strings_are_text_but_those_listed},
    {"what_is_no_string_is_no_text", what_is_no_string_is_no_text},
    {"nothing_hides_in_the_public_corpus", nothing_hides_in_the_public_corpus},
    CU_TEST_INFO_NULL,
};
