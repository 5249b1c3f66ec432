/* Values that somebody hands over in pieces, one message each.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/spread.h"

#include <pthread.h>
#include <string.h>

#include <apr_tables.h>

#define PIECE_MAX 2048  /* bytes of one piece */
#define JOINED_MAX 4096 /* of all */
#define SHORT_TEXT 240  /* in such a text a word may stand anywhere */
#define LOOK_BACK 64    /* bytes before a piece in which words are looked for */
#define LOOK_AFTER 40
#define QUIET_PARTS 4 /* joined at most where no word says so */
#define QUIET_DIGITS 3 /* of each part of such a card */
#define GAPS_MAX 2    /* texts without a piece between two pieces */

/* ---- words ------------------------------------------------------------ */

enum {
    WORD_PIECE = 1,   /* says that something comes in pieces */
    WORD_GO_ON = 2,   /* the same, from the other side */
    WORD_LABEL = 4,   /* says what a value is */
    WORD_COUNTER = 8, /* says that a number is no value */
    WORD_PLAIN = 16,  /* may stand between a word and its piece */
    WORD_BESIDE = 32  /* as WORD_PIECE, right before the piece alone */
};

// clang-format off
static const struct word_list_t {
    int kind;
    const char *words; /* lower case; '_' stands for a blank */
} LISTS[] = {
    {WORD_PIECE,
     "first_part first_half first_bit first_piece first_chunk first_digits first_few first_block "
     "first_segment first_two first_three first_four first_five first_six first_eight "
     "second_part second_half second_bit second_piece second_chunk second_segment "
     "third_part third_piece third_chunk next_part next_bit next_piece next_chunk next_digits "
     "next_few next_four next_block next_segment next: next_is next_come next_up "
     "last_part last_half last_bit last_piece last_chunk last_digits last_few last_block "
     "last_segment last_two last_three last_four last_five last_six final_part final_piece "
     "final_digits final_four final_bit middle_part middle_bit middle_piece middle_digits "
     "other_half other_part part_1 part_2 part_3 part_4 part_one part_two part_three part1 part2 "
     "part3 half_1 half_2 1/2 2/2 1/3 2/3 3/3 1/4 2/4 3/4 4/4 the_rest rest: rest_is rest_of "
     "remaining remainder continue continued continuing continuation cont. cont: cont'd "
     "to_be_continued followed_by followed_with ends_with ends_in ending_in ending_with starts_with "
     "starting_with begins_with beginning_with start: end: then_come "
     "it_goes_on goes_on going_on comes_after finally: last: lastly second: third: fourth: "
     "append_this concatenate join_them put_together in_pieces in_parts in_two_parts in_two_halves tail: head: prefix: "
     "suffix: erster_teil zweiter_teil der_rest die_restlichen geht_weiter la_suite la_fin "
     "le_reste deuxième_partie première_partie el_resto la_otra primera_parte segunda_parte "
     "前半 后半 後半 上半 下半 前段 后段 後段 前一半 后一半 後一半 第一段 第二段 第三段 第四段 第一部分 "
     "第二部分 第三部分 第一截 第二截 前几位 后几位 後幾位 前幾位 前两位 前三位 前四位 前五位 前六位 前八位 "
     "后两位 后三位 后四位 后五位 后六位 后八位 後四位 最后是 最後是 最后四位 最后几位 最后一段 最后一部分 最后部分 "
     "最后： 最后: 接着 接著 接下来 接下來 然后是 然後是 然后： 剩下 剩余 剩餘 其余 其餘 余下 餘下 继续 繼續 "
     "后面 後面 前面是 前面的 开头 開頭 结尾 結尾 末尾 尾号 中间是 中間是 中间一段 下一段 上一段 下半段 拼起来 "
     "合起来 连起来 接上 另一半 还有一半 续： 续: 補上 补上 紧接 未完"},
    {WORD_BESIDE,
     "then and_then after_that finally "
     "first_1 first_2 first_3 first_4 first_5 first_6 first_7 first_8 first_9 last_1 last_2 "
     "last_3 last_4 last_5 last_6 last_7 last_8 last_9 next_1 next_2 next_3 next_4 next_5 "
     "next_6 next_7 next_8 next_9 "
     "前1 前2 前3 前4 前5 前6 前7 前8 前9 后1 后2 后3 后4 后5 后6 后7 后8 后9 後1 後2 "
     "後3 後4 後5 後6 後7 後8 後9"},
    {WORD_GO_ON,
     "go_on go_ahead continue please_proceed keep_going and_the_rest the_rest next? next_part "
     "what's_next and_then carry_on send_the remaining 继续 繼續 接着 接著 请说 然后呢 後面呢 后面呢 "
     "下一段 剩下 剩余 其余 下半 后半"},
    {WORD_LABEL,
     "card visa mastercard amex pan: ssn social_security iban account phone mobile tel cell "
     "email e-mail mail: key token secret api_key access_key passport tax_id national_id id_number "
     "id_card 卡号 卡號 银行卡 信用卡 身份证 身份證 证件号 手机 手機 电话 電話 邮箱 郵箱 邮件 密钥 密鑰 令牌 护照 "
     "社保 账号 帳號 信用代码"},
    {WORD_COUNTER,
     "order orders order_no order_id quantity qty amount price cost total sum count number_of "
     "version ver build release revision invoice ticket tracking serial sku page pages chapter "
     "line lines step row rows column item items room floor year month day date time error code "
     "port size width height length weight score points level rank index batch commit issue case "
     "question answer result lot model part_number part_no reference ref parcel usd eur cny rmb "
     "订单 訂單 单号 單號 数量 數量 价格 價格 金额 金額 版本 快递 物流 运单 流水 批次 编号 編號 发票 页 行号 行 "
     "列 第几 日期 时间 年份 房间 楼 错误码 端口 大小 宽 高 重量 得分 分数 排名 序号 总计 合计 单价 库存 人数 工单 "
     "型号 条码 学号 工号"},
    {WORD_PLAIN,
     "is are was the of it its it's my and a an ok so then here now digits digit characters chars "
     "numbers number four are: is: that this comes with by in at as part half piece chunk segment bit "
     "block two three five six eight last first few letters symbols sequence string value code "
     "should be will looks like goes 段 部分 截 半 一 几 字符 字 号 码 一段 那 我 那个 內 如下 分别 是： 它 应该 應該 是 为 為 的 就是 了 呢 这 這 位 个 個 数字 內容 内容"},
};
// clang-format on

