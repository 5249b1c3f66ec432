/* The memory of scanned texts, and who asks it: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/memo.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>

#include "base/share_int.h"
#include "flow/finder.h"

#define ENTRIES 64
#define NOW apr_time_from_sec(1000000)
#define VERSION 7

static const uint64_t secret[2] = {1, 2};

typedef struct desk_t {
    apr_pool_t *pool;
    void *memory;
    cg_memo_t *memo;
    cg_findings_t out;
} desk_t;

static void open_desk(desk_t *desk, size_t entries)
{
    apr_pool_create(&desk->pool, NULL);
    size_t bytes = cg_memo_bytes(entries);
    desk->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    memset(desk->memory, 0, bytes);
    desk->memo = cg_memo_open(desk->memory, entries, secret, desk->pool);
    cg_findings_init(&desk->out, desk->pool);
}

static void close_desk(desk_t *desk)
{
    free(desk->memory);
    apr_pool_destroy(desk->pool);
}

static cg_memo_key_t key_of(const desk_t *desk, const char *text)
{
    return cg_memo_key(desk->memo, VERSION, 1, CG_STR(""), cg_str(text));
}

/* count findings of three bytes each, one after the other. */
static cg_findings_t some(cg_finding_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = (cg_finding_t){.start = (uint32_t)i * 4,
                                  .end = (uint32_t)i * 4 + 3,
                                  .type = CG_TYPE_US_SSN,
                                  .score = 90,
                                  .rule = -1};
    }
    return (cg_findings_t){.items = items, .count = count};
}

static void put_gives_back_what_was_found(size_t count)
{
    desk_t desk;
    char text[CG_MEMO_FINDINGS_MAX * 4 + 9];
    cg_finding_t items[CG_MEMO_FINDINGS_MAX + 1];
    cg_findings_t found = some(items, count);
    open_desk(&desk, ENTRIES * 8);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    cg_memo_key_t key = key_of(&desk, text);
    CU_ASSERT_FALSE(cg_memo_get(desk.memo, &key, cg_str(text), NOW, &desk.out));
    cg_memo_put(desk.memo, &key, cg_str(text), &found, NOW);
    bool is_known =
        cg_memo_get(desk.memo, &key, cg_str(text), NOW, &desk.out);
    CU_ASSERT_EQUAL(is_known, count <= CG_MEMO_FINDINGS_MAX);
    if (is_known) {
        CU_ASSERT_EQUAL(desk.out.count, count);
        CU_ASSERT_TRUE(count == 0 || memcmp(desk.out.items, items,
                                            count * sizeof *items) == 0);
    }
    close_desk(&desk);
}

static void findings_come_back_however_many_there_are(void)
{
    static const size_t counts[] = {0, 1, 5, 6, 7, 12, 13, CG_MEMO_FINDINGS_MAX,
                                    CG_MEMO_FINDINGS_MAX + 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        put_gives_back_what_was_found(counts[i]);
    }
}

