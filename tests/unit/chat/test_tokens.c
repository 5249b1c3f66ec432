/* How many tokens is a request? Against numbers that OpenAI publishes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * tokens/chat.jsonl and tokens/images.jsonl of the public corpora say which of
 * their rows are published. CG_TOKENS names the folder of the vocabularies.
 */
#include "chat/tokens.h"

#include "chat/picture.h"
#include "chat/vocabulary.h"
#include "token/count.h"

#include "cases.h"

#include <apr_strings.h>

static const cg_vocabularies_t *open_all(apr_pool_t *pool)
{
    cg_vocabularies_t *all = apr_pcalloc(pool, sizeof *all);
    const char *folder = getenv("CG_TOKENS");
    cg_error_t err = {""};
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    for (int i = 0; i < CG_ENCODING_COUNT; i++) {
        CU_ASSERT_EQUAL_FATAL(cg_vocabulary_open(folder, (cg_encoding_t)i,
                                                 &all->of[i], &err, pool),
                              APR_SUCCESS);
    }
    return all;
}

/* ---- requests --------------------------------------------------------- */

static bool was_exact; /* the last request_cost */

static int64_t request_cost(cg_endpoint_t endpoint, const char *body)
{
    apr_pool_t *pool = open_pool();
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_chat_request_read(endpoint, cg_str(body), &request,
                                               &param, &err, pool),
                          CG_REQUEST_OK);
    int64_t cost = cg_chat_tokens_of_request(&request, open_all(pool),
                                             &was_exact, pool);
    apr_pool_destroy(pool);
    return cost;
}

static void tokens_given_as_numbers_are_counted_one_each(void)
{
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_EMBEDDINGS,
                                 "{\"model\":\"m\",\"input\":[1,2,3]}"),
                    3);
    CU_ASSERT_EQUAL(
        request_cost(CG_ENDPOINT_EMBEDDINGS,
                     "{\"model\":\"m\",\"input\":[[1,2,3],[4],[]]}"),
        4);
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_COMPLETIONS,
                                 "{\"model\":\"m\",\"prompt\":[5,6]}"),
                    2);
}

static int64_t cost_with_part(const char *model, const char *part)
{
    apr_pool_t *pool = open_pool();
    const char *body = apr_psprintf(pool,
                                    "{\"model\":\"%s\",\"messages\":[{\"role\""
                                    ":\"user\",\"content\":[%s]}]}",
                                    model, part);
    int64_t cost = request_cost(CG_ENDPOINT_CHAT, body);
    apr_pool_destroy(pool);
    return cost;
}

static int64_t picture(const char *model, const char *detail)
{
    apr_pool_t *pool = open_pool();
    const char *part = apr_psprintf(
        pool,
        "{\"type\":\"image_url\",\"image_url\":{\"detail\":\"%s\",\"url\":"
        "\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAA"
        "AADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==\"}}",
        detail);
    int64_t without = cost_with_part(model, "{}");
    int64_t cost = cost_with_part(model, part) - without;
    apr_pool_destroy(pool);
    return cost;
}

static void a_picture_costs_by_model_and_detail_not_by_its_bytes(void)
{
    CU_ASSERT_EQUAL(picture("gpt-4o", "low"), 85);
    CU_ASSERT_EQUAL(picture("gpt-4o", "high"), 255); /* one tile */
    CU_ASSERT_EQUAL(picture("gpt-4o", "auto"), 255);
    CU_ASSERT_TRUE(was_exact);
    CU_ASSERT_EQUAL(picture("gpt-4o-mini-2024", "low"), 2833);
    CU_ASSERT_EQUAL(picture("gpt-4.1-mini", "high"), 2); /* one patch */
}

static void sound_and_files_cost_by_their_bytes(void)
{
    apr_pool_t *pool = open_pool();
    char *data = apr_palloc(pool, 5121);
    memset(data, 'A', 5120);
    data[5120] = '\0';
    int64_t sound = cost_with_part(
        "m", apr_psprintf(pool,
                          "{\"type\":\"input_audio\",\"input_audio\":"
                          "{\"format\":\"wav\",\"data\":\"%s\"}}",
                          data));
    int64_t file = cost_with_part(
        "m", apr_psprintf(pool,
                          "{\"type\":\"file\",\"file\":{\"file_data\":\"%s\"}}",
                          data));
    int64_t without = cost_with_part("m", "{}");
    CU_ASSERT_EQUAL(sound - without, 11);
    CU_ASSERT_EQUAL(file - without, 161);
    apr_pool_destroy(pool);
}