#define WORDS_MAX 640
#define BUCKETS 2048

typedef struct word_t {
    const char *text;
    uint8_t len;
    uint8_t kind;
    int16_t next;
} word_t;

enum {
    BYTE_VALUE = 1,  /* may stand inside a value */
    BYTE_TELLING = 2 /* hardly stands anywhere else: a digit, @ */
};

/* Built once per process from constant data, constant afterwards. */
static struct {
    pthread_once_t once;
    word_t words[WORDS_MAX];
    int count;
    int16_t buckets[BUCKETS]; /* by the first two bytes */
    uint8_t bytes[256];       /* BYTE_… */
} table = {.once = PTHREAD_ONCE_INIT};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned bucket_of(char first, char second)
{
    return ((unsigned)(unsigned char)first * 131 + (unsigned char)second) %
           BUCKETS;
}

static void add_words(const char *words, int kind)
{
    while (*words) {
        size_t len = strcspn(words, " ");
        if (table.count < WORDS_MAX) {
            int16_t *first =
                &table.buckets[bucket_of(words[0], len > 1 ? words[1] : 0)];
            table.words[table.count] =
                (word_t){words, (uint8_t)len, (uint8_t)kind, *first};
            *first = (int16_t)table.count++;
        }
        words += len;
        words += strspn(words, " ");
    }
}

static void build(void)
{
    memset(table.buckets, 0xff, sizeof table.buckets);
    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        add_words(LISTS[i].words, LISTS[i].kind);
    }
    for (int c = 1; c < 128; c++) {
        bool is_value = is_letter((char)c) || is_digit((char)c) ||
                        strchr("-._@+%/=~", c) != NULL;
        bool is_telling = is_digit((char)c) || c == '@';
        table.bytes[c] = (uint8_t)((is_value ? BYTE_VALUE : 0) |
                                   (is_telling ? BYTE_TELLING : 0));
    }
    table.bytes[0xEF] = BYTE_TELLING; /* full-width forms */
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Length of the word if it stands at at; a blank of it may be any of blank, dash
 * and underscore. */
static size_t word_here(const word_t *word, cg_str_t text, size_t at)
{
    if (text.len - at < word->len) {
        return 0;
    }
    for (size_t i = 0; i < word->len; i++) {
        char c = text.ptr[at + i];
        bool is_same =
            word->text[i] == '_'
                ? c == ' ' || c == '-' || c == '_'
                : lower(c) == word->text[i];
        if (!is_same) {
            return 0;
        }
    }
    size_t end = at + word->len;
    bool is_cut = is_letter(word->text[word->len - 1]) && end < text.len &&
                  is_letter(text.ptr[end]) && lower(text.ptr[end]) != 's';
    return is_cut ? 0 : word->len;
}

/* Kinds of all words that stand between from and to; *out_end: where the last
 * one of the kinds wanted ends, 0 if none does. */
static int words_in(cg_str_t text, size_t from, size_t to, int wanted,
                    size_t *out_end)
{
    int kinds = 0;
    cg_str_t part = {text.ptr, to};
    *out_end = 0;
    for (size_t at = from; at + 1 < to; at++) {
        bool is_inside = at > 0 && is_letter(text.ptr[at - 1]) &&
                         is_letter(text.ptr[at]);
        int16_t i = is_inside ? (int16_t)-1
                              : table.buckets[bucket_of(lower(text.ptr[at]),
                                                        lower(text.ptr[at + 1]))];
        for (; i >= 0; i = table.words[i].next) {
            size_t len = word_here(&table.words[i], part, at);
            if (len == 0) {
                continue;
            }
            kinds |= table.words[i].kind;
            bool is_later = at + len > *out_end;
            if ((table.words[i].kind & wanted) != 0 && is_later) {
                *out_end = at + len;
            }
        }
    }
    return kinds;
}

/* ---- pieces ------------------------------------------------------------ */

typedef struct piece_t {
    uint32_t start;
    uint32_t end; /* start: there is none */
} piece_t;

/* A text of the speaker, as far as it matters for what comes. */
typedef struct slot_t {
    uint32_t number;
    piece_t whole;   /* what is all of it, or what a word points at */
    piece_t head;    /* what touches its beginning ... */
    piece_t tail;    /* ... and its end */
    bool is_bare;    /* nothing else stands in it */
    bool is_most;    /* little else does */
    bool has_word;   /* WORD_PIECE stands beside it */
    bool has_label;  /* WORD_LABEL does */
    bool goes_on;    /* its beginning touches the text before */
    bool was_asked;  /* somebody said "go on" before it */
    uint32_t gaps;   /* texts without a piece before it */
    uint32_t silent; /* bare numbers in a row, this one included, no word */
    char *bytes;     /* copies of whole, head, tail */
    size_t whole_len, head_len, tail_len;
} slot_t;

