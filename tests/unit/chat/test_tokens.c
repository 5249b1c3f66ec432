/* The token estimate against true counts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The labelled texts are tokens/{o200k,cl100k,chat}.jsonl of the public
 * corpora. Natural text is all but what was made to be hard (white space,
 * random bytes, runs of one letter, ...).
 */
#include "chat/tokens.h"

#include "cases.h"

#include <apr_strings.h>

static int64_t estimate(const char *text)
{
    return cg_chat_tokens_estimate(cg_str(text));
}

static void empty_text_costs_nothing_and_any_other_something(void)
{
    CU_ASSERT_EQUAL(cg_chat_tokens_estimate(CG_STR("")), 0);
    CU_ASSERT_EQUAL(cg_chat_tokens_estimate((cg_str_t){NULL, 0}), 0);
    CU_ASSERT_EQUAL(estimate(" "), 1);
    CU_ASSERT_TRUE(estimate("a") >= 1);
    CU_ASSERT_TRUE(estimate("\xF0") >= 1);
}

static void escaped_text_costs_about_what_it_stands_for(void)
{
    CU_ASSERT_EQUAL(estimate("\\u4f60\\u597d"), estimate("\xE4\xBD\xA0"
                                                         "\xE5\xA5\xBD"));
    CU_ASSERT_EQUAL(estimate("\\ud83d\\ude00"), estimate("\xF0\x9F\x98\x80"));
    CU_ASSERT_EQUAL(estimate("\\u00e9"), estimate("\xC3\xA9"));
    CU_ASSERT_EQUAL(estimate("a\\nb"), estimate("a.b"));
    CU_ASSERT_TRUE(estimate("\\") == 1 && estimate("\\u12") >= 2);
    CU_ASSERT_EQUAL(estimate("\\u00zz"), estimate(".u00zz"));
    CU_ASSERT_TRUE(estimate("a\n\tb") >= 2);
}

/* ---- requests --------------------------------------------------------- */

static int64_t request_cost(cg_endpoint_t endpoint, const char *body)
{
    apr_pool_t *pool = open_pool();
    cg_request_t request;
    const char *param = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_chat_request_read(endpoint, cg_str(body), &request,
                                               &param, &err, pool),
                          CG_REQUEST_OK);
    int64_t cost = cg_chat_tokens_of_request(&request);
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
    int64_t cost = cost_with_part(model, part) - cost_with_part(model, "{}");
    apr_pool_destroy(pool);
    return cost;
}