static void a_picture_that_is_elsewhere_is_taken_for_the_dearest(void)
{
    int64_t cost = cost_with_part("gpt-4o", "{\"type\":\"image_url\",\"image_url\":{\"url\":"
                                            "\"https://example.org/a.png\"}}");
    CU_ASSERT_FALSE(was_exact);
    CU_ASSERT_EQUAL(cost - cost_with_part("gpt-4o", "{}"), 85 + 8 * 170);
    cost = cost_with_part("o4-mini", "{\"type\":\"input_image\",\"image_url\":"
                                     "\"https://example.org/a.png\"}");
    CU_ASSERT_EQUAL(cost - cost_with_part("o4-mini", "{}"), 2642);
}

typedef struct shape_t {
    const char *url;
    uint32_t width;
    uint32_t height;
} shape_t;

static void the_size_of_a_picture_is_read_from_its_first_bytes(void)
{
    static const shape_t shapes[] = {
        /* GIF 640x480, WebP of all three kinds, JPEG with a segment before */
        {"data:image/gif;base64,R0lGODlhgALgAQ==", 640, 480},
        {"data:image/webp;base64,UklGRgAAAABXRUJQVlA4WAoAAAAAAAAAfwIA3wEA", 640, 480},
        {"data:image/webp;base64,UklGRgAAAABXRUJQVlA4TAAAAAAvf8J3AAA=", 640, 480},
        {"data:image/webp;base64,UklGRgAAAABXRUJQVlA4IAAAAAAAAACdASqAAuAB", 640, 480},
        {"data:image/jpeg;base64,/9j/4AAEAAD/wAARCAHgAoADASIA", 640, 480},
        {"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg", 640, 480},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint32_t width = 0;
        uint32_t height = 0;
        CU_ASSERT_TRUE(cg_chat_picture_size(cg_str(shapes[i].url), &width, &height));
        CU_ASSERT_TRUE(width == shapes[i].width && height == shapes[i].height);
        for (size_t len = 0; len + 4 < strlen(shapes[i].url); len++) {
            cg_chat_picture_size((cg_str_t){shapes[i].url, len}, &width, &height);
        }
    }
    static const char *const others[] = {
        "", "data:", "data:image/png;base64,", "https://example.org/a.png",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAAAAAAA", "data:image/jpeg;base64,/9j/",
        "data:image/jpeg;base64,/9j/4AAA/9j/", "data:text/plain,GIF8"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint32_t width;
        uint32_t height;
        CU_ASSERT_FALSE(cg_chat_picture_size(cg_str(others[i]), &width, &height));
    }
}

/* ---- models ----------------------------------------------------------- */

static cg_encoding_t encoding_of(const char *model)
{
    return cg_chat_model_find(cg_str(model))->encoding;
}

static void a_model_reads_with_the_vocabulary_of_its_longest_row(void)
{
    CU_ASSERT_EQUAL(encoding_of("gpt-4"), CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(encoding_of("gpt-4-turbo-2024-04-09"), CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(encoding_of("gpt-4o-2024-08-06"), CG_ENCODING_O200K);
    CU_ASSERT_EQUAL(encoding_of("gpt-4.1-nano"), CG_ENCODING_O200K);
    CU_ASSERT_EQUAL(encoding_of("gpt-35-turbo"), CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(encoding_of("ft:gpt-4o-mini:acme::1"), CG_ENCODING_O200K);
    CU_ASSERT_EQUAL(encoding_of("ft:gpt-4-0613:acme::1"), CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(encoding_of("text-embedding-3-small"), CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(encoding_of("openai/gpt-4"), CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(encoding_of("gpt-5.1"), CG_ENCODING_O200K);
    CU_ASSERT_EQUAL(encoding_of("llama-3.3-70b-instruct"), CG_ENCODING_O200K);
    CU_ASSERT_TRUE(cg_chat_model_find(CG_STR("gpt-4o"))->is_known);
    CU_ASSERT_FALSE(cg_chat_model_find(CG_STR("gpt-5"))->is_known);
    CU_ASSERT_FALSE(cg_chat_model_find(CG_STR("qwen3-8b"))->is_known);
}

/* ---- what is counted -------------------------------------------------- */

static void a_conversation_is_counted_with_its_frame(void)
{
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_CHAT,
                                 "{\"model\":\"gpt-3.5-turbo\",\"messages\":[{\"role\":"
                                 "\"user\",\"content\":\"hello\"}]}"),
                    8);
    CU_ASSERT_TRUE(was_exact);
    /* escaped, it is the same text */
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_CHAT,
                                 "{\"model\":\"gpt-3.5-turbo\",\"messages\":[{\"role\":"
                                 "\"user\",\"content\":\"\\u0068ello\"}]}"),
                    8);
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_CHAT,
                                 "{\"model\":\"gpt-3.5-turbo-0301\",\"messages\":[{\"role\":"
                                 "\"user\",\"name\":\"bob\",\"content\":\"hello\"}]}"),
                    9);
}

