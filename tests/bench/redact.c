/* make bench: what the search for secrets and personal data costs, on one core.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All types and 10,000 keywords, over the mean text: English and Chinese prose,
 * half of the bytes each, two lines in a hundred with personal data. Beside it
 * the same text through a loop of PCRE2-JIT over one expression for each type:
 * no check digits, no labels, nothing normalised, the least that such a loop
 * must do; and once with the keywords as one more expression. Then texts made
 * to be slow, by what a byte of them costs beside a byte of the mean.
 *
 * A figure is the best of some rounds, in CPU time of the thread.
 *
 *      redact [all | part of a name]   the slow texts to print; else the worst
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <pcre2.h>

#include "redact/scan.h"
#include "redact/stream.h"

#define KIB 1024
#define ROUNDS 9
#define LOOP_ROUNDS 3
#define KEYWORDS 10000
#define AT_ONCE                                                                \
    500 /* keywords in one expression; of more PCRE2 makes no code */
#define LINES_WITH_DATA 50 /* one line in so many */
#define HOSTILE_BYTES (64 * KIB)
#define WORST 12 /* slow texts printed */
#define STREAM_BYTES (64 * KIB)
#define HOSTILE_STREAM_BYTES (8 * KIB)

static uint64_t now_nanos(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static uint32_t chance(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

#define PICK(list, state)                                                      \
    ((list)[chance(state) % (sizeof(list) / sizeof *(list))])

/* ---- texts ---- */

static const char *const english[] = {
    "Please look at the notes of the meeting below and write a short summary "
    "for the board.",
    "The supplier in the northern region has asked for another two weeks, "
    "which we can give.",
    "We agreed in March that the price per unit would not rise before the end "
    "of the year (see page 14).",
    "Demand was 12% above plan, while freight stayed level at 3.40 a unit; the "
    "rest is in table 7.",
    "If the second plant takes one shift, the first can be overhauled in week "
    "32.",
    "Version 2.4.1 of the planning tool shows the same totals; it was checked "
    "on 2024-05-17 at 10:42.",
    "What would you say to the customer, who is polite but losing patience?",
    "Keep it under two hundred words, in plain language, with the main risk "
    "first.",
    "Access control lists are read once when the server starts; a later change "
    "needs a restart.",
    "The last audit found nothing of note, apart from three missing signatures "
    "and a late report.",
    "A function that returns early is easier to read than one with five levels "
    "of nesting.",
    "for (size_t i = 0; i < table->count; i++) { total += "
    "table->rows[i].amount * rate; }",
    "The order 4500018834 left the warehouse on Tuesday and should arrive by "
    "the end of the week.",
    "Temperatures of -3.5 to 21.0 degrees were logged by both sensors over 36 "
    "hours.",
    "See https://docs.example.org/guide/install.html#step-3 for the options "
    "that may be given.",
    "Our estimate for the first quarter is $1,250,000, give or take five per "
    "cent.",
};
static const char *const chinese[] = {
    "请阅读下面的会议记录,并为董事会写一份简短的总结。",
    "北方地区的供应商希望再宽限两周,我们认为可以接受。",
    "三月份我们已经商定,单价在年底之前不会上涨(见第14页)。",
    "需求比计划高出12%,运费保持在每件3.40元的水平;其余数据见表7。",
    "如果第二工厂承担一个班次,第一工厂可以在第32周进行检修。",
    "规划工具的2.4.1版本显示相同的总数,已于2024年5月17日核对。",
    "对于一位有礼貌但逐渐失去耐心的客户,您会怎么说?",
    "请控制在两百字以内,使用通俗易懂的语言,先说明主要风险。",
    "访问控制列表在服务器启动时读取一次,之后的修改需要重新启动才能生效。",
    "上次审计除了三处缺少签名和一份迟交的报告之外,没有发现任何问题。",
    "尽早返回的函数比嵌套五层的函数更容易阅读和维护。",
    "该订单已于星期二离开仓库,预计在本周末之前送达客户手中。",
    "两个传感器在36小时内记录的温度介于零下三点五度和二十一度之间。",
    "第一季度的预算为一百二十五万元,上下浮动不超过百分之五。",
};
/* %d: a digit */
static const char *const personal[] = {
    "My colleague Anna (anna.b%d%d@example.com) has the signed copy of the "
    "contract.",
    "The card on file, 4111 1111 1111 1111, has to be replaced before June "
    "%d%d.",
    "您可以拨打手机138%d%d00%d%d000与我联系。",
    "身份证号:11010519491231002X,请在第%d页登记。",
    "Call me at +1 415 555 26%d%d if the figures for April look wrong to you.",
    "Our server 81.2.69.1%d%d writes its log to the shared drive each night.",
    "Beneficiary account: GB82 WEST 1234 5698 7654 32, attention desk %d.",
};

static void add(cg_buf_t *out, const char *text, uint32_t *state)
{
    for (; *text; text++) {
        char c = *text;
        if (c == '%' && text[1] == 'd') {
            c = (char)('0' + chance(state) % 10);
            text++;
        }
        cg_buf_add(out, &c, 1);
    }
}

/* The mean text, or one half of it. */
typedef enum tongue_t { BOTH, ENGLISH, CHINESE } tongue_t;

static cg_str_t prose(tongue_t tongue, size_t bytes, apr_pool_t *pool)
{
    cg_buf_t out;
    uint32_t state = 20260301;
    cg_buf_init(&out, bytes + KIB, pool);
    for (uint32_t line = 0; out.len < bytes; line++) {
        bool is_english =
            tongue == ENGLISH || (tongue == BOTH && line % 2 == 0);
        if (line % LINES_WITH_DATA == LINES_WITH_DATA / 2) {
            add(&out, PICK(personal, &state), &state);
        }
        /* A Chinese line has half the bytes: two of them for one. */
        for (int i = 0; i < (is_english ? 1 : 2); i++) {
            add(&out,
                is_english ? PICK(english, &state) : PICK(chinese, &state),
                &state);
        }
        cg_buf_add(&out, "\n", 1);
    }
    size_t len = cg_utf8_whole(out.ptr, bytes);
    return (cg_str_t){out.ptr, len};
}

static cg_str_t *make_keywords(size_t count, apr_pool_t *pool)
{
    static const char *const heads[] = {
        "ka",  "bre", "sto", "lin", "mer", "tal", "vo", "qui",
        "dra", "hel", "pro", "con", "the", "pla", "re", "over"};
    static const char *const tails[] = {"lo",  "nta", "rix", "der",
                                        "mon", "vik", "sas", "tor",
                                        "ble", "gan", "wyn", "dex"};
    static const char *const signs[] = {
        "项", "目", "蓝", "图", "会", "议", "合", "同", "供", "应", "风", "险",
        "审", "计", "东", "海", "工", "程", "星", "火", "山", "河", "数", "据"};
    cg_str_t *words = apr_palloc(pool, count * sizeof *words);
    uint32_t state = 7;
    for (size_t i = 0; i < count; i++) {
        const char *word =
            i % 2 ? apr_pstrcat(pool, PICK(signs, &state), PICK(signs, &state),
                                PICK(signs, &state), PICK(signs, &state), NULL)
                  : apr_pstrcat(pool, PICK(heads, &state), PICK(tails, &state),
                                i % 4 ? "" : " ", PICK(heads, &state),
                                PICK(tails, &state), NULL);
        words[i] = cg_str(word);
    }
    return words;
}

static const cg_rules_t *make_rules(size_t count, apr_pool_t *pool)
{
    cg_word_list_t list = {.name = "bench",
                           .words = make_keywords(count, pool),
                           .count = count,
                           .is_caseless = true};
    cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    cg_rules_t *rules = NULL;
    cg_error_t err = {0};
    if (cg_rules_create(&spec, &rules, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "redact: the keywords cannot be compiled\n");
        exit(1);
    }
    return rules;
}

/* ---- measuring ---- */

/* Nanoseconds of one scan; the best of the rounds. */
static double scan_nanos(const cg_rules_t *rules, cg_str_t text,
                         cg_scan_depth_t depth, size_t *found)
{
    apr_pool_t *pool;
    cg_findings_t findings;
    double best = 1e18;
    int times = (int)(256 * KIB / text.len) + 1;
    apr_pool_create(&pool, NULL);
    cg_findings_init(&findings, pool);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t began = now_nanos();
        for (int i = 0; i < times; i++) {
            if (cg_redact_scan(rules, text, depth, &findings) != APR_SUCCESS) {
                fprintf(stderr, "redact: a text could not be scanned\n");
                exit(1);
            }
        }
        double took = (double)(now_nanos() - began) / times;
        best = took < best ? took : best;
    }
    *found = findings.count;
    apr_pool_destroy(pool);
    return best;
}

/* Nanoseconds a delta of so many bytes; the best of the rounds. */
static double delta_nanos(const cg_rules_t *rules, cg_str_t text, size_t bytes)
{
    cg_actions_t actions;
    double best = 1e18;
    cg_actions_default(&actions);
    for (int round = 0; round < ROUNDS; round++) {
        apr_pool_t *pool;
        cg_buf_t out;
        apr_pool_create(&pool, NULL);
        cg_buf_init(&out, text.len * 2, pool);
        cg_stream_t *stream = cg_stream_open(rules, &actions, NULL, pool);
        uint64_t began = now_nanos();
        for (size_t at = 0; at < text.len; at += bytes) {
            size_t len = text.len - at < bytes ? text.len - at : bytes;
            cg_stream_feed(stream, (cg_str_t){text.ptr + at, len}, &out);
        }
        cg_stream_finish(stream, &out);
        double took =
            (double)(now_nanos() - began) / ((double)text.len / (double)bytes);
        best = took < best ? took : best;
        apr_pool_destroy(pool);
    }
    return best;
}

/* ---- the loop of expressions ---- */

/* One expression for each type, as a gateway with expressions writes them. */
static const char *const expressions[] = {
    "(?<!\\d)\\d(?:[ -]?\\d){12,18}(?!\\d)",        /* card */
    "\\b[A-Z]{2}\\d{2}(?:[ -]?[A-Z0-9]){11,30}\\b", /* IBAN */
    "[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}\\.[A-Za-z]{2,24}",
    "(?<!\\d)\\+?\\d{1,3}[ .-]?\\(?\\d{2,4}\\)?(?:[ .-]?\\d{2,4}){2,4}(?!\\d)",
    "(?<!\\d)1[3-9]\\d{9}(?!\\d)", /* mobile */
    "\\b(?:\\d{1,3}\\.){3}\\d{1,3}\\b",
    "\\b(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}\\b",
    "\\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\\b",
    "\\b(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[a-z0-9]{25,60}|0x[0-9a-fA-F]{40}"
    ")\\b",
    "(?<!\\d)\\d{6}(?:19|20)\\d{9}[\\dXx](?!\\w)", /* CN id */
    "\\b[0-9A-HJ-NPQRTUWXY]{18}\\b",               /* USCC */
    "[\\x{4eac}\\x{6caa}\\x{6d59}\\x{82cf}\\x{7ca4}\\x{5ddd}][A-Z][A-Z0-9]{5,"
    "6}",
    "\\b[A-Z]{1,2}\\d{6}\\(?[0-9A]\\)?", /* HKID */
    "\\b\\d{3}-\\d{2}-\\d{4}\\b",
    "\\b9\\d{2}-\\d{2}-\\d{4}\\b", /* SSN ITIN */
    "\\b[A-CEGHJ-PR-TW-Z]{2}\\d{6}[A-D]\\b",
    "\\b\\d{6}-?[1-8]\\d{6}\\b",
    "\\b[STFGM]\\d{7}[A-Z]\\b",
    "\\b[12]\\d{2}(?:0\\d|1[0-2])\\d{10}\\b",
    "\\b\\d{8}[A-Z]\\b",
    "\\b[XYZ]\\d{7}[A-Z]\\b",
    "\\b[A-Z]{6}\\d{2}[A-Z]\\d{2}[A-Z]\\d{3}[A-Z]\\b",
    "\\b\\d{6}[-+A]\\d{3}[0-9A-Z]\\b",
    "\\b\\d{3}\\.\\d{3}\\.\\d{3}-\\d{2}\\b",
    "\\b\\d{2}\\.\\d{3}\\.\\d{3}/\\d{4}-\\d{2}\\b",
    "\\b\\d{2}[A-Z]{5}\\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]\\b",
    "\\b[EGDSPH]\\d{8}\\b",
    "\\b[A-Z][12]\\d{8}\\b",
    "\\b\\d{3}[ -]?\\d{3}[ -]?\\d{4}\\b",
    "\\b\\d{3}[ -]?\\d{3}[ -]?\\d{3}\\b",
    "\\b\\d{2}[ ]?\\d{3}[ ]?\\d{3}[ ]?\\d{3}\\b",
    "\\b[2-6]\\d{3}[ ]?\\d{5}[ ]?\\d\\b",
    "\\b[12]\\d{9}\\b",
    "\\b[1-9][A-Z][A-Z0-9]\\d-?[A-Z][A-Z0-9]\\d-?[A-Z]{2}\\d{2}\\b",
    "\\b[A-Z]{2}\\d{7}\\b",
    "\\b[A-Z]{5}\\d{4}[A-Z]\\b",
    "\\b\\d{4}[ -]?\\d{4}[ -]?\\d{4}\\b",
    "\\b\\d{11}\\b",
    "\\b\\d-\\d{4}-\\d{5}-\\d{2}-\\d\\b",
    "\\b\\d{13}\\b",
    "\\b\\d{6,8}[-+]\\d{4}\\b",
    "\\b\\d{3}-\\d{2}-\\d{5}\\b",
    "-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "\\beyJ[\\w-]{10,}\\.[\\w-]{10,}",
    "\\bsk-[A-Za-z0-9_-]{20,}",
    "\\bsk-ant-[A-Za-z0-9_-]{24,}",
    "\\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\\b",
    "\\bgh[pousr]_[A-Za-z0-9]{36}",
    "\\bgithub_pat_\\w{36,}",
    "\\bglpat-[\\w-]{20}",
    "\\bxox[abeoprs]-[\\w-]{20,}",
    "hooks\\.slack\\.com/services/[\\w/]{20,}",
    "\\bAIza[\\w-]{35}",
    "\\bhf_[A-Za-z0-9]{34}",
    "\\bnpm_[A-Za-z0-9]{36}",
    "\\bpypi-AgE[\\w-]{50,}",
    "\\bSG\\.[\\w-]{22}\\.[\\w-]{43}",
    "\\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "\\bLTAI[A-Za-z0-9]{20}",
    "\\bAKID[A-Za-z0-9]{32}",
    "\\b[a-z][a-z0-9+.-]*://[^\\s:/@]+:[^\\s@/]+@",
    "(?i)(?:password|passwd|pwd|secret|api_?key|token)[\"' ]*[:=][\"' "
    "]*\\S{6,}",
};
#define EXPRESSIONS (sizeof expressions / sizeof expressions[0])

typedef struct loop_t {
    pcre2_code *code[EXPRESSIONS + KEYWORDS / AT_ONCE]; /* keywords last */
    size_t count;
    pcre2_match_data *match;
    pcre2_jit_stack *stack;
    pcre2_match_context *context;
} loop_t;

static void add_code(loop_t *loop, const char *expression, uint32_t flags)
{
    int fault;
    PCRE2_SIZE at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, flags,
                      &fault, &at, NULL);
    if (!code || pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) != 0) {
        fprintf(stderr, "redact: expression %zu at %zu\n", loop->count,
                code ? 0 : at);
        exit(1);
    }
    loop->code[loop->count++] = code;
}

