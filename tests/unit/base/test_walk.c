/* The walker: what it takes, what it refuses, and what it says of a document.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Single documents stand in tests/data/walk (found below the working folder, or
 * below CG_TEST_DATA). When CG_CORPORA names the folder of the public corpora,
 * security/json-parsing.jsonl is run too.
 */
#include "base/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/clock.h"

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

static cg_walk_status_t walk_str(cg_str_t text, cg_walk_t *walk,
                                 apr_pool_t *pool)
{
    return cg_walk(text.ptr, text.len, walk, NULL, pool);
}

static cg_walk_t sound(const char *text, apr_pool_t *pool)
{
    cg_walk_t walk;
    cg_walk_status_t status = walk_str(cg_str(text), &walk, pool);
    CU_ASSERT_EQUAL_FATAL(status, CG_WALK_OK);
    return walk;
}

/* ---- documents from files --------------------------------------------- */

static FILE *open_data(const char *name)
{
    const char *folder = getenv("CG_TEST_DATA");
    char path[1000];
    snprintf(path, sizeof path, "%s/walk/%s", folder ? folder : "tests/data",
             name);
    FILE *file = fopen(path, "r");
    if (!file) {
        printf("\n    cannot open %s\n", path);
    }
    return file;
}

/* The line without its end, or false at the end or on a comment's. */
static bool next_case(FILE *file, char **line, size_t *cap)
{
    for (;;) {
        ssize_t len = getline(line, cap, file);
        if (len < 0) {
            return false;
        }
        (*line)[strcspn(*line, "\n")] = '\0';
        if (**line != '#') {
            return true;
        }
    }
}

/* Turns %XX into its byte, in place. */
static cg_str_t unpercent(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        unsigned char byte;
        if (*p == '%' && cg_hex_decode(p + 1, 2, &byte)) {
            *to++ = (char)byte;
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    return (cg_str_t){text, (size_t)(to - text)};
}

/* The copy ends where its memory does, so that ASan sees a read beyond. */
static cg_walk_status_t walk_exact(cg_str_t text, cg_walk_t *walk,
                                   cg_error_t *err, apr_pool_t *pool)
{
    char *copy = malloc(text.len ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    cg_walk_status_t status = cg_walk(copy, text.len, walk, err, pool);
    free(copy);
    return status;
}

static void sound_documents_are_accepted(void)
{
    FILE *file = open_data("accept.txt");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    apr_pool_t *pool = open_pool();
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    while (next_case(file, &line, &cap)) {
        char *tab = strrchr(line, '\t');
        CU_ASSERT_PTR_NOT_NULL_FATAL(tab);
        *tab = '\0';
        cg_walk_t walk;
        cg_error_t err = {""};
        cg_walk_status_t status =
            walk_exact(unpercent(line), &walk, &err, pool);
        if (status != CG_WALK_OK || walk.count != (uint32_t)atol(tab + 1)) {
            printf("\n    %s: %u nodes; %s\n", line, walk.count, err.text);
        }
        CU_ASSERT_EQUAL(status, CG_WALK_OK);
        CU_ASSERT_EQUAL(walk.count, (uint32_t)atol(tab + 1));
        count++;
    }
    CU_ASSERT_TRUE(count > 30);
    free(line);
    fclose(file);
    apr_pool_destroy(pool);
}

static cg_walk_status_t status_of(const char *word)
{
    static const char *const WORDS[] = {
        [CG_WALK_SYNTAX] = "syntax ",     [CG_WALK_TOO_DEEP] = "too-deep ",
        [CG_WALK_TOO_MANY] = "too-many ", [CG_WALK_DUPLICATE] = "duplicate ",
        [CG_WALK_ENCODING] = "encoding ",
    };
    for (int i = CG_WALK_SYNTAX; i <= CG_WALK_ENCODING; i++) {
        if (strncmp(word, WORDS[i], strlen(WORDS[i])) == 0) {
            return (cg_walk_status_t)i;
        }
    }
    return CG_WALK_OK;
}

static void unsound_documents_are_refused_with_kind_and_place(void)
{
    FILE *file = open_data("reject.txt");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    apr_pool_t *pool = open_pool();
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    while (next_case(file, &line, &cap)) {
        char *tab = strchr(line, '\t');
        CU_ASSERT_PTR_NOT_NULL_FATAL(tab);
        *tab = '\0';
        char place[40];
        snprintf(place, sizeof place, "byte %s: ", strchr(line, ' ') + 1);
        cg_walk_t walk;
        cg_error_t err = {""};
        cg_str_t text = unpercent(tab + 1);
        cg_walk_status_t status = walk_exact(text, &walk, &err, pool);
        bool is_right = status == status_of(line) && walk.count == 0 &&
                        strncmp(err.text, place, strlen(place)) == 0;
        if (!is_right) {
            printf("\n    %s %.*s: %d %s\n", line, (int)text.len, text.ptr,
                   status, err.text);
        }
        CU_ASSERT_TRUE(is_right);
        count++;
    }
    CU_ASSERT_TRUE(count > 80);
    free(line);
    fclose(file);
    apr_pool_destroy(pool);
}

/* ---- bounds ----------------------------------------------------------- */

static cg_str_t repeat(const char *before, const char *unit, int count,
                       const char *after, apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 0, pool);
    cg_buf_str(&buf, before);
    for (int i = 0; i < count; i++) {
        cg_buf_str(&buf, unit);
    }
    cg_buf_str(&buf, after);
    return (cg_str_t){buf.ptr, buf.len};
}

static void a_hundred_thousand_brackets_end_at_the_sixty_fifth(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    cg_str_t text = repeat("", "[", 100000, "", pool);
    CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_TOO_DEEP);
    text = repeat("", "{\"a\":", 100000, "", pool);
    CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_TOO_DEEP);
    text = repeat("[", "[],", 100000, "{}]", pool);
    CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_OK);
    CU_ASSERT_EQUAL(cg_walk_length(&walk, 0), 100001);
    apr_pool_destroy(pool);
}