static bool is_same(cg_memo_key_t a, cg_memo_key_t b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void all_that_the_findings_depend_on_is_in_the_key(void)
{
    desk_t desk;
    open_desk(&desk, ENTRIES);
    cg_memo_t *memo = desk.memo;
    cg_str_t text = CG_STR("a text");
    cg_str_t name = CG_STR("ssn");
    cg_memo_key_t key = cg_memo_key(memo, 7, 1, name, text);
    CU_ASSERT_TRUE(is_same(key, cg_memo_key(memo, 7, 1, name, text)));
    CU_ASSERT_FALSE(is_same(key, cg_memo_key(memo, 8, 1, name, text)));
    CU_ASSERT_FALSE(is_same(key, cg_memo_key(memo, 7, 2, name, text)));
    CU_ASSERT_FALSE(is_same(key, cg_memo_key(memo, 7, 1, CG_STR("ss"), text)));
    CU_ASSERT_FALSE(is_same(key, cg_memo_key(memo, 7, 1, name, name)));
    static const uint64_t other[2] = {1, 3};
    cg_memo_t *another = cg_memo_open(desk.memory, ENTRIES, other, desk.pool);
    CU_ASSERT_FALSE(is_same(key, cg_memo_key(another, 7, 1, name, text)));
    close_desk(&desk);
}

/* Whatever is flipped in the memory: a verdict is as it was put, or none. */
static void a_damaged_entry_is_no_verdict(void)
{
    desk_t desk;
    cg_finding_t items[8];
    cg_findings_t found = some(items, 8);
    const char *text = "0123456789 0123456789 0123456789 012345";
    open_desk(&desk, 8);
    cg_memo_key_t key = key_of(&desk, text);
    size_t bytes = cg_memo_bytes(8);
    int known = 0;
    for (size_t at = CG_LINE_BYTES; at < bytes; at++) {
        memset(desk.memory, 0, bytes);
        desk.memo = cg_memo_open(desk.memory, 8, secret, desk.pool);
        cg_memo_put(desk.memo, &key, cg_str(text), &found, NOW);
        ((unsigned char *)desk.memory)[at] ^= 0x5A;
        if (cg_memo_get(desk.memo, &key, cg_str(text), NOW, &desk.out)) {
            known++;
            CU_ASSERT_EQUAL(desk.out.count, 8);
            CU_ASSERT_EQUAL(memcmp(desk.out.items, items, sizeof items), 0);
        }
        else {
            CU_ASSERT_EQUAL(desk.out.count, 0);
        }
    }
    CU_ASSERT_TRUE(known > 0); /* where nothing stands */
    close_desk(&desk);
}

/* Another text's findings under this key would not fit it. */
static void findings_that_do_not_fit_the_text_are_no_verdict(void)
{
    static const struct {
        cg_finding_t finding;
        const char *text;
    } cases[] = {
        {{.start = 2, .end = 12, .type = CG_TYPE_US_SSN}, "0123456789"},
        {{.start = 3, .end = 3, .type = CG_TYPE_US_SSN}, "0123456789"},
        {{.start = 5, .end = 3, .type = CG_TYPE_US_SSN}, "0123456789"},
        {{.start = 0, .end = 3, .type = CG_TYPE_COUNT}, "0123456789"},
        {{.start = 1, .end = 3, .type = CG_TYPE_US_SSN}, "\xE4\xB8\xAD" "x"},
        {{.start = 0, .end = 2, .type = CG_TYPE_US_SSN}, "\xE4\xB8\xAD" "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        desk_t desk;
        cg_finding_t item = cases[i].finding;
        cg_findings_t found = {.items = &item, .count = 1};
        open_desk(&desk, ENTRIES);
        cg_memo_key_t key = key_of(&desk, cases[i].text);
        cg_memo_put(desk.memo, &key, cg_str(cases[i].text), &found, NOW);
        CU_ASSERT_FALSE(cg_memo_get(desk.memo, &key, cg_str(cases[i].text), NOW,
                                    &desk.out));
        close_desk(&desk);
    }
}

/* A part of a long verdict that was driven out takes the whole with it. */
static void a_verdict_without_one_of_its_parts_is_none(void)
{
    desk_t desk;
    char text[200];
    cg_finding_t items[40];
    cg_findings_t found = some(items, 40);
    open_desk(&desk, 8); /* one set: seven parts just fit */
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = 0;
    cg_memo_key_t key = key_of(&desk, text);
    cg_memo_put(desk.memo, &key, cg_str(text), &found, NOW);
    CU_ASSERT_TRUE(cg_memo_get(desk.memo, &key, cg_str(text), NOW, &desk.out));
    for (int i = 0; i < 3; i++) {
        char other[32];
        snprintf(other, sizeof other, "another text %d", i);
        cg_findings_t none = {.count = 0};
        cg_memo_key_t of = key_of(&desk, other);
        cg_memo_put(desk.memo, &of, cg_str(other), &none, NOW + 1 + i);
    }
    CU_ASSERT_FALSE(cg_memo_get(desk.memo, &key, cg_str(text), NOW, &desk.out));
    close_desk(&desk);
}

/* What is used stays when room is needed, however early it came. */
static void an_entry_in_use_stays(void)
{
    desk_t desk;
    cg_findings_t none = {.count = 0};
    open_desk(&desk, 8);
    cg_memo_key_t key = key_of(&desk, "used");
    cg_memo_put(desk.memo, &key, cg_str("used"), &none, NOW);
    for (int i = 0; i < 40; i++) {
        char other[32];
        apr_time_t now = NOW + apr_time_from_sec(61 * (i + 1));
        CU_ASSERT_TRUE(
            cg_memo_get(desk.memo, &key, cg_str("used"), now, &desk.out));
        snprintf(other, sizeof other, "%d", i);
        cg_memo_key_t of = key_of(&desk, other);
        cg_memo_put(desk.memo, &of, cg_str(other), &none, now);
    }
    close_desk(&desk);
}

static void the_memory_holds_no_text(void)
{
    desk_t desk;
    char text[] = "My card is 4111 1111 1111 1111, and a good deal more is said "
                  "here so that the text is long enough to be remembered.";
    cg_finder_t finder;
    open_desk(&desk, ENTRIES);
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, desk.memo, NOW);
    CU_ASSERT_EQUAL(
        cg_finder_find(&finder, CG_STR(""), cg_str(text), &desk.out),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(desk.out.count, 1);
    size_t bytes = cg_memo_bytes(ENTRIES);
    for (size_t at = 0; at + 4 <= strlen(text); at++) {
        CU_ASSERT_PTR_NULL(memmem(desk.memory, bytes, text + at, 4));
    }
    close_desk(&desk);
}

/* The second time nothing is scanned: counted, not timed. */
static void a_text_is_scanned_once(void)
{
    desk_t desk;
    cg_finder_t finder;
    char text[400];
    open_desk(&desk, ENTRIES);
    for (int round = 0; round < 3; round++) {
        cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, desk.memo,
                       NOW);
        for (int i = 0; i < 20; i++) {
            memset(text, 'a' + i, sizeof text);
            memcpy(text + 100, " 4111111111111111 ", 18);
            text[sizeof text - 1] = 0;
            CU_ASSERT_EQUAL(
                cg_finder_find(&finder, CG_STR(""), cg_str(text), &desk.out),
                APR_SUCCESS);
            CU_ASSERT_EQUAL(desk.out.count, 1);
            CU_ASSERT_EQUAL(desk.out.items[0].start, 101);
        }
        CU_ASSERT_EQUAL(finder.misses, round == 0 ? 20 : 0);
        CU_ASSERT_EQUAL(finder.hits, round == 0 ? 0 : 20);
    }
    close_desk(&desk);
}

static void short_texts_and_no_memory_need_no_look(void)
{
    desk_t desk;
    cg_finder_t finder;
    open_desk(&desk, ENTRIES);
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, desk.memo, NOW);
    cg_str_t card = CG_STR("4111111111111111");
    cg_finder_find(&finder, CG_STR(""), card, &desk.out);
    CU_ASSERT_EQUAL(desk.out.count, 1);
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, NULL, NOW);
    cg_finder_find(&finder, CG_STR(""), card, &desk.out);
    CU_ASSERT_EQUAL(desk.out.count, 1);
    CU_ASSERT_EQUAL(finder.hits + finder.misses, 0);
    close_desk(&desk);
}