static void what_nothing_is_published_of_is_an_estimate(void)
{
    static const char *const bodies[] = {
        "{\"model\":\"gpt-5\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"}}}",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"documents\":[\"a text that another provider reads\"]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        CU_ASSERT_TRUE(request_cost(CG_ENDPOINT_CHAT, bodies[i]) > 8);
        CU_ASSERT_FALSE(was_exact);
    }
    CU_ASSERT_TRUE(request_cost(CG_ENDPOINT_RESPONSES,
                                "{\"model\":\"gpt-4o\",\"input\":\"hi\"}") >= 8);
    CU_ASSERT_FALSE(was_exact);
}

static void responses_are_counted_item_by_item(void)
{
    int64_t plain = request_cost(CG_ENDPOINT_RESPONSES, "{\"model\":\"gpt-4o\",\"input\":\"hello\"}");
    int64_t items = request_cost(CG_ENDPOINT_RESPONSES,
                                 "{\"model\":\"gpt-4o\",\"input\":[{\"role\":\"user\",\"content\":["
                                 "{\"type\":\"input_text\",\"text\":\"hello\"}]}]}");
    CU_ASSERT_EQUAL(plain, 8);
    CU_ASSERT_EQUAL(items, plain);
    int64_t calls = request_cost(CG_ENDPOINT_RESPONSES,
                                 "{\"model\":\"gpt-4o\",\"instructions\":\"hello\",\"input\":["
                                 "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"hello\","
                                 "\"arguments\":\"{}\"},{\"type\":\"function_call_output\","
                                 "\"call_id\":\"c\",\"output\":\"hello\"}]}");
    CU_ASSERT_EQUAL(calls, 3 + 5 + 8 + 4);
    int64_t tools = request_cost(CG_ENDPOINT_RESPONSES,
                                 "{\"model\":\"gpt-4o\",\"input\":\"hello\",\"tools\":[{\"type\":"
                                 "\"function\",\"name\":\"f\",\"parameters\":{}}]}");
    int64_t chat = request_cost(CG_ENDPOINT_CHAT,
                                "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
                                "\"hello\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}");
    CU_ASSERT_EQUAL(tools, chat);
}

static void prompts_and_inputs_are_counted_text_by_text(void)
{
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_COMPLETIONS,
                                 "{\"model\":\"davinci-002\",\"prompt\":[\"hello\",\"hello\"]}"),
                    2);
    CU_ASSERT_TRUE(was_exact);
    CU_ASSERT_EQUAL(request_cost(CG_ENDPOINT_EMBEDDINGS,
                                 "{\"model\":\"text-embedding-3-small\",\"input\":\"hello world\"}"),
                    2);
    CU_ASSERT_TRUE(was_exact);
}

static void without_a_vocabulary_no_count_is_too_low(void)
{
    apr_pool_t *pool = open_pool();
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    cg_str_t body = CG_STR("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                           "\"content\":\"hello world\"}]}");
    bool is_exact = true;
    CU_ASSERT_EQUAL_FATAL(cg_chat_request_read(CG_ENDPOINT_CHAT, body, &request,
                                               &param, &err, pool),
                          CG_REQUEST_OK);
    int64_t bound = cg_chat_tokens_of_request(&request, NULL, &is_exact, pool);
    CU_ASSERT_EQUAL(bound, 3 + 3 + 4 + 11);
    CU_ASSERT_FALSE(is_exact);
    apr_pool_destroy(pool);
}