static void node_number_is_bounded(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    cg_str_t text = repeat("[", "\"\",", CG_WALK_NODES_MAX - 2, "\"\"]", pool);
    CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_OK);
    CU_ASSERT_EQUAL(walk.count, CG_WALK_NODES_MAX);
    text = repeat("[", "\"\",", CG_WALK_NODES_MAX - 1, "\"\"]", pool);
    CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_TOO_MANY);
    CU_ASSERT_EQUAL(walk.count, 0);
    apr_pool_destroy(pool);
}

static void numbers_in_an_array_cost_no_node_but_are_counted(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    cg_str_t text = repeat("{\"input\":[", "15339,", 999999, "1]}", pool);
    CU_ASSERT_EQUAL_FATAL(walk_str(text, &walk, pool), CG_WALK_OK);
    CU_ASSERT_EQUAL(walk.count, 2);
    CU_ASSERT_EQUAL(cg_walk_length(&walk, 1), 1000000);
    apr_pool_destroy(pool);
}

static void document_beyond_four_gigabytes_is_not_even_read(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    CU_ASSERT_EQUAL(cg_walk("{}", UINT32_MAX, &walk, NULL, pool),
                    CG_WALK_TOO_MANY);
    apr_pool_destroy(pool);
}

/* An object with count different names, unit being a format for a number; the
 * last name stands twice if so wished. */
static cg_str_t large_object(const char *before, int count, bool has_twin,
                             apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 0, pool);
    cg_buf_char(&buf, '{');
    for (int i = 0; i < count; i++) {
        cg_buf_fmt(&buf, "\"%s%d\":1,", before, i);
    }
    cg_buf_fmt(&buf, "\"name%d\":1}", has_twin ? count / 2 : count);
    return (cg_str_t){buf.ptr, buf.len};
}

