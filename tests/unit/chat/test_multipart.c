/* The multipart reader: what is a form, and what two readers might differ on.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cases: tests/data/multipart/forms.jsonl, each cut at every byte, and types.jsonl.
 * The boundary is X-b.
 */
#include "chat/multipart.h"

#include "cases.h"

#define BOUNDARY CG_STR("X-b")

/* What was told, in words: "name|filename|type|star|data" a part. */
typedef struct told_t {
    cg_buf_t text;
    bool is_in_part;
    int stop_after; /* parts; 0: never */
    int parts;
} told_t;

static void add_field(told_t *told, cg_str_t field)
{
    cg_buf_add(&told->text, field.ptr, field.len);
    cg_buf_char(&told->text, '|');
}

static bool on_part(void *baton, const cg_part_t *part)
{
    told_t *told = baton;
    CU_ASSERT_FALSE(told->is_in_part);
    told->is_in_part = true;
    told->parts++;
    add_field(told, part->name);
    add_field(told, part->has_filename ? part->filename : CG_STR("-"));
    add_field(told, part->media_type);
    add_field(told, part->filename_star);
    return told->stop_after == 0 || told->parts < told->stop_after;
}

static bool on_data(void *baton, cg_str_t data)
{
    told_t *told = baton;
    CU_ASSERT(told->is_in_part);
    CU_ASSERT(data.len > 0);
    cg_buf_add(&told->text, data.ptr, data.len);
    return true;
}

static bool on_end(void *baton)
{
    told_t *told = baton;
    CU_ASSERT(told->is_in_part);
    told->is_in_part = false;
    cg_buf_char(&told->text, '\n');
    return true;
}

static const cg_multipart_on_t on = {on_part, on_data, on_end};

/* A piece in memory of exactly its size, so that ASan sees a read beyond. */
static cg_multipart_status_t feed(cg_multipart_t *multipart, const char *ptr,
                                  size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, ptr, len);
    cg_multipart_status_t status =
        cg_multipart_feed(multipart, (cg_str_t){copy, len});
    free(copy);
    return status;
}

/* In pieces of first, then step bytes. Returns the fault; NULL: a form. */
static const char *read_cut(cg_str_t body, size_t first, size_t step,
                            told_t *told, apr_pool_t *pool)
{
    cg_multipart_t *multipart = malloc(sizeof *multipart);
    cg_multipart_status_t status = CG_MULTIPART_OK;
    memset(told, 0, sizeof *told);
    cg_buf_init(&told->text, 256, pool);
    cg_multipart_open(multipart, BOUNDARY, &on, told);
    for (size_t at = 0; at < body.len && status == CG_MULTIPART_OK;) {
        size_t len = at == 0 ? first : step;
        len = len < body.len - at ? len : body.len - at;
        status = feed(multipart, body.ptr + at, len);
        at += len;
    }
    if (status == CG_MULTIPART_OK) {
        status = cg_multipart_finish(multipart);
    }
    const char *fault =
        status == CG_MULTIPART_FAULT ? multipart->fault : NULL;
    free(multipart);
    return fault;
}

static cg_str_t wanted(const cg_walk_t *row, uint32_t parts, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 256, pool);
    for (uint32_t part = row->nodes[parts].child; part != CG_NODE_NONE;
         part = row->nodes[part].next) {
        static const uint32_t order[] = {0, 1, 2, 4, 3};
        cg_str_t fields[5] = {{"", 0}, {"-", 1}, {"", 0}, {"", 0}, {"", 0}};
        for (uint32_t at = row->nodes[part].child; at != CG_NODE_NONE;
             at = row->nodes[at].next) {
            fields[row->nodes[at].key_start] = cg_walk_string(row, at, pool);
        }
        for (int i = 0; i < 5; i++) {
            cg_str_t field = fields[order[i]];
            cg_buf_add(&out, field.ptr, field.len);
            cg_buf_char(&out, i < 4 ? '|' : '\n');
        }
    }
    return (cg_str_t){out.ptr ? out.ptr : "", out.len};
}

static void check_form(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t body = text_in(row, "body", pool);
    uint32_t parts = cg_walk_member(row, 0, "parts");
    told_t whole;
    const char *fault = read_cut(body, body.len, 1, &whole, pool);
    if (parts == CG_NODE_NONE) {
        cg_str_t words = text_in(row, "fault", pool);
        check(fault && strstr(fault, cg_str_dup(words, pool)), row,
              fault ? fault : "no fault");
    }
    else {
        cg_str_t want = wanted(row, parts, pool);
        cg_str_t got = {whole.text.ptr, whole.text.len};
        check(!fault && cg_str_equal(got, want), row,
              fault ? fault : cg_str_dup(got, pool));
    }
    for (size_t cut = 1; cut < body.len && body.len < 2000; cut++) {
        told_t cut_there;
        told_t bytewise;
        const char *same = read_cut(body, cut, body.len, &cut_there, pool);
        check(same == fault, row, "another fault when cut");
        check(fault || cg_str_equal(
                           (cg_str_t){cut_there.text.ptr, cut_there.text.len},
                           (cg_str_t){whole.text.ptr, whole.text.len}),
              row, "another form when cut");
        read_cut(body, cut % 7 + 1, cut % 5 + 1, &bytewise, pool);
        check(fault || cg_str_equal(
                           (cg_str_t){bytewise.text.ptr, bytewise.text.len},
                           (cg_str_t){whole.text.ptr, whole.text.len}),
              row, "another form in small pieces");
    }
}

static void a_form_is_the_same_wherever_it_is_cut(void)
{
    each_case("multipart/forms.jsonl", check_form);
}

static void check_type(const cg_walk_t *row, apr_pool_t *pool)
{
    const char *fault = NULL;
    cg_str_t boundary;
    bool is_known =
        cg_multipart_boundary(text_in(row, "type", pool), &boundary, &fault);
    bool is_wanted = cg_walk_member(row, 0, "boundary") != CG_NODE_NONE;
    check(is_known == is_wanted, row, fault);
    check(!is_wanted || cg_str_equal(boundary, text_in(row, "boundary", pool)),
          row, "boundary");
}

static void a_boundary_is_read_in_one_way_only(void)
{
    each_case("multipart/types.jsonl", check_type);
}

static void whoever_says_stop_is_told_nothing_more(void)
{
    static const char body[] =
        "--X-b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
        "--X-b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n"
        "--X-b--\r\n";
    apr_pool_t *pool = open_pool();
    cg_multipart_t *multipart = malloc(sizeof *multipart);
    told_t told = {.stop_after = 2};
    cg_buf_init(&told.text, 64, pool);
    cg_multipart_open(multipart, BOUNDARY, &on, &told);
    CU_ASSERT_EQUAL(feed(multipart, body, sizeof body - 1),
                    CG_MULTIPART_STOPPED);
    CU_ASSERT_EQUAL(feed(multipart, body, sizeof body - 1),
                    CG_MULTIPART_STOPPED);
    CU_ASSERT_EQUAL(cg_multipart_finish(multipart), CG_MULTIPART_STOPPED);
    CU_ASSERT_EQUAL(told.parts, 2);
    free(multipart);
    apr_pool_destroy(pool);
}

CU_TestInfo test_chat_multipart[] = {
    {"a_form_is_the_same_wherever_it_is_cut",
     a_form_is_the_same_wherever_it_is_cut},
    {"a_boundary_is_read_in_one_way_only", a_boundary_is_read_in_one_way_only},
    {"whoever_says_stop_is_told_nothing_more",
     whoever_says_stop_is_told_nothing_more},
    CU_TEST_INFO_NULL,
};