static void open_loop(loop_t *loop)
{
    for (size_t i = 0; i < EXPRESSIONS; i++) {
        add_code(loop, expressions[i],
                 strstr(expressions[i], "\\x{") ? PCRE2_UTF : 0);
    }
    loop->match = pcre2_match_data_create(8, NULL);
    loop->stack = pcre2_jit_stack_create(64 * KIB, 1024 * KIB, NULL);
    loop->context = pcre2_match_context_create(NULL);
    pcre2_jit_stack_assign(loop->context, NULL, loop->stack);
}

/* The keywords as expressions: a|b|c. */
static void add_keywords(loop_t *loop, apr_pool_t *pool)
{
    const cg_str_t *words = make_keywords(KEYWORDS, pool);
    for (size_t from = 0; from < KEYWORDS; from += AT_ONCE) {
        cg_buf_t text;
        cg_buf_init(&text, 64 * KIB, pool);
        for (size_t i = from; i < from + AT_ONCE; i++) {
            cg_buf_add(&text, i > from ? "|" : "(?:", i > from ? 1 : 3);
            cg_buf_add(&text, words[i].ptr, words[i].len);
        }
        cg_buf_add(&text, ")", 2);
        add_code(loop, text.ptr, PCRE2_CASELESS);
    }
}

static size_t run_loop(const loop_t *loop, cg_str_t text)
{
    size_t found = 0;
    for (size_t i = 0; i < loop->count; i++) {
        PCRE2_SIZE at = 0;
        while (pcre2_jit_match(loop->code[i], (PCRE2_SPTR)text.ptr, text.len,
                               at, 0, loop->match, loop->context) > 0) {
            at = pcre2_get_ovector_pointer(loop->match)[1];
            found++;
        }
    }
    return found;
}