static void names_of_large_objects_are_compared(void)
{
    static const char *const SPELLINGS[] = {"name", "\\u006Eame",
                                            "na\\u006d\\u0065"};
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    for (size_t i = 0; i < 3; i++) {
        for (int count = 14; count < 300; count++) {
            cg_str_t text = large_object(SPELLINGS[i], count, false, pool);
            CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_OK);
            text = large_object(SPELLINGS[i], count, true, pool);
            CU_ASSERT_EQUAL(walk_str(text, &walk, pool), CG_WALK_DUPLICATE);
        }
    }
    apr_pool_destroy(pool);
}

/* Pairwise these would be ten thousand million comparisons: minutes. */
static void a_hundred_thousand_members_cost_no_more_than_their_bytes(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    cg_str_t few = large_object("name", 10000, false, pool);
    cg_str_t many = large_object("name", 100000, false, pool);
    apr_time_t at = cg_clock_monotonic();
    CU_ASSERT_EQUAL(walk_str(few, &walk, pool), CG_WALK_OK);
    apr_time_t few_took = cg_clock_monotonic() - at;
    at = cg_clock_monotonic();
    CU_ASSERT_EQUAL(walk_str(many, &walk, pool), CG_WALK_OK);
    apr_time_t many_took = cg_clock_monotonic() - at;
    CU_ASSERT_TRUE(many_took < 50 * few_took + 100000);
    CU_ASSERT_EQUAL(walk.count, 100002);
    many = large_object("name", 100000, true, pool);
    CU_ASSERT_EQUAL(walk_str(many, &walk, pool), CG_WALK_DUPLICATE);
    apr_pool_destroy(pool);
}

/* The table of one depth serves one object after the other. */
static void large_objects_side_by_side_do_not_mix(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk;
    cg_buf_t buf;
    cg_buf_init(&buf, 0, pool);
    cg_buf_char(&buf, '[');
    for (int i = 0; i < 5; i++) {
        int count = i % 2 ? 17 : 1000;
        cg_str_t object = large_object("name", count, false, pool);
        cg_buf_add(&buf, object.ptr, object.len);
        cg_buf_char(&buf, ',');
    }
    size_t whole = buf.len - 1;
    buf.ptr[whole] = ']';
    CU_ASSERT_EQUAL(cg_walk(buf.ptr, whole + 1, &walk, NULL, pool), CG_WALK_OK);
    cg_str_t twin = large_object("name", 40, true, pool);
    buf.ptr[whole] = ',';
    cg_buf_add(&buf, twin.ptr, twin.len);
    cg_buf_char(&buf, ']');
    CU_ASSERT_EQUAL(cg_walk(buf.ptr, buf.len, &walk, NULL, pool),
                    CG_WALK_DUPLICATE);
    apr_pool_destroy(pool);
}

/* ---- what a walk says ------------------------------------------------- */

static const char CHAT[] =
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
    "7,{\"content\":\"a\\n\\u4e2d\",\"x/y~z\":[null,\"last\"]}],"
    "\"n\":2,\"stream\":true,\"te\\u0078t\":\"\"}";

static void nodes_know_their_places(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = sound(CHAT, pool);
    uint32_t messages = cg_walk_member(&walk, 0, "messages");
    CU_ASSERT_EQUAL(messages, 2);
    CU_ASSERT_EQUAL(walk.nodes[messages].kind, CG_NODE_ARRAY);
    CU_ASSERT_EQUAL(walk.nodes[messages].depth, 1);
    CU_ASSERT_EQUAL(cg_walk_length(&walk, messages), 3);
    uint32_t first = walk.nodes[messages].child;
    uint32_t third = walk.nodes[first].next;
    CU_ASSERT_EQUAL(walk.nodes[third].key_start, 2);
    CU_ASSERT_EQUAL(walk.nodes[third].parent, messages);
    CU_ASSERT_EQUAL(walk.nodes[third].next, CG_NODE_NONE);
    CU_ASSERT_EQUAL(walk.nodes[0].parent, CG_NODE_NONE);
    CU_ASSERT_EQUAL(walk.nodes[0].end, sizeof CHAT - 1);
    CU_ASSERT_TRUE(cg_str_is(cg_walk_raw(&walk, first),
                             "{\"role\":\"user\",\"content\":\"hi\"}"));
    CU_ASSERT_EQUAL(walk.nodes[0].length, 5);
    apr_pool_destroy(pool);
}