/* Very many required names against very many properties. */
static void tools_without_end_take_their_length(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t body;
    cg_buf_init(&body, 4 << 20, pool);
    cg_buf_str(&body, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\"}],\"tools\":[{\"type\":"
                      "\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{");
    for (int i = 0; i < 40000; i++) {
        cg_buf_fmt(&body, "%s\"p%d\":{}", i > 0 ? "," : "", i);
    }
    cg_buf_str(&body, "},\"required\":[");
    for (int i = 0; i < 40000; i++) {
        cg_buf_fmt(&body, "%s\"p%d\"", i > 0 ? "," : "", i);
    }
    cg_buf_str(&body, "]}}}]}");
    CU_ASSERT_TRUE(request_cost(CG_ENDPOINT_CHAT, cg_buf_cstr(&body)) > 40000);
    apr_pool_destroy(pool);
}

/* ---- the public corpora ----------------------------------------------- */

static void check_chat(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t body = document_in(row, "request", pool);
    cg_str_t model = text_in(row, "model", pool);
    const char *whole =
        apr_psprintf(pool, "{\"model\":\"%.*s\",%.*s", (int)model.len,
                     model.ptr, (int)body.len - 1, body.ptr + 1);
    int64_t count = request_cost(CG_ENDPOINT_CHAT, whole);
    check(count == number_in(row, "prompt_tokens", 0), row, "another count");
    check(was_exact, row, "is called an estimate");
}

static void conversations_and_tools_are_counted_as_published(void)
{
    FILE *file = open_corpus("tokens/chat.jsonl");
    if (!file) {
        return;
    }
    CU_ASSERT_TRUE(each_row(file, check_chat) >= 30);
    fclose(file);
}

static void check_picture(const cg_walk_t *row, apr_pool_t *pool)
{
    bool is_low = cg_str_is(text_in(row, "detail", pool), "low");
    int64_t tokens = cg_chat_picture_tokens(
        text_in(row, "model", pool), (uint32_t)number_in(row, "width", 0),
        (uint32_t)number_in(row, "height", 0), is_low);
    check(tokens == number_in(row, "tokens", -1), row, "another count");
}

static void pictures_are_counted_as_published(void)
{
    FILE *file = open_corpus("tokens/images.jsonl");
    if (!file) {
        return;
    }
    CU_ASSERT_TRUE(each_row(file, check_picture) >= 20);
    fclose(file);
}

CU_TestInfo test_chat_tokens[] = {
    {"tokens_given_as_numbers_are_counted_one_each",
     tokens_given_as_numbers_are_counted_one_each},
    {"a_picture_costs_by_model_and_detail_not_by_its_bytes",
     a_picture_costs_by_model_and_detail_not_by_its_bytes},
    {"sound_and_files_cost_by_their_bytes",
     sound_and_files_cost_by_their_bytes},
    {"a_picture_that_is_elsewhere_is_taken_for_the_dearest",
     a_picture_that_is_elsewhere_is_taken_for_the_dearest},
    {"the_size_of_a_picture_is_read_from_its_first_bytes",
     the_size_of_a_picture_is_read_from_its_first_bytes},
    {"a_model_reads_with_the_vocabulary_of_its_longest_row",
     a_model_reads_with_the_vocabulary_of_its_longest_row},
    {"a_conversation_is_counted_with_its_frame",
     a_conversation_is_counted_with_its_frame},
    {"what_nothing_is_published_of_is_an_estimate",
     what_nothing_is_published_of_is_an_estimate},
    {"responses_are_counted_item_by_item", responses_are_counted_item_by_item},
    {"prompts_and_inputs_are_counted_text_by_text",
     prompts_and_inputs_are_counted_text_by_text},
    {"without_a_vocabulary_no_count_is_too_low",
     without_a_vocabulary_no_count_is_too_low},
    {"tools_without_end_take_their_length",
     tools_without_end_take_their_length},
    {"conversations_and_tools_are_counted_as_published",
     conversations_and_tools_are_counted_as_published},
    {"pictures_are_counted_as_published", pictures_are_counted_as_published},
    CU_TEST_INFO_NULL,
};