struct cg_spread_t {
    const cg_rules_t *rules;
    apr_pool_t *pool;
    cg_findings_t findings;
    slot_t slots[CG_SPREAD_PARTS_MAX]; /* the last ones, as a ring */
    uint32_t count;                    /* slots ever filled */
    uint32_t gaps;                     /* texts since the last one */
    bool was_asked;
    bool needs_words;
    apr_array_header_t *found; /* of cg_spread_found_t */
    char joined[JOINED_MAX + 1];
};

cg_spread_t *cg_spread_open(const cg_rules_t *rules, bool needs_words,
                            apr_pool_t *pool)
{
    pthread_once(&table.once, build);
    cg_spread_t *spread = apr_pcalloc(pool, sizeof *spread);
    spread->rules = rules;
    spread->pool = pool;
    spread->needs_words = needs_words;
    cg_findings_init(&spread->findings, pool);
    spread->found = apr_array_make(pool, 2, sizeof(cg_spread_found_t));
    for (int i = 0; i < CG_SPREAD_PARTS_MAX; i++) {
        spread->slots[i].bytes = apr_palloc(pool, 1);
    }
    return spread;
}

static bool is_invisible(uint32_t cp)
{
    return (cp >= 0x200B && cp <= 0x200F) || cp == 0x2060 || cp == 0xFEFF ||
           cp == 0xAD;
}

/* May this character beyond ASCII stand inside a value? */
static bool is_value(uint32_t cp)
{
    if (cp >= 0xFF01 && cp <= 0xFF5E) {
        cp -= 0xFEE0;
        return cp != ':' && cp != ',' && cp != '(' && cp != ')' && cp != '!' &&
               cp != '?' && cp != ';';
    }
    return cp >= 0x80 && is_invisible(cp);
}

/* Does a value character stand at at? Returns its length. */
static inline size_t value_at(cg_str_t text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    if (c < 0xC0 && c != 0xAD) {
        return (table.bytes[c] & BYTE_VALUE) != 0;
    }
    uint32_t cp = 0;
    int len = cg_utf8_decode(text.ptr + at, text.ptr + text.len, &cp);
    return len > 0 && is_value(cp) ? (size_t)len : 0;
}