static void members_are_found_by_their_decoded_name(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = sound(CHAT, pool);
    uint32_t text = cg_walk_member(&walk, 0, "text");
    CU_ASSERT_NOT_EQUAL(text, CG_NODE_NONE);
    CU_ASSERT_TRUE(cg_walk_key_is(&walk, text, "text"));
    CU_ASSERT_FALSE(cg_walk_key_is(&walk, text, "te"));
    CU_ASSERT_FALSE(cg_walk_key_is(&walk, text, "texts"));
    CU_ASSERT_FALSE(cg_walk_key_is(&walk, text, "tezt"));
    CU_ASSERT_FALSE(cg_walk_key_is(&walk, 0, ""));
    CU_ASSERT_EQUAL(cg_walk_member(&walk, 0, "tex"), CG_NODE_NONE);
    CU_ASSERT_EQUAL(cg_walk_member(&walk, 1, "model"), CG_NODE_NONE);
    CU_ASSERT_EQUAL(cg_walk_member(&walk, CG_NODE_NONE, "x"), CG_NODE_NONE);
    uint32_t stream = cg_walk_member(&walk, 0, "stream");
    CU_ASSERT_TRUE(cg_walk_is_true(&walk, stream));
    CU_ASSERT_FALSE(cg_walk_is_true(&walk, CG_NODE_NONE));
    apr_pool_destroy(pool);
}

static void an_element_has_no_name_but_an_empty_name_is_one(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = sound("[\"a\"]", pool);
    CU_ASSERT_FALSE(cg_walk_key_is(&walk, 1, ""));
    walk = sound("{\"\":\"a\"}", pool);
    CU_ASSERT_TRUE(cg_walk_key_is(&walk, 1, ""));
    CU_ASSERT_STRING_EQUAL(cg_walk_pointer(&walk, 1, pool), "/");
    apr_pool_destroy(pool);
}

static void strings_are_borrowed_or_decoded(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = sound(CHAT, pool);
    cg_str_t plain = cg_walk_string(&walk, 1, pool);
    CU_ASSERT_TRUE(cg_str_is(plain, "m"));
    CU_ASSERT_PTR_EQUAL(plain.ptr, CHAT + walk.nodes[1].start);
    int escaped = 0;
    for (uint32_t i = 0; i < walk.count; i++) {
        if (walk.nodes[i].is_escaped) {
            CU_ASSERT_TRUE(
                cg_str_is(cg_walk_string(&walk, i, pool), "a\n\xE4\xB8\xAD"));
            escaped++;
        }
    }
    CU_ASSERT_EQUAL(escaped, 1);
    CU_ASSERT_EQUAL(cg_walk_string(&walk, 0, pool).len, 0);
    CU_ASSERT_EQUAL(cg_walk_raw(&walk, walk.count).len, 0);
    apr_pool_destroy(pool);
}

static void pointers_name_members_and_elements(void)
{
    apr_pool_t *pool = open_pool();
    cg_walk_t walk = sound(CHAT, pool);
    CU_ASSERT_STRING_EQUAL(cg_walk_pointer(&walk, 0, pool), "");
    uint32_t last = CG_NODE_NONE;
    for (uint32_t i = 0; i < walk.count; i++) {
        if (cg_str_is(cg_walk_raw(&walk, i), "last")) {
            last = i;
        }
    }
    CU_ASSERT_STRING_EQUAL(cg_walk_pointer(&walk, last, pool),
                           "/messages/2/x~1y~0z/1");
    CU_ASSERT_STRING_EQUAL(
        cg_walk_pointer(&walk, cg_walk_member(&walk, 0, "text"), pool),
        "/text");
    CU_ASSERT_STRING_EQUAL(cg_walk_pointer(&walk, CG_NODE_NONE, pool), "");
    apr_pool_destroy(pool);
}