static double loop_nanos(const loop_t *loop, cg_str_t text)
{
    double best = 1e18;
    int times = (int)(64 * KIB / text.len) + 1;
    for (int round = 0; round < LOOP_ROUNDS; round++) {
        uint64_t began = now_nanos();
        for (int i = 0; i < times; i++) {
            run_loop(loop, text);
        }
        double took = (double)(now_nanos() - began) / times;
        best = took < best ? took : best;
    }
    return best;
}

/* ---- texts made to be slow ---- */

/* A unit, said over and over. In a unit \1 stands for a digit, \2 for a small
 * letter, \3 for a capital or digit, \4 for a character of base64, each another
 * every time. */
typedef struct hostile_t {
    const char *name;
    const char *unit;
} hostile_t;

// clang-format off
static const hostile_t hostile[] = {
    {"digits", "\1"},
    {"digits and blanks", "\1 "},
    {"digits and dashes", "\1-"},
    {"digits and dots", "\1."},
    {"pairs of digits", "\1\1 "},
    {"fours of digits", "\1\1\1\1 "},
    {"fours and threes of digits", "\1\1\1\1 \1\1\1 "},
    {"groups of a date", "20\1\1-0\1-1\1 "},
    {"telephones", "(\1\1\1) \1\1\1-\1\1\1\1 "},
    {"plus and digits", "+\1"},
    {"open brackets and digits", "(\1"},
    {"digits and new lines", "\1\1\1\1\n"},
    {"a tag between digits", "\1<b>"},
    {"a long tag between digits", "\1</strong>"},
    {"marks between digits", "\1**"},
    {"invisible between digits", "\1\xe2\x80\x8b"},
    {"tag characters between digits", "\1\xf3\xa0\x80\xa0"},
    {"invisible only", "\xe2\x80\x8b"},
    {"combining only", "a\xcc\x81\xcc\x81\xcc\x81"},
    {"labels and digits", "card \1 "},
    {"labels and numbers", "tax id: \1\1\1\1\1\1\1\1\1 "},
    {"phone labels and numbers", "tel \1\1\1\1\1\1\1\1 "},
    {"Chinese labels and digits", "\xe5\x8d\xa1\xe5\x8f\xb7\1\1\1\1\1\1\1"},
    {"identifiers of letters and digits", "\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3\3 "},
    {"short words with a digit", "A\1 "},
    {"letter, digit, dash", "A\1-"},
    {"near-IBANs", "DE\1\1 \1\1\1\1 \1\1\1\1 \1\1\1\1 \1\1\1\1 \1\1 "},
    {"beginnings of IBANs", "DE\1\1 "},
    {"near-USCC", "9133\1\1\1\1\1\1MA\1\1\1\1\1\1 "},
    {"@", "@"},
    {"a@", "a@"},
    {"a@b.", "a@b."},
    {"a.", "a."},
    {"addresses without an end", "abc.def.ghi.jkl@mno.pqr.stu.1 "},
    {"long local parts", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnop@"},
    {"@ and dots", "@a.b.c.d.e.f.g.h.i.j.k.l.m.n"},
    {"brackets with at", "a(at)"},
    {"colons", ":"},
    {"pairs and colons", "a\1:"},
    {"fours and colons", "a\1b\1:"},
    {"double colons", "a::"},
    {"://", "a://"},
    {"credentials without an end", "ab://cd:ef"},
    {"password=", "password="},
    {"password: x", "password: x\1y "},
    {"password is", "password is "},
    {"quotes", "\""},
    {"quoted words", "'a\1':"},
    {"equal signs and words", "=ab"},
    {"key prefixes", "sk-"},
    {"key prefixes and bodies", "sk-\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2 "},
    {"ghp_ and zeros", "ghp_000000000000000000000000000000000000 "},
    {"AKIA", "AKIA"},
    {"JWT heads", "eyJ"},
    {"JWT heads and bodies", "eyJ\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4 "},
    {"-----BEGIN", "-----BEGIN "},
    {"dashes", "-"},
    {"private keys begun", "-----BEGIN PRIVATE KEY----- "},
    {"base64", "\4"},
    {"base64 of text", "aGVsbG8gdGhlcmUgd29ybGQg"},
    {"base64 of text, short runs", "aGVsbG8gdGhlcmUgd29ybGQgYWdhaW4h "},
    {"base64 of digits", "MTIzNDU2Nzg5MDEyMzQ1Njc4"},
    {"base64 lines", "aGVsbG8gdGhlcmUgd29ybGQgYWdhaW4hIGhlbGxvIHRoZXJlIHdvcmxkIGFnYWluISBhZ2Fp\n"},
    {"base64 of base64", "WVdKalpHVm1aMmhwYW10c2JXNXZjSEZ5YzNSMWRuZDRlWG89"},
    {"hexadecimal", "\1a\1b"},
    {"hexadecimal of text", "68656c6c6f20"},
    {"hexadecimal of digits", "3\1"},
    {"hexadecimal pairs", "3\1 "},
    {"UUIDs", "\1a\1b\1c\1d-\1a\1b-4\1a\1-a\1b\1-\1a\1b\1c\1d\1a\1b "},
    {"%25", "%25"},
    {"%2525", "%252525"},
    {"percent digits", "%3\1"},
    {"=3D", "=3D"},
    {"=3 digits", "=3\1"},
    {"\\u escapes", "\\u003\1"},
    {"\\u{ escapes", "\\u{3\1}"},
    {"backslashes", "\\"},
    {"entities", "&#5\1;"},
    {"entities begun", "&#"},
    {"ampersands", "&"},
    {"named entities", "&commat;"},
    {"named entities begun", "&comma"},
    {"full-width digits", "\xef\xbc\x91"},
    {"full-width colons", "\xef\xbc\x9a"},
    {"full stops", "a\xe3\x80\x82"},
    {"Cyrillic in ASCII", "a\xd0\xb0"},
    {"Cyrillic", "\xd0\xb0\xd0\xbe\xd0\xb5 "},
    {"Cyrillic and at", "\xd0\xb0@"},
    {"Cyrillic letter, digit", "\xd0\xb0\1"},
    {"Cyrillic capital, digit", "\xd0\x90\1"},
    {"four Cyrillic letters, letter", "\xd0\xb0\xd0\xbe\xd1\x81\xd0\xb5x"},
    {"four Cyrillic letters, digit", "\xd0\xb0\xd0\xbe\xd1\x81\xd0\xb5\1"},
    {"three and four Cyrillic letters", "\xd0\xb0\xd0\xbe\xd1\x81\1\xd0\xb0\xd0\xbe\xd1\x81\xd0\xb5\1"},
    {"Greek letter, digit", "\xce\xb1\1"},
    {"Cyrillic letter, Arabic digit", "\xd0\xb0\xd9\xa1"},
    {"Cyrillic capital, Arabic digit", "\xd0\x90\xd9\xa1"},
    {"Cyrillic letter, numeral", "\xd0\xb0\xe4\xb8\x80"},
    {"Cyrillic letter, hidden", "\xd0\xb0\xe2\x80\x8b"},
    {"Cyrillic letter, escape", "\xd0\xb0\\u003\1"},
    {"numeral, Arabic digit", "\xe4\xb8\x80\xd9\xa1"},
    {"Arabic digits", "\xd9\xa1"},
    {"Chinese numerals", "\xe4\xb8\x80"},
    {"runs of six numerals", "\xe4\xb8\x80\xe4\xba\x8c\xe4\xb8\x89\xe5\x9b\x9b\xe4\xba\x94\xe5\x85\xad\xe5\x92\x8c"},
    {"provinces", "\xe4\xba\xac\x41"},
    {"provinces and blanks", "\xe4\xba\xac "},
    {"plates", "\xe4\xba\xac\x41\1\1\1\1 "},
    {"English digits", "one two "},
    {"English tens", "double five "},
    {"crypto", "1\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2 "},
    {"bech32", "bc1q\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2 "},
    {"0x", "0x"},
    {"beginnings of keywords", "kalobrentastorixlindermervikproco"},
    {"blanks in keywords", "ka lo  bre   nta "},
    {"bytes that are no UTF-8", "\xe4\xe4\xff"},
    {"tabs and new lines", "\t\n"},
    {"braces and brackets", "[{("},
    {"opened at", "[at"},
    {"cards", "4111 1111 1111 1111 "},
    {"addresses", "a@b.de "},
    {"IPv4", "81.2.69.1\1 "},
    {"dotted numbers", "81.2.69.1\1."},
    {"accounts and @", "DE\1\1@"},
    {"accounts in all ways", "DE\1\1|MD\1\1 GB\1\1/FR\1\1-"},
    {"Bearer and base64 of text", "Bearer aGVsbG8gdGhlcmUgd29ybGQg=4"},
    {"numbers and password=", "\1\1\1\1\1\1\1\1-password="},
    {"base64 and foreign letters", "\4\xc3\xbc"},
    {"pairs, accounts, keywords", " at ab0x6\1DE\1\1brenta"},
    {"labels without end", "card tel tax id iban "},
    {"digit words", "one two three four five six seven eight "},
    {"at and dot", "a at b dot "},
    {"at signs and blanks", "a @ b . "},
    {"numerals and blanks", "\xe4\xb8\x80 "},
    {"numerals and digits", "\xe4\xb8\x80\1"},
    {"tags never closed", "1<b a a a a a a a a a a a a a"},
    {"hexadecimal pairs with 0x", "0x3\1, "},
    {"escaped backslashes", "\\\\\\u003\1"},
    {"octal", "\\06\1"},
    {"half octal", "\\06\\06x"},
    {"escaped ampersands", "&amp;amp;#5\1;"},
    {"soft line ends", "\1=\n"},
    {"Chinese commas between digits", "\1\xef\xbc\x8c"},
    {"signs between digits", "\1|\1,\1;\1:"},
    {"labels, signs and digits", "card \1|\1|\1|\1|"},
    {"aws and forty characters", "aws \4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4\4 "},
    {"telephones, digits and blanks", "(\1\1\1) \1\1\1-\1\1\1\1 \1 "},
    {"full-width digits, fours of digits", "\xef\xbc\x91\1 \1\1\1\1 "},
    {"hexadecimal pairs, marks", "3\1 \1**"},
    {"hexadecimal pairs, a tag", "3\1 \1<b>"},
    {"hexadecimal pairs, fours of digits", "3\1 \1\1\1\1 "},
    {"accounts, credentials", "DE\1\1@ab://cd:ef"},
    {"addresses, credentials", "a@b.ab://cd:ef"},
    {"password= and Arabic digits", "password=\xd9\xa1"},
    {"Arabic digits, Bearer", "\xd9\xa1" "Bearer aGVsbG8gdGhlcmUgd29ybGQg=4"},
    {"Cyrillic capital, Arabic digit, escape", "\xd0\x90\xd9\xa1\xd0\xb0\\u003\1"},
    {"Cyrillic letters, percent", "\xd0\xb0\xd0\xbe\xd1\x81\xd0\xb5\1%25"},
    {"webhooks", "https://hooks.slack.com/services/"},
    {"numerals and blanks, digits and dashes", "\xe4\xb8\x80 \1-"},
    {"pairs of digits, key prefixes", "\1\1 sk-"},
    {"open brackets, pairs of digits", "(\1\1\1 "},
    {"hexadecimal pairs, a tag, %2525", "%252525" "3\1 \1<b>"},
    {"Cyrillic letter, digit, plus", "\xd0\xb0\1+\1"},
    {"labels, IPv4, Bearer", "card \1|\1|\1|\1|81.2.69.1\1 \xd9\xa1" "Bearer aGVsbG8gdGhlcmUgd29ybGQg=4"},
    {"pairs, words, Cyrillic capital, a date", "\1\1 =ab\xd0\x90\xd9\xa1" "20\1\1-0\1-1\1 "},
    {"words, Cyrillic capital, a date", "=ab\xd0\x90\xd9\xa1" "20\1\1-0\1-1\1 "},
};
// clang-format on
#define HOSTILE (sizeof hostile / sizeof hostile[0])

static cg_str_t repeat(const char *unit, size_t bytes, apr_pool_t *pool)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                 "tuvwxyz0123456789";
    cg_buf_t out;
    uint32_t state = 42;
    cg_buf_init(&out, bytes + KIB, pool);
    while (out.len < bytes) {
        for (const char *p = unit; *p; p++) {
            uint32_t r = chance(&state);
            char c = *p == 1   ? (char)('0' + r % 10)
                     : *p == 2 ? (char)('a' + r % 26)
                     : *p == 3 ? base64[(r % 36 + 26 * (r % 36 > 25)) % 62]
                     : *p == 4 ? base64[r % 62]
                               : *p;
            cg_buf_add(&out, &c, 1);
        }
    }
    return (cg_str_t){out.ptr, bytes};
}