static void a_picture_costs_by_model_and_detail_not_by_its_bytes(void)
{
    CU_ASSERT_EQUAL(picture("gpt-4o", "low"), 85);
    CU_ASSERT_EQUAL(picture("gpt-4o", "high"), 1445);
    CU_ASSERT_EQUAL(picture("gpt-4o", "auto"), 1445);
    CU_ASSERT_EQUAL(picture("gpt-4o-mini-2024", "low"), 2833);
    CU_ASSERT_EQUAL(picture("other", "high"), 1445);
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

static void a_turn_has_a_frame_and_a_tool_its_names(void)
{
    int64_t one = request_cost(CG_ENDPOINT_CHAT,
                               "{\"model\":\"m\",\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"hi\"}]}");
    int64_t two = request_cost(CG_ENDPOINT_CHAT,
                               "{\"model\":\"m\",\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"hi\"},{\"role\":"
                               "\"user\",\"content\":\"\"}]}");
    int64_t tool = request_cost(
        CG_ENDPOINT_CHAT,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
        ","
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"parameters\":{\"type\":\"object\",\"properties\":"
        "{\"a_rather_long_name_of_a_member\":{\"type\":\"string\"}}}}}]}");
    CU_ASSERT_TRUE(one >= 8);
    CU_ASSERT_TRUE(two >= one + 4);
    CU_ASSERT_TRUE(tool >= one + 25);
}

/* ---- the public corpora ----------------------------------------------- */

static const char *const NATURAL[] = {
    "prose_",    "code",         "json",          "blob",
    "emoji",     "mixed_script", "numbers",       "special_text",
    "combining", "token_soup",   "glued_letters", NULL};

/* How many texts there were, and how many were estimated at their count. */
static int natural;
static int natural_enough;
static int texts;
static int texts_near;

static bool is_natural(cg_str_t category)
{
    for (int i = 0; NATURAL[i]; i++) {
        if (cg_str_has_prefix(category, NATURAL[i])) {
            return true;
        }
    }
    return false;
}

/* The text as it would stand in a body: still escaped. */
static void check_text(const cg_walk_t *row, apr_pool_t *pool)
{
    int64_t count = number_in(row, "count", 0);
    uint32_t text = cg_walk_member(row, 0, "text");
    if (count == 0 || text == CG_NODE_NONE) {
        return;
    }
    int64_t guess = cg_chat_tokens_estimate(cg_walk_raw(row, text));
    texts++;
    texts_near += guess * 10 >= count * 6;
    check(guess * 10 >= count * 6, row, "below six tenths");
    if (is_natural(text_in(row, "cat", pool))) {
        natural++;
        natural_enough += guess >= count;
    }
}

static void check_vocabulary(const char *name)
{
    FILE *file = open_corpus(name);
    if (!file) {
        return;
    }
    natural = natural_enough = texts = texts_near = 0;
    each_row(file, check_text);
    fclose(file);
    printf(" (%d of %d natural texts not below, %d of %d at 0.6 or more) ",
           natural_enough, natural, texts_near, texts);
    CU_ASSERT_TRUE(natural >= 140);
    CU_ASSERT_TRUE(natural_enough * 100 >= natural * 95);
}

static void natural_text_is_not_estimated_too_low_for_o200k(void)
{
    check_vocabulary("tokens/o200k.jsonl");
}

static void natural_text_is_not_estimated_too_low_for_cl100k(void)
{
    check_vocabulary("tokens/cl100k.jsonl");
}

static void check_chat(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t body = document_in(row, "request", pool);
    cg_str_t model = text_in(row, "model", pool);
    const char *whole =
        apr_psprintf(pool, "{\"model\":\"%.*s\",%.*s", (int)model.len,
                     model.ptr, (int)body.len - 1, body.ptr + 1);
    int64_t guess = request_cost(CG_ENDPOINT_CHAT, whole);
    int64_t count = number_in(row, "prompt_tokens", 0);
    check(guess >= count, row, "below the count");
    check(guess <= count * 3, row, "above three times the count");
}

static void conversations_and_tools_are_not_estimated_too_low(void)
{
    FILE *file = open_corpus("tokens/chat.jsonl");
    if (!file) {
        return;
    }
    CU_ASSERT_TRUE(each_row(file, check_chat) >= 30);
    fclose(file);
}

CU_TestInfo test_chat_tokens[] = {
    {"empty_text_costs_nothing_and_any_other_something",
     empty_text_costs_nothing_and_any_other_something},
    {"escaped_text_costs_about_what_it_stands_for",
     escaped_text_costs_about_what_it_stands_for},
    {"tokens_given_as_numbers_are_counted_one_each",
     tokens_given_as_numbers_are_counted_one_each},
    {"a_picture_costs_by_model_and_detail_not_by_its_bytes",
     a_picture_costs_by_model_and_detail_not_by_its_bytes},
    {"sound_and_files_cost_by_their_bytes",
     sound_and_files_cost_by_their_bytes},
    {"a_turn_has_a_frame_and_a_tool_its_names",
     a_turn_has_a_frame_and_a_tool_its_names},
    {"natural_text_is_not_estimated_too_low_for_o200k",
     natural_text_is_not_estimated_too_low_for_o200k},
    {"natural_text_is_not_estimated_too_low_for_cl100k",
     natural_text_is_not_estimated_too_low_for_cl100k},
    {"conversations_and_tools_are_not_estimated_too_low",
     conversations_and_tools_are_not_estimated_too_low},
    CU_TEST_INFO_NULL,
};