static void what_cannot_be_scanned_is_not_remembered(void)
{
    desk_t desk;
    cg_finder_t finder;
    cg_memo_key_t key;
    open_desk(&desk, ENTRIES);
    cg_finder_open(&finder, cg_rules_builtin(), CG_SCAN_DEEP, NULL, NOW);
    cg_str_t endless = {"x", CG_SCAN_TEXT_MAX + 1}; /* never read */
    CU_ASSERT_NOT_EQUAL(
        cg_finder_find(&finder, CG_STR(""), endless, &desk.out), APR_SUCCESS);
    key = key_of(&desk, "x");
    CU_ASSERT_FALSE(
        cg_memo_get(desk.memo, &key, CG_STR("x"), NOW, &desk.out));
    close_desk(&desk);
}

CU_TestInfo test_flow_memo[] = {
    {"findings_come_back_however_many_there_are",
     findings_come_back_however_many_there_are},
    {"all_that_the_findings_depend_on_is_in_the_key",
     all_that_the_findings_depend_on_is_in_the_key},
    {"a_damaged_entry_is_no_verdict", a_damaged_entry_is_no_verdict},
    {"findings_that_do_not_fit_the_text_are_no_verdict",
     findings_that_do_not_fit_the_text_are_no_verdict},
    {"a_verdict_without_one_of_its_parts_is_none",
     a_verdict_without_one_of_its_parts_is_none},
    {"an_entry_in_use_stays", an_entry_in_use_stays},
    {"the_memory_holds_no_text", the_memory_holds_no_text},
    {"a_text_is_scanned_once", a_text_is_scanned_once},
    {"short_texts_and_no_memory_need_no_look",
     short_texts_and_no_memory_need_no_look},
    {"what_cannot_be_scanned_is_not_remembered",
     what_cannot_be_scanned_is_not_remembered},
    CU_TEST_INFO_NULL,
};