static void whole_numbers_are_read_by_value(void)
{
    static const struct {
        const char *text;
        bool is_whole;
        int64_t value;
    } CASES[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"256", true, 256},
        {"-17", true, -17},
        {"100.0", true, 100},
        {"1.50e1", true, 15},
        {"1e3", true, 1000},
        {"1E+3", true, 1000},
        {"12300e-2", true, 123},
        {"0e99999999999999999999", true, 0},
        {"0.000", true, 0},
        {"10000000000000000000000e-20", true, 100},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"1e19", false, 0},
        {"1e99999999999999999999", false, 0},
        {"1e-99999999999999999999", false, 0},
        {"1.5", false, 0},
        {"5e-1", false, 0},
        {"0.1e0", false, 0},
        {"\"5\"", false, 0},
        {"true", false, 0},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cg_walk_t walk = sound(CASES[i].text, pool);
        int64_t value = 0;
        bool is_whole = cg_walk_int(&walk, 0, &value);
        if (is_whole != CASES[i].is_whole || value != CASES[i].value) {
            printf("\n    %s gave %lld\n", CASES[i].text, (long long)value);
        }
        CU_ASSERT_EQUAL(is_whole, CASES[i].is_whole);
        CU_ASSERT_TRUE(!is_whole || value == CASES[i].value);
    }
    apr_pool_destroy(pool);
}

/* ---- decoding and editing --------------------------------------------- */

static void each_decoded_byte_knows_its_source(void)
{
    cg_str_t raw = CG_STR("a\\n\\u4e2dz\\ud83d\\ude00\xC3\xA9\\\"");
    char out[64];
    uint32_t map[64];
    size_t len = cg_walk_unescape(raw, out, map);
    static const char WANTED[] = "a\n\xE4\xB8\xADz\xF0\x9F\x98\x80\xC3\xA9\"";
    static const uint32_t PLACES[] = {0,  1,  3,  3,  3,  9,  10,
                                      10, 10, 10, 22, 23, 24, 26};
    CU_ASSERT_EQUAL(len, sizeof WANTED - 1);
    CU_ASSERT_EQUAL(memcmp(out, WANTED, len), 0);
    CU_ASSERT_EQUAL(memcmp(map, PLACES, sizeof PLACES), 0);
    CU_ASSERT_EQUAL(cg_walk_unescape(raw, out, NULL), len);
    CU_ASSERT_EQUAL(cg_walk_unescape(CG_STR(""), out, map), 0);
    CU_ASSERT_EQUAL(map[0], 0);
}

static void splices_leave_every_other_byte_alone(void)
{
    apr_pool_t *pool = open_pool();
    cg_str_t source = CG_STR("{ \"a\": \"secret\", \"b\":\"x\" }");
    const cg_splice_t splices[] = {
        {0, 0, CG_STR("\n")},
        {8, 14, CG_STR("<MASK_1>")},
        {22, 23, CG_STR("")},
    };
    cg_buf_t out;
    cg_buf_init(&out, 0, pool);
    cg_walk_splice(source, splices, 3, &out);
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&out),
                           "\n{ \"a\": \"<MASK_1>\", \"b\":\"\" }");
    cg_buf_init(&out, 0, pool);
    cg_walk_splice(source, NULL, 0, &out);
    CU_ASSERT_TRUE(cg_str_equal((cg_str_t){out.ptr, out.len}, source));
    apr_pool_destroy(pool);
}