static size_t before(cg_str_t text, size_t at)
{
    at--;
    while (at > 0 && ((unsigned char)text.ptr[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

/* A group that a blank may part from the next one of the same value: of capital
 * letters and digits, a digit among them. */
static bool is_group(cg_str_t text, size_t from, size_t to)
{
    bool has_digit = false;
    for (size_t i = from; i < to; i++) {
        char c = text.ptr[i];
        has_digit = has_digit || is_digit(c);
        if (!is_digit(c) && !(c >= 'A' && c <= 'Z')) {
            return false;
        }
    }
    return has_digit;
}

/* The run of value characters, and of groups parted by one blank, that ends at
 * end. */
static piece_t run_back(cg_str_t text, size_t end)
{
    size_t at = end;
    size_t group_end = end;
    while (at > 0 && end - at < PIECE_MAX) {
        size_t one = before(text, at);
        if (value_at(text, one) > 0) {
            at = one;
            continue;
        }
        bool is_blank = text.ptr[one] == ' ' && one > 0 && at < group_end;
        if (!is_blank || !is_group(text, at, group_end)) {
            break;
        }
        size_t from = one;
        while (from > 0 && value_at(text, before(text, from)) > 0) {
            from = before(text, from);
        }
        if (from == one || !is_group(text, from, one)) {
            break;
        }
        group_end = one;
        at = from;
    }
    return (piece_t){(uint32_t)at, (uint32_t)end};
}

static piece_t run_forth(cg_str_t text, size_t start)
{
    size_t at = start;
    size_t group = start;
    while (at < text.len && at - start < PIECE_MAX) {
        size_t len = value_at(text, at);
        if (len > 0) {
            at += len;
            continue;
        }
        size_t next = at + 1;
        while (next < text.len && value_at(text, next) > 0) {
            next += value_at(text, next);
        }
        bool goes_on = text.ptr[at] == ' ' && at > group &&
                       is_group(text, group, at) && next > at + 1 &&
                       is_group(text, at + 1, next);
        if (!goes_on) {
            break;
        }
        group = at + 1;
        at = next;
    }
    return (piece_t){(uint32_t)start, (uint32_t)at};
}

/* Could it be a part of a value even if nothing said so? */
static bool looks_like_value(cg_str_t text, piece_t piece)
{
    int digits = 0;
    int capitals = 0;
    int letters = 0;
    for (uint32_t i = piece.start; i < piece.end; i++) {
        char c = text.ptr[i];
        digits += is_digit(c) || (unsigned char)c == 0xEF; /* full-width */
        capitals += c >= 'A' && c <= 'Z';
        letters += is_letter(c);
        if (c == '@') {
            return true;
        }
    }
    return digits > 0 || (capitals >= 6 && capitals == letters);
}

static bool is_edge(uint32_t cp)
{
    static const uint32_t marks[] = {0x3002, 0xFF0C, 0xFF01, 0xFF1F, 0x3001,
                                     0x201C, 0x201D, 0x2018, 0x2019, 0x2026,
                                     0xFF08, 0xFF09, 0x300C, 0x300D, 0x3000,
                                     0xFF1A, 0xFF1B};
    if (cp < 0x80) {
        return cp <= ' ' || strchr(",!?;:\"'`()[]{}<>*|#", (int)cp) != NULL;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (marks[i] == cp) {
            return true;
        }
    }
    return false;
}

/* Without white space and the marks that end a sentence or set off a word. */
static piece_t trimmed(cg_str_t text)
{
    uint32_t cp;
    size_t start = 0;
    size_t end = text.len;
    while (start < end) {
        int len = cg_utf8_decode(text.ptr + start, text.ptr + end, &cp);
        if (len == 0 || !is_edge(cp)) {
            break;
        }
        start += (size_t)len;
    }
    while (end > start) {
        size_t one = before(text, end);
        int len = cg_utf8_decode(text.ptr + one, text.ptr + end, &cp);
        bool is_stop = cp == '.' && one > start &&
                       strchr(")]}\"'", text.ptr[one - 1]) != NULL;
        if (len == 0 || (!is_edge(cp) && !is_stop)) {
            break;
        }
        end = one;
    }
    return (piece_t){(uint32_t)start, (uint32_t)end};
}

/* Length of the longest word at at that says nothing, or what a value is. */
static size_t plain_word(cg_str_t text, size_t at)
{
    size_t best = 0;
    char first = lower(text.ptr[at]);
    char second = at + 1 < text.len ? lower(text.ptr[at + 1]) : 0;
    int16_t chains[] = {table.buckets[bucket_of(first, second)],
                        table.buckets[bucket_of(first, 0)]};
    for (int k = 0; k < 2; k++) {
        for (int16_t i = chains[k]; i >= 0; i = table.words[i].next) {
            bool is_plain = (table.words[i].kind & (WORD_PLAIN | WORD_LABEL));
            size_t len = is_plain ? word_here(&table.words[i], text, at) : 0;
            best = len > best ? len : best;
        }
    }
    return best;
}

/* Is there nothing between a word and its piece but "is", "are", a colon, or how
 * many digits there are? */
static bool is_beside(cg_str_t text, size_t from, size_t to)
{
    int digits = 0;
    while (from < to) {
        uint32_t cp;
        int len = cg_utf8_decode(text.ptr + from, text.ptr + to, &cp);
        if (len == 0) {
            return false;
        }
        bool is_count = cp < 0x80 && is_digit((char)cp) && ++digits <= 2;
        if (is_edge(cp) || cp == '=' || cp == '-' || is_count) {
            from += (size_t)len;
            continue;
        }
        size_t best = plain_word((cg_str_t){text.ptr, to}, from);
        if (best == 0) {
            return false;
        }
        from += best;
    }
    return true;
}

/* Notes what words stand around the slot's piece. False: it counts something. */
static bool note_words(cg_str_t text, slot_t *slot)
{
    piece_t piece = slot->whole;
    size_t from = piece.start > LOOK_BACK ? piece.start - LOOK_BACK : 0;
    size_t to = piece.end + LOOK_AFTER < text.len ? piece.end + LOOK_AFTER
                                                  : text.len;
    size_t end = 0;
    int kinds = words_in(text, from, piece.start, WORD_PIECE | WORD_BESIDE, &end);
    bool is_pointed = end > 0 && is_beside(text, end, piece.start);
    size_t unused;
    int after = words_in(text, piece.end, to, WORD_PIECE, &unused);
    slot->has_label = (kinds & WORD_LABEL) != 0;
    if (!is_pointed && ((kinds | after) & WORD_COUNTER)) {
        return false;
    }
    bool is_short = text.len <= SHORT_TEXT && looks_like_value(text, piece);
    slot->has_word =
        is_pointed || (is_short && ((kinds | after) & WORD_PIECE) != 0);
    return true;
}

static bool is_empty(piece_t piece)
{
    return piece.start == piece.end;
}

/* Where from on a byte stands that tells of a value: a digit, @, or the sixth
 * capital in a row; the text's end if none does. */
static size_t next_telling(cg_str_t text, size_t from)
{
    int capitals = 0;
    for (size_t i = from; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        capitals = c >= 'A' && c <= 'Z' ? capitals + 1 : 0;
        if ((table.bytes[c] & BYTE_TELLING) || capitals == 6) {
            return i;
        }
    }
    return text.len;
}

/* The only run of the text that looks like a value; empty if there are none or
 * several. */
static piece_t only_value(cg_str_t text)
{
    piece_t only = {0, 0};
    size_t at = next_telling(text, 0);
    while (at < text.len) {
        size_t start = at;
        while (start > only.end && value_at(text, before(text, start)) > 0) {
            start = before(text, start);
        }
        piece_t run = run_forth(text, start);
        if (looks_like_value(text, run)) {
            if (!is_empty(only)) {
                return (piece_t){0, 0};
            }
            only = run;
        }
        at = next_telling(text, run.end > at ? run.end : at + 1);
    }
    return only;
}

/* A full stop behind digits ends the sentence; behind letters it may be an
 * address's. */
static void drop_stop(cg_str_t text, piece_t *piece)
{
    uint32_t len = piece->end - piece->start;
    if (len > 1 && text.ptr[piece->end - 1] == '.' &&
        is_digit(text.ptr[piece->end - 2])) {
        piece->end--;
    }
}

/* Finds the text's piece. False: it has none. */
static bool read_piece(cg_str_t text, slot_t *slot)
{
    piece_t all = trimmed(text);
    drop_stop(text, &all);
    slot->head = run_forth(text, all.start);
    slot->tail = run_back(text, all.end);
    slot->is_bare = !is_empty(slot->tail) && slot->tail.start == all.start;
    slot->whole = slot->tail;
    if (slot->is_bare) {
        return true;
    }
    if (!is_empty(slot->whole) && note_words(text, slot) &&
        (slot->has_word ||
         (slot->has_label && looks_like_value(text, slot->whole)))) {
        return true;
    }
    slot->has_word = slot->has_label = false;
    slot->whole = text.len <= SHORT_TEXT ? only_value(text) : (piece_t){0, 0};
    if (is_empty(slot->whole) || !note_words(text, slot)) {
        slot->whole = (piece_t){0, 0};
        slot->has_word = slot->has_label = false;
        return false;
    }
    uint32_t len = slot->whole.end - slot->whole.start;
    slot->is_most = 2 * len > all.end - all.start;
    return slot->has_word || slot->is_most || slot->has_label;
}

/* ---- joining ----------------------------------------------------------- */

static slot_t *slot_at(cg_spread_t *spread, uint32_t index)
{
    return &spread->slots[index % CG_SPREAD_PARTS_MAX];
}

/* What of the slot takes part when it is first, last or between. */
static piece_t piece_of(const slot_t *slot, const slot_t *next, bool is_first,
                        bool is_last)
{
    if (is_last && !is_first && slot->goes_on) {
        return slot->head;
    }
    if (is_first && next && next->goes_on) {
        return slot->tail;
    }
    return slot->whole;
}

/* Parts of a text are kept in its bytes one after the other. */
static const char *bytes_of(const slot_t *slot, piece_t piece)
{
    if (piece.start == slot->whole.start && piece.end == slot->whole.end) {
        return slot->bytes;
    }
    bool is_head =
        piece.start == slot->head.start && piece.end == slot->head.end;
    return slot->bytes + slot->whole_len + (is_head ? 0 : slot->head_len);
}

/* lives in: the stack, for one attempt to join */
typedef struct join_t {
    uint32_t count;                     /* of parts */
    uint32_t index[CG_SPREAD_PARTS_MAX]; /* of their slots */
    size_t len;
    size_t cuts[CG_SPREAD_PARTS_MAX]; /* where the parts end */
    int words;                        /* that say there are pieces */
    bool is_labelled;                 /* one says what the first is */
    bool is_touching;                 /* all parts are of one message */
    bool is_bare;
    piece_t pieces[CG_SPREAD_PARTS_MAX];
} join_t;

/* May the slot be a part at all, between others of the join? */
static bool may_join(const slot_t *slot, bool is_first)
{
    return slot->is_bare || slot->has_word || slot->is_most ||
           (is_first && slot->has_label);
}

static slot_t *part_of(cg_spread_t *spread, const join_t *join, uint32_t part)
{
    return slot_at(spread, join->index[part]);
}

static slot_t *last_of(cg_spread_t *spread, const join_t *join)
{
    return part_of(spread, join, join->count - 1);
}

/* "ok", "wait": a word alone is hardly a part of a value. */
static bool is_weak(const slot_t *slot)
{
    if (!slot->is_bare || slot->goes_on) {
        return false;
    }
    for (size_t i = 0; i < slot->whole_len; i++) {
        if (!is_letter(slot->bytes[i])) {
            return false;
        }
    }
    return true;
}

/* Chooses the slots from first to last, weak ones between them only if wanted.
 * False: there is nothing to choose. */
static bool choose(cg_spread_t *spread, uint32_t first, uint32_t last,
                   bool with_weak, join_t *join)
{
    uint32_t weak = 0;
    join->count = 0;
    for (uint32_t i = first; i <= last; i++) {
        bool is_between = i > first && i < last;
        if (is_between && is_weak(slot_at(spread, i))) {
            weak++;
            if (!with_weak) {
                continue;
            }
        }
        join->index[join->count++] = i;
    }
    return with_weak || (weak > 0 && weak <= GAPS_MAX);
}

static bool gather(cg_spread_t *spread, join_t *join)
{
    join->len = 0;
    join->words = 0;
    join->is_labelled = part_of(spread, join, 0)->has_label;
    join->is_touching = true;
    join->is_bare = true;
    for (uint32_t i = 0; i < join->count; i++) {
        const slot_t *slot = part_of(spread, join, i);
        bool is_first = i == 0;
        bool is_last = i + 1 == join->count;
        const slot_t *next = is_last ? NULL : part_of(spread, join, i + 1);
        piece_t piece = piece_of(slot, next, is_first, is_last);
        size_t len = piece.end - piece.start;
        if (len == 0 || join->len + len > JOINED_MAX) {
            return false;
        }
        bool is_linked = is_first || slot->goes_on;
        join->is_touching = join->is_touching && is_linked;
        join->is_bare = join->is_bare && slot->is_bare;
        join->words += slot->has_word + (!is_first && slot->was_asked);
        memcpy(spread->joined + join->len, bytes_of(slot, piece), len);
        join->len += len;
        join->cuts[i] = join->len;
        join->pieces[i] = piece;
    }
    for (uint32_t i = 0; i < join->count && !join->is_touching; i++) {
        if (!may_join(part_of(spread, join, i), i == 0)) {
            return false;
        }
    }
    return true;
}

/* Types that chance hardly makes of two harmless pieces. */
static bool is_strong(int type)
{
    static const uint8_t strong[] = {
        CG_TYPE_CREDIT_CARD, CG_TYPE_IBAN_CODE,  CG_TYPE_EMAIL_ADDRESS,
        CG_TYPE_CRYPTO,      CG_TYPE_CN_USCC,    CG_TYPE_CN_RESIDENT_ID,
        CG_TYPE_US_SSN,      CG_TYPE_FR_NIR,     CG_TYPE_IT_FISCAL_CODE,
        CG_TYPE_IN_GSTIN};
    for (size_t i = 0; i < sizeof strong; i++) {
        if (strong[i] == type) {
            return true;
        }
    }
    return cg_detector_is_secret(type) && type != CG_TYPE_SECRET_PASSWORD;
}

/* Scans the text; the finding that is all of it. */
static apr_status_t scan_whole(cg_spread_t *spread, cg_str_t name,
                               cg_str_t text, bool *out_is_found,
                               cg_finding_t *out)
{
    *out_is_found = false;
    apr_status_t rv = cg_redact_scan_named(spread->rules, name, text,
                                           CG_SCAN_PLAIN, &spread->findings);
    if (rv == APR_SUCCESS && spread->findings.count == 1 &&
        spread->findings.items[0].start == 0 &&
        spread->findings.items[0].end == text.len) {
        *out = spread->findings.items[0];
        *out_is_found = true;
    }
    return rv;
}

typedef struct shape_t {
    int digits;
    int blanks;
    int dashes;
    int others;
    bool has_at;
} shape_t;

static shape_t shape_of(const char *bytes, size_t len)
{
    shape_t shape = {0};
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        bool is_wide = (unsigned char)c == 0xEF; /* a full-width form */
        shape.digits += is_digit(c) || is_wide;
        shape.blanks += c == ' ';
        shape.dashes += c == '-';
        shape.others += !is_digit(c) && c != ' ' && c != '-' &&
                        (unsigned char)c < 0x80;
        shape.has_at = shape.has_at || c == '@';
    }
    return shape;
}

/* Not worth a scan: nothing of that length is a value. */
static bool is_hopeless(const shape_t *shape, size_t len)
{
    if (shape->others == 0) {
        return shape->digits < 8 || shape->digits > 24;
    }
    return len < 8;
}

/* How the pieces may be put together, from the plainest on. */
enum {
    AS_THEY_ARE,
    WITHOUT_STOPS, /* that end a sentence */
    WITHOUT_BLANKS,
    DIGITS_ONLY,
    WITH_DASHES,
    SPELLINGS
};

static bool has_stop(const cg_spread_t *spread, const join_t *join)
{
    for (uint32_t i = 0; i < join->count; i++) {
        if (spread->joined[join->cuts[i] - 1] == '.') {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const cg_spread_t *spread, const join_t *join,
                      int spelling, const shape_t *shape)
{
    bool is_number = shape->others == 0;
    switch (spelling) {
    case WITHOUT_STOPS:
        return has_stop(spread, join);
    case WITHOUT_BLANKS:
        return shape->blanks > 0;
    case DIGITS_ONLY:
        return is_number && shape->dashes > 0;
    case WITH_DASHES:
        return is_number && shape->digits == 9 && shape->dashes == 1;
    default:
        return true;
    }
}

static cg_str_t spell(cg_spread_t *spread, const join_t *join, int spelling,
                      const shape_t *shape)
{
    if (!is_wanted(spread, join, spelling, shape)) {
        return CG_STR("");
    }
    if (spelling == AS_THEY_ARE) {
        return (cg_str_t){spread->joined, join->len};
    }
    cg_buf_t out;
    size_t part = 0;
    cg_buf_init(&out, join->len + CG_SPREAD_PARTS_MAX, spread->pool);
    for (size_t i = 0; i < join->len; i++) {
        char c = spread->joined[i];
        bool is_cut = i + 1 == join->cuts[part];
        bool is_dropped = c == ' ' || (spelling == DIGITS_ONLY && c == '-') ||
                          (is_cut && c == '.');
        if (!is_dropped) {
            cg_buf_char(&out, c);
        }
        if (spelling == WITH_DASHES && is_cut && i + 1 < join->len) {
            cg_buf_char(&out, '-');
        }
        part += is_cut;
    }
    return (cg_str_t){out.ptr, out.len};
}

/* An address ends in a domain that there is, where nothing else speaks for it. */
static bool has_known_end(cg_str_t address)
{
    static const char *const ends[] = {"com", "org", "net", "edu", "gov",
                                       "info", "biz", "dev", "app", "test"};
    size_t dot = address.len;
    while (dot > 0 && address.ptr[dot - 1] != '.') {
        dot--;
    }
    cg_str_t end = {address.ptr + dot, address.len - dot};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (cg_str_is_nocase(end, ends[i])) {
            return true;
        }
    }
    return end.len == 2;
}

/* Is one of the parts a value of this kind by itself? Then the others are no part
 * of it, unless a word says so and its kind is one of any length. */
static apr_status_t is_whole_alone(cg_spread_t *spread, const join_t *join,
                                   int type, bool *out)
{
    size_t from = 0;
    *out = false;
    for (uint32_t i = 0; i < join->count && !*out; i++) {
        cg_str_t part = {spread->joined + from, join->cuts[i] - from};
        apr_status_t rv =
            cg_redact_scan_named(spread->rules, CG_STR(""), part,
                                 CG_SCAN_PLAIN, &spread->findings);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (size_t k = 0; k < spread->findings.count; k++) {
            *out = *out || spread->findings.items[k].type == type;
        }
        from = join->cuts[i];
    }
    return APR_SUCCESS;
}

/* No word of a language: letters and digits mixed. */
static bool looks_random(const char *bytes, size_t len)
{
    int digits = 0;
    int letters = 0;
    for (size_t i = 0; i < len; i++) {
        digits += is_digit(bytes[i]);
        letters += is_letter(bytes[i]);
    }
    return len >= 6 && digits > 0 && letters > 0;
}

static bool may_grow(int type)
{
    return type == CG_TYPE_EMAIL_ADDRESS || cg_detector_is_secret(type);
}

static size_t shortest(const join_t *join)
{
    size_t least = join->cuts[0];
    for (uint32_t i = 1; i < join->count; i++) {
        size_t len = join->cuts[i] - join->cuts[i - 1];
        least = len < least ? len : least;
    }
    return least;
}

/* Does a word say that these are pieces, or what the first is a piece of? */
static bool is_said(const join_t *join)
{
    return join->words > 0 || join->is_labelled;
}

/* Is what was found believed, given what stands around the parts? */
static apr_status_t judge(cg_spread_t *spread, const join_t *join,
                          cg_str_t text, const cg_finding_t *finding, bool *out)
{
    bool is_alone;
    int type = finding->type;
    apr_status_t rv = is_whole_alone(spread, join, type, &is_alone);
    *out = is_alone ? join->words > 0 && may_grow(type) : is_said(join);
    if (rv != APR_SUCCESS || *out) {
        return rv;
    }
    if (is_alone || spread->needs_words || !is_strong(type) ||
        (type == CG_TYPE_EMAIL_ADDRESS && !has_known_end(text))) {
        return rv;
    }
    /* A row of numbers longer than the value, or of small ones, is a row of
     * numbers. */
    uint32_t parts = join->count;
    bool is_row = type == CG_TYPE_CREDIT_CARD &&
                  (last_of(spread, join)->silent != parts ||
                   shortest(join) < QUIET_DIGITS);
    *out = join->is_touching ||
           (join->is_bare && parts <= QUIET_PARTS && !is_row);
    return rv;
}

static bool reaches_into(const cg_spread_found_t *found, const slot_t *slot)
{
    for (int i = 0; i < found->count; i++) {
        if (found->parts[i].text == slot->number) {
            return true;
        }
    }
    return false;
}

/* Notes the value. A longer one replaces the one that was its beginning. */
static void note(cg_spread_t *spread, const join_t *join,
                 const cg_finding_t *finding)
{
    cg_spread_found_t found = {.type = finding->type,
                               .score = finding->score,
                               .rule = finding->rule,
                               .is_quiet = !is_said(join) &&
                                           !join->is_touching};
    for (uint32_t i = 0; i < join->count; i++) {
        piece_t piece = join->pieces[i];
        found.parts[found.count++] = (cg_spread_part_t){
            part_of(spread, join, i)->number, piece.start, piece.end};
    }
    int count = spread->found->nelts;
    cg_spread_found_t *before_it =
        count ? &APR_ARRAY_IDX(spread->found, count - 1, cg_spread_found_t)
              : NULL;
    if (before_it && before_it->parts[0].text == found.parts[0].text &&
        before_it->count < found.count) {
        *before_it = found;
        return;
    }
    APR_ARRAY_PUSH(spread->found, cg_spread_found_t) = found;
}

/* Is it what a value that seemed complete may go on with? */
static bool is_end_of_value(const char *bytes, size_t len, bool was_asked)
{
    bool is_odd = looks_random(bytes, len) || bytes[0] == '.' || bytes[0] == '@';
    for (size_t i = 0; i < len && was_asked; i++) {
        is_odd = is_odd || bytes[i] == '.' || is_digit(bytes[i]);
    }
    return is_odd;
}

/* What was found already may only grow: from its own first part on. */
static bool is_taken(cg_spread_t *spread, const join_t *join)
{
    int count = spread->found->nelts;
    if (count == 0) {
        return false;
    }
    const cg_spread_found_t *last =
        &APR_ARRAY_IDX(spread->found, count - 1, cg_spread_found_t);
    bool is_same_start =
        last->parts[0].text == part_of(spread, join, 0)->number;
    if (is_same_start) {
        const slot_t *slot = last_of(spread, join);
        piece_t piece = join->pieces[join->count - 1];
        return !slot->has_word &&
               !is_end_of_value(bytes_of(slot, piece), piece.end - piece.start,
                                slot->was_asked);
    }
    for (uint32_t i = 0; i < join->count; i++) {
        if (reaches_into(last, part_of(spread, join, i))) {
            return true;
        }
    }
    return false;
}

static apr_status_t try_spelling(cg_spread_t *spread, const join_t *join,
                                 cg_str_t text, cg_finding_t *finding,
                                 bool *out)
{
    bool is_found;
    *out = false;
    apr_status_t rv = scan_whole(spread, CG_STR(""), text, &is_found, finding);
    if (rv == APR_SUCCESS && is_found) {
        rv = judge(spread, join, text, finding, out);
    }
    return rv;
}

static apr_status_t try_join(cg_spread_t *spread, join_t *join,
                             cg_finding_t *finding, bool *out)
{
    *out = false;
    if (!gather(spread, join) || is_taken(spread, join)) {
        return APR_SUCCESS;
    }
    shape_t shape = shape_of(spread->joined, join->len);
    bool is_quiet = !is_said(join) && !join->is_touching && !join->is_bare;
    if (is_quiet || is_hopeless(&shape, join->len)) {
        return APR_SUCCESS;
    }
    apr_status_t rv = APR_SUCCESS;
    for (int i = 0; i < SPELLINGS && rv == APR_SUCCESS && !*out; i++) {
        cg_str_t text = spell(spread, join, i, &shape);
        if (text.len > 0) {
            rv = try_spelling(spread, join, text, finding, out);
        }
    }
    return rv;
}

/* ---- the texts of a speaker -------------------------------------------- */

static void keep_bytes(cg_spread_t *spread, slot_t *slot, cg_str_t text)
{
    slot->whole_len = slot->whole.end - slot->whole.start;
    slot->head_len = slot->head.end - slot->head.start;
    slot->tail_len = slot->tail.end - slot->tail.start;
    size_t len = slot->whole_len + slot->head_len + slot->tail_len;
    slot->bytes = apr_palloc(spread->pool, len + 1);
    memcpy(slot->bytes, text.ptr + slot->whole.start, slot->whole_len);
    memcpy(slot->bytes + slot->whole_len, text.ptr + slot->head.start,
           slot->head_len);
    memcpy(slot->bytes + slot->whole_len + slot->head_len,
           text.ptr + slot->tail.start, slot->tail_len);
}

/* May the text before the slot belong with it? */
static bool is_near(const slot_t *slot)
{
    return slot->goes_on || slot->gaps == 0 ||
           (slot->gaps <= GAPS_MAX && (slot->has_word || slot->was_asked));
}

/* Keeps the surer finding; of two as sure the longer. */
static apr_status_t try_best(cg_spread_t *spread, join_t *join, join_t *best,
                             cg_finding_t *best_finding)
{
    bool is_found;
    cg_finding_t finding;
    apr_status_t rv = try_join(spread, join, &finding, &is_found);
    if (rv == APR_SUCCESS && is_found &&
        finding.score >= best_finding->score) {
        *best = *join;
        *best_finding = finding;
    }
    return rv;
}

/* Tries all rows of texts that end with the last one. */
static apr_status_t join_back(cg_spread_t *spread)
{
    uint32_t last = spread->count - 1;
    uint32_t most = last + 1 < CG_SPREAD_PARTS_MAX ? last + 1
                                                   : CG_SPREAD_PARTS_MAX;
    join_t best = {0};
    cg_finding_t finding = {.score = 0};
    apr_status_t rv = APR_SUCCESS;
    for (uint32_t parts = 2; parts <= most && rv == APR_SUCCESS; parts++) {
        join_t join;
        uint32_t first = last + 1 - parts;
        if (!is_near(slot_at(spread, first + 1))) {
            break;
        }
        choose(spread, first, last, true, &join);
        rv = try_best(spread, &join, &best, &finding);
        if (rv == APR_SUCCESS && choose(spread, first, last, false, &join)) {
            rv = try_best(spread, &join, &best, &finding);
        }
    }
    if (rv == APR_SUCCESS && finding.score > 0) {
        note(spread, &best, &finding);
    }
    return rv;
}

/* A card of which nothing but its digits spoke, and a further number follows: it
 * was a row of numbers. */
static void forget_row(cg_spread_t *spread, const slot_t *slot)
{
    int count = spread->found->nelts;
    const cg_spread_found_t *last =
        count ? &APR_ARRAY_IDX(spread->found, count - 1, cg_spread_found_t)
              : NULL;
    bool is_row = last && last->is_quiet &&
                  last->type == CG_TYPE_CREDIT_CARD &&
                  slot->silent == (uint32_t)last->count + 1;
    if (is_row) {
        spread->found->nelts--;
    }
}

/* A text without a piece is kept only for what may follow in the same message. */
static void forget_pieceless(cg_spread_t *spread)
{
    if (spread->count > 0 &&
        is_empty(slot_at(spread, spread->count - 1)->whole)) {
        spread->count--;
        spread->gaps += slot_at(spread, spread->count)->gaps + 1;
    }
}

apr_status_t cg_spread_add(cg_spread_t *spread, uint32_t number, cg_str_t text,
                           bool goes_on)
{
    if (!goes_on) {
        forget_pieceless(spread);
    }
    slot_t slot = {.number = number, .goes_on = goes_on && spread->count > 0};
    bool has_piece = text.len > 0 && read_piece(text, &slot);
    if (!has_piece && is_empty(slot.tail) && is_empty(slot.head)) {
        spread->gaps++;
        return APR_SUCCESS;
    }
    if (!has_piece) {
        slot.whole = (piece_t){0, 0};
    }
    const slot_t *before_it =
        spread->count ? slot_at(spread, spread->count - 1) : NULL;
    bool is_silent = slot.is_bare && looks_like_value(text, slot.whole);
    slot.gaps = spread->gaps;
    slot.was_asked = spread->was_asked;
    slot.silent = is_silent ? 1 : 0;
    if (is_silent && before_it && slot.gaps == 0) {
        slot.silent += before_it->silent;
    }
    if (is_silent) {
        forget_row(spread, &slot);
    }
    keep_bytes(spread, &slot, text);
    *slot_at(spread, spread->count++) = slot;
    spread->gaps = 0;
    spread->was_asked = false;
    return has_piece || slot.goes_on ? join_back(spread) : APR_SUCCESS;
}

void cg_spread_hear(cg_spread_t *spread, cg_str_t text)
{
    size_t end;
    const slot_t *last =
        spread->count ? slot_at(spread, spread->count - 1) : NULL;
    if (!last || is_empty(last->whole) || spread->was_asked) {
        return; /* nothing that could go on */
    }
    if (text.len > 0 && text.len <= SHORT_TEXT &&
        (words_in(text, 0, text.len, WORD_GO_ON, &end) & WORD_GO_ON)) {
        spread->was_asked = true;
    }
}

const cg_spread_found_t *cg_spread_found(const cg_spread_t *spread,
                                         size_t *out_count)
{
    *out_count = (size_t)spread->found->nelts;
    return (const cg_spread_found_t *)spread->found->elts;
}