/* ---- telling ---- */

static double tell_scans(const cg_rules_t *rules, loop_t *loop,
                         apr_pool_t *pool)
{
    static const struct {
        const char *name;
        size_t bytes;
        tongue_t tongue;
        double most; /* what it may take, us; 0: no promise */
    } texts[] = {{"1 KB", KIB, BOTH, 20},
                 {"64 KB", 64 * KIB, BOTH, 1000},
                 {"1 MB", KIB * KIB, BOTH, 16000},
                 {"64 KB, English", 64 * KIB, ENGLISH, 0},
                 {"64 KB, Chinese", 64 * KIB, CHINESE, 0}};
    double mean = 0;
    printf("%-18s%10s%10s%10s%14s\n", "text", "us", "at most", "MB/s",
           "PCRE2-JIT x");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cg_str_t text = prose(texts[i].tongue, texts[i].bytes, pool);
        size_t found;
        double ours = scan_nanos(rules, text, CG_SCAN_DEEP, &found);
        double theirs = loop_nanos(loop, text);
        printf("%-18s%10.1f%10.0f%10.0f%14.1f\n", texts[i].name, ours / 1000,
               texts[i].most, (double)text.len * 1000 / ours, theirs / ours);
        mean = i == 1 ? ours / (double)text.len : mean;
    }
    cg_str_t text = prose(BOTH, 64 * KIB, pool);
    add_keywords(loop, pool);
    printf("%-52s%10.0f\n", "64 KB, the loop with the keywords as well",
           loop_nanos(loop, text) / mean / (double)text.len);
    return mean;
}