/* A special byte at each place of the sixteen-byte step is seen. */
static void special_bytes_are_seen_at_every_place(void)
{
    static const struct {
        const char *bytes;
        cg_walk_status_t status;
    } CASES[] = {
        {"\\n", CG_WALK_OK},          {"\\x", CG_WALK_SYNTAX},
        {"\x1F", CG_WALK_SYNTAX},     {"\x7F", CG_WALK_OK},
        {"\xE4\xB8\xAD", CG_WALK_OK}, {"\xFF", CG_WALK_ENCODING},
        {"\xC3\xA9", CG_WALK_OK},     {"\x80", CG_WALK_ENCODING},
        {"\"", CG_WALK_SYNTAX},       {"\xF0\x9F\x98\x80", CG_WALK_OK},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (int before = 0; before < 40; before++) {
            for (int after = 0; after < 20; after++) {
                cg_buf_t buf;
                cg_buf_init(&buf, 0, pool);
                cg_buf_fmt(&buf, "\"%.*s%s%.*s\"", before,
                           "########################################",
                           CASES[i].bytes, after, "####################");
                cg_walk_t walk;
                cg_str_t text = {buf.ptr, buf.len};
                CU_ASSERT_EQUAL(walk_exact(text, &walk, NULL, pool),
                                CASES[i].status);
            }
        }
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

/* ---- the public corpus ------------------------------------------------ */

static cg_str_t from_base64(cg_str_t text, apr_pool_t *pool)
{
    char *copy = cg_str_dup(text, pool);
    size_t len = strcspn(copy, "=");
    for (size_t i = 0; i < len; i++) {
        copy[i] = copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i];
    }
    unsigned char *out = apr_palloc(pool, len + 1);
    size_t out_len = 0;
    CU_ASSERT_TRUE(cg_b64url_decode(copy, len, out, &out_len));
    return (cg_str_t){(const char *)out, out_len};
}

static cg_str_t text_of(const cg_walk_t *row, uint32_t object, const char *name,
                        apr_pool_t *pool)
{
    return cg_walk_string(row, cg_walk_member(row, object, name), pool);
}

static cg_str_t generated(const cg_walk_t *row, uint32_t gen, apr_pool_t *pool)
{
    int64_t n = 0;
    cg_walk_int(row, cg_walk_member(row, gen, "n"), &n);
    int64_t n2 = n;
    cg_walk_int(row, cg_walk_member(row, gen, "n2"), &n2);
    cg_str_t unit = text_of(row, gen, "unit", pool);
    cg_str_t unit2 = text_of(row, gen, "unit2", pool);
    cg_str_t prefix = text_of(row, gen, "prefix", pool);
    cg_str_t middle = text_of(row, gen, "middle", pool);
    cg_str_t suffix = text_of(row, gen, "suffix", pool);
    cg_buf_t buf;
    cg_buf_init(&buf, 0, pool);
    cg_buf_add(&buf, prefix.ptr, prefix.len);
    for (int64_t i = 0; i < n; i++) {
        cg_buf_add(&buf, unit.ptr, unit.len);
    }
    cg_buf_add(&buf, middle.ptr, middle.len);
    for (int64_t i = 0; i < n2; i++) {
        cg_buf_add(&buf, unit2.ptr, unit2.len);
    }
    cg_buf_add(&buf, suffix.ptr, suffix.len);
    return (cg_str_t){buf.ptr, buf.len};
}

/* False for a body packed with zlib: two rows, not worth a library here. */
static bool body_of(const cg_walk_t *row, cg_str_t *out, apr_pool_t *pool)
{
    uint32_t gen = cg_walk_member(row, 0, "gen");
    if (gen != CG_NODE_NONE) {
        *out = generated(row, gen, pool);
        return true;
    }
    if (cg_walk_member(row, 0, "body_b64") != CG_NODE_NONE) {
        *out = from_base64(text_of(row, 0, "body_b64", pool), pool);
        return true;
    }
    *out = text_of(row, 0, "body", pool);
    return cg_walk_member(row, 0, "body") != CG_NODE_NONE;
}

static bool is_refused_on_purpose(cg_walk_status_t status)
{
    return status == CG_WALK_DUPLICATE || status == CG_WALK_ENCODING ||
           status == CG_WALK_TOO_DEEP;
}

static void check_row(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t body = CG_STR("");
    if (!body_of(row, &body, pool)) {
        return;
    }
    cg_walk_t walk;
    cg_error_t err = {""};
    cg_walk_status_t status = walk_exact(body, &walk, &err, pool);
    cg_str_t expect = text_of(row, 0, "expect", pool);
    bool is_right = cg_str_is(expect, "reject") ? status != CG_WALK_OK
                    : cg_str_is(expect, "accept")
                        ? status == CG_WALK_OK || is_refused_on_purpose(status)
                        : true;
    if (!is_right) {
        cg_str_t id = text_of(row, 0, "id", pool);
        printf("\n    %.*s: %s\n", (int)id.len, id.ptr, err.text);
    }
    CU_ASSERT_TRUE(is_right);
}

static void the_public_corpus_finds_nothing(void)
{
    const char *folder = getenv("CG_CORPORA");
    char path[1000];
    snprintf(path, sizeof path, "%s/security/json-parsing.jsonl",
             folder ? folder : "");
    FILE *file = folder ? fopen(path, "r") : NULL;
    if (!file) {
        printf(" (left out: CG_CORPORA names no corpus) ");
        return;
    }
    apr_pool_t *pool = open_pool();
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    int strange = 0; /* rows that hold a NUL or lone surrogate themselves */
    for (ssize_t len = getline(&line, &cap, file); len > 0;
         len = getline(&line, &cap, file)) {
        cg_walk_t row;
        if (cg_walk(line, (size_t)len, &row, NULL, pool) == CG_WALK_OK) {
            check_row(&row, pool);
            count++;
        } else {
            strange++;
        }
        apr_pool_clear(pool);
    }
    CU_ASSERT_TRUE(count >= 300);
    CU_ASSERT_TRUE(strange < 10);
    free(line);
    fclose(file);
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_walk[] = {
    {"sound_documents_are_accepted", sound_documents_are_accepted},
    {"unsound_documents_are_refused_with_kind_and_place",
     unsound_documents_are_refused_with_kind_and_place},
    {"a_hundred_thousand_brackets_end_at_the_sixty_fifth",
     a_hundred_thousand_brackets_end_at_the_sixty_fifth},
    {"node_number_is_bounded", node_number_is_bounded},
    {"numbers_in_an_array_cost_no_node_but_are_counted",
     numbers_in_an_array_cost_no_node_but_are_counted},
    {"document_beyond_four_gigabytes_is_not_even_read",
     document_beyond_four_gigabytes_is_not_even_read},
    {"names_of_large_objects_are_compared",
     names_of_large_objects_are_compared},
    {"a_hundred_thousand_members_cost_no_more_than_their_bytes",
     a_hundred_thousand_members_cost_no_more_than_their_bytes},
    {"large_objects_side_by_side_do_not_mix",
     large_objects_side_by_side_do_not_mix},
    {"nodes_know_their_places", nodes_know_their_places},
    {"members_are_found_by_their_decoded_name",
     members_are_found_by_their_decoded_name},
    {"an_element_has_no_name_but_an_empty_name_is_one",
     an_element_has_no_name_but_an_empty_name_is_one},
    {"strings_are_borrowed_or_decoded", strings_are_borrowed_or_decoded},
    {"pointers_name_members_and_elements", pointers_name_members_and_elements},
    {"whole_numbers_are_read_by_value", whole_numbers_are_read_by_value},
    {"each_decoded_byte_knows_its_source", each_decoded_byte_knows_its_source},
    {"splices_leave_every_other_byte_alone",
     splices_leave_every_other_byte_alone},
    {"special_bytes_are_seen_at_every_place",
     special_bytes_are_seen_at_every_place},
    {"the_public_corpus_finds_nothing", the_public_corpus_finds_nothing},
    CU_TEST_INFO_NULL,
};
