/* Lines of JSON: the reader, and what a line of a batch is.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/jsonl.h"

#include "cases.h"

typedef struct told_t {
    cg_buf_t lines; /* "1:text|end " */
    cg_buf_t bytes;
} told_t;

static bool on_line(void *baton, uint64_t number, cg_str_t line, cg_str_t end)
{
    told_t *told = baton;
    cg_buf_int(&told->lines, (int64_t)number);
    cg_buf_char(&told->lines, ':');
    cg_buf_add(&told->lines, line.ptr, line.len);
    cg_buf_char(&told->lines, '|');
    cg_buf_add(&told->bytes, line.ptr, line.len);
    cg_buf_add(&told->bytes, end.ptr, end.len);
    return true;
}

static bool read_cut(cg_str_t text, size_t cut, size_t most, told_t *told,
                     apr_pool_t *pool)
{
    cg_jsonl_t jsonl;
    cg_jsonl_open(&jsonl, most, pool);
    cg_buf_init(&told->lines, 64, pool);
    cg_buf_init(&told->bytes, 64, pool);
    jsonl.on_line = on_line;
    jsonl.baton = told;
    return cg_jsonl_feed(&jsonl, (cg_str_t){text.ptr, cut}) &&
           cg_jsonl_feed(&jsonl, (cg_str_t){text.ptr + cut, text.len - cut}) &&
           cg_jsonl_finish(&jsonl);
}

static bool is(const cg_buf_t *buf, const char *text)
{
    return cg_str_is((cg_str_t){buf->ptr ? buf->ptr : "", buf->len}, text);
}

static void lines_are_the_same_wherever_they_are_cut(void)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"a", "1:a|"},
        {"a\n", "1:a|"},
        {"a\r\nb", "1:a|2:b|"},
        {"a\n\n\nb\n", "1:a|2:|3:|4:b|"},
        {"\n", "1:|"},
        {"\r\n\r", "1:|2:\r|"},
        {"a\rb\r\r\nc", "1:a\rb\r|2:c|"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_str_t text = cg_str(rows[i][0]);
        for (size_t cut = 0; cut <= text.len; cut++) {
            told_t told;
            CU_ASSERT(read_cut(text, cut, 100, &told, pool));
            CU_ASSERT(is(&told.lines, rows[i][1]));
            CU_ASSERT(is(&told.bytes, rows[i][0]));
        }
    }
    apr_pool_destroy(pool);
}

static void a_line_that_is_too_long_ends_the_reading(void)
{
    apr_pool_t *pool = open_pool();
    cg_str_t text = CG_STR("12345678\n123456789\nx\n");
    for (size_t cut = 0; cut <= text.len; cut++) {
        told_t told;
        CU_ASSERT_FALSE(read_cut(text, cut, 8, &told, pool));
        CU_ASSERT(is(&told.lines, "1:12345678|"));
    }
    apr_pool_destroy(pool);
}

static void a_line_of_a_batch_is_a_request(void)
{
    static const struct {
        const char *line;
        const char *words; /* part of what is wrong; NULL: nothing */
    } rows[] = {
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
         "\"body\":{\"model\":\"m\"}}",
         NULL},
        {"{\"body\":{\"model\":\"m\"},\"url\":\"\\/v1\\/embeddings\","
         "\"method\":\"POST\",\"custom_id\":\"a\",\"more\":1}",
         NULL},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/moderations\","
         "\"body\":{}}",
         NULL},
        {"{}", "custom_id"},
        {"{\"custom_id\":1}", "custom_id"},
        {"{\"custom_id\":\"\"}", "custom_id"},
        {"{\"custom_id\":\"a\"}", "method"},
        {"{\"custom_id\":\"a\",\"method\":\"post\"}", "method"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\"}", "url"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/files\"}",
         "url"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":"
         "\"/v1/chat/completions?x\"}",
         "url"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\"}",
         "body"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
         "\"body\":[]}",
         "body"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
         "\"body\":{\"model\":7}}",
         "model"},
        {"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
         "\"body\":{\"model\":\"a\\nb\"}}",
         "model"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cg_walk_t walk;
        cg_str_t model;
        cg_endpoint_t endpoint;
        CU_ASSERT_EQUAL_FATAL(cg_walk(rows[i].line, strlen(rows[i].line),
                                      &walk, NULL, pool),
                              CG_WALK_OK);
        const char *words =
            cg_jsonl_batch_line(&walk, &model, &endpoint, pool);
        bool is_right = rows[i].words ? words && strstr(words, rows[i].words)
                                      : words == NULL;
        CU_ASSERT(is_right);
        CU_ASSERT(rows[i].words || model.len > 0);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_chat_jsonl[] = {
    {"lines_are_the_same_wherever_they_are_cut",
     lines_are_the_same_wherever_they_are_cut},
    {"a_line_that_is_too_long_ends_the_reading",
     a_line_that_is_too_long_ends_the_reading},
    {"a_line_of_a_batch_is_a_request", a_line_of_a_batch_is_a_request},
    CU_TEST_INFO_NULL,
};