static double tell_streams(const cg_rules_t *rules, apr_pool_t *pool)
{
    static const size_t sizes[] = {5, 16, 1400};
    cg_str_t text = prose(BOTH, STREAM_BYTES, pool);
    double five = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double nanos = delta_nanos(rules, text, sizes[i]);
        printf("delta of %4d bytes%10.2f%10s\n", (int)sizes[i], nanos / 1000,
               i == 0 ? "3" : "");
        five = i == 0 ? nanos : five;
    }
    printf("an open stream    %10zu bytes beside the %d it may hold back "
           "(at most 2048)\n",
           cg_stream_size() - CG_STREAM_HELD_MAX, CG_STREAM_HELD_MAX);
    return five;
}

typedef struct figure_t {
    const char *name;
    double nanos; /* a byte */
    double delta; /* nanoseconds of five bytes in a stream */
} figure_t;

static int by_nanos(const void *a, const void *b)
{
    double x = ((const figure_t *)a)->nanos;
    double y = ((const figure_t *)b)->nanos;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void tell_hostile(const cg_rules_t *rules, double mean, double delta,
                         const char *only, apr_pool_t *pool)
{
    figure_t figures[HOSTILE];
    size_t count = 0;
    bool is_all = only && strcmp(only, "all") == 0;
    double most = 0;
    for (size_t i = 0; i < HOSTILE; i++) {
        if (only && !is_all && !strstr(hostile[i].name, only)) {
            continue;
        }
        size_t found;
        cg_str_t text = repeat(hostile[i].unit, HOSTILE_BYTES, pool);
        double nanos =
            scan_nanos(rules, text, CG_SCAN_DEEP, &found) / (double)text.len;
        text.len = HOSTILE_STREAM_BYTES;
        figures[count] =
            (figure_t){hostile[i].name, nanos, delta_nanos(rules, text, 5)};
        most = figures[count].delta > most ? figures[count].delta : most;
        count++;
    }
    qsort(figures, count, sizeof figures[0], by_nanos);
    printf("\n%zu texts made to be slow; beside a byte of the mean (at most "
           "4)\n",
           count);
    for (size_t i = 0; i < count && (only || i < WORST); i++) {
        printf("%-36s%8.1f ns%8.2f x\n", figures[i].name, figures[i].nanos,
               figures[i].nanos / mean);
    }
    printf("the slowest delta of 5 bytes: %.2f us, %.1f x the mean\n",
           most / 1000, most / delta);
}

/* Two or three of the units above together: `redact search SECONDS` looks for
 * mixtures that cost more than each alone. */
static void search(const cg_rules_t *rules, double mean, double seconds,
                   apr_pool_t *pool)
{
    uint32_t state = (uint32_t)now_nanos();
    uint64_t until = now_nanos() + (uint64_t)(seconds * 1e9);
    while (now_nanos() < until) {
        apr_pool_t *round;
        apr_pool_create(&round, pool);
        cg_buf_t unit;
        cg_buf_t name;
        cg_buf_init(&unit, KIB, round);
        cg_buf_init(&name, KIB, round);
        for (uint32_t i = 0; i < 2 + chance(&state) % 2; i++) {
            const hostile_t *row = &hostile[chance(&state) % HOSTILE];
            cg_buf_add(&unit, row->unit, strlen(row->unit));
            cg_buf_add(&name, i ? " + " : "", i ? 3 : 0);
            cg_buf_add(&name, row->name, strlen(row->name));
        }
        cg_buf_add(&unit, "", 1);
        size_t found;
        cg_str_t text = repeat(unit.ptr, HOSTILE_BYTES / 4, round);
        double nanos =
            scan_nanos(rules, text, CG_SCAN_DEEP, &found) / (double)text.len;
        for (int again = 0; again < 3 && nanos > mean * 3.5; again++) {
            double other = scan_nanos(rules, text, CG_SCAN_DEEP, &found) /
                           (double)text.len;
            nanos = other < nanos ? other : nanos;
        }
        if (nanos > mean * 3.5) {
            printf("%5.2f x  %.*s\n", nanos / mean, (int)name.len, name.ptr);
        }
        apr_pool_destroy(round);
    }
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    loop_t loop = {0};
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const cg_rules_t *rules = make_rules(KEYWORDS, pool);
    open_loop(&loop);
    if (argc > 2 && strcmp(argv[1], "spin") == 0) { /* for a profiler */
        for (size_t i = 0; i < HOSTILE; i++) {
            size_t found;
            if (strcmp(hostile[i].name, argv[2]) == 0) {
                cg_str_t text = repeat(hostile[i].unit, HOSTILE_BYTES, pool);
                for (int times = 0; times < 100; times++) {
                    scan_nanos(rules, text, CG_SCAN_DEEP, &found);
                }
            }
        }
        apr_pool_destroy(pool);
        return 0;
    }
    double mean = tell_scans(rules, &loop, pool);
    if (argc > 2 && strcmp(argv[1], "search") == 0) {
        search(rules, mean, atof(argv[2]), pool);
        apr_pool_destroy(pool);
        return 0;
    }
    double delta = tell_streams(rules, pool);
    tell_hostile(rules, mean, delta, argc > 1 ? argv[1] : NULL, pool);
    apr_pool_destroy(pool);
    return 0;
}
