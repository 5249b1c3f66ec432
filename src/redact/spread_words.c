/* Words that tell of pieces, and of numbers that are none.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <string.h>

#include "redact/spread_int.h"

// clang-format off
static const struct word_list_t {
    int kind;
    const char *words; /* lower case; '_' stands for a blank */
} LISTS[] = {
    {CG_WORD_PIECE,
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
    {CG_WORD_BESIDE,
     "then and_then after_that finally "
     "first_1 first_2 first_3 first_4 first_5 first_6 first_7 first_8 first_9 last_1 last_2 "
     "last_3 last_4 last_5 last_6 last_7 last_8 last_9 next_1 next_2 next_3 next_4 next_5 "
     "next_6 next_7 next_8 next_9 "
     "前1 前2 前3 前4 前5 前6 前7 前8 前9 后1 后2 后3 后4 后5 后6 后7 后8 后9 後1 後2 "
     "後3 後4 後5 後6 後7 後8 後9"},
    {CG_WORD_GO_ON,
     "go_on go_ahead continue please_proceed keep_going and_the_rest the_rest next? next_part "
     "what's_next and_then carry_on send_the remaining 继续 繼續 接着 接著 请说 然后呢 後面呢 后面呢 "
     "下一段 剩下 剩余 其余 下半 后半"},
    {CG_WORD_LABEL,
     "card visa mastercard amex pan: ssn social_security iban account phone mobile tel cell "
     "email e-mail mail: key token secret api_key access_key passport tax_id national_id id_number "
     "id_card 卡号 卡號 银行卡 信用卡 身份证 身份證 证件号 手机 手機 电话 電話 邮箱 郵箱 邮件 密钥 密鑰 令牌 护照 "
     "社保 账号 帳號 信用代码"},
    {CG_WORD_COUNTER,
     "order orders order_no order_id quantity qty amount price cost total sum count number_of "
     "version ver build release revision invoice ticket tracking serial sku page pages chapter "
     "line lines step row rows column item items room floor year month day date time error code "
     "port size width height length weight score points level rank index batch commit issue case "
     "question answer result lot model part_number part_no reference ref parcel usd eur cny rmb "
     "订单 訂單 单号 單號 数量 數量 价格 價格 金额 金額 版本 快递 物流 运单 流水 批次 编号 編號 发票 页 行号 行 "
     "列 第几 日期 时间 年份 房间 楼 错误码 端口 大小 宽 高 重量 得分 分数 排名 序号 总计 合计 单价 库存 人数 工单 "
     "型号 条码 学号 工号"},
    {CG_WORD_PLAIN,
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

/* Built once per process from constant data, constant afterwards. */
static struct {
    pthread_once_t once;
    word_t words[WORDS_MAX];
    int count;
    int16_t buckets[BUCKETS]; /* by the first two bytes */
} table = {.once = PTHREAD_ONCE_INIT};

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
        bool is_same = word->text[i] == '_' ? c == ' ' || c == '-' || c == '_'
                                            : cg_lower(c) == word->text[i];
        if (!is_same) {
            return 0;
        }
    }
    size_t end = at + word->len;
    bool is_cut = cg_is_letter(word->text[word->len - 1]) && end < text.len &&
                  cg_is_letter(text.ptr[end]) && cg_lower(text.ptr[end]) != 's';
    return is_cut ? 0 : word->len;
}

int cg_spread_words(cg_str_t text, size_t from, size_t to, int wanted,
                    size_t *out_end)
{
    pthread_once(&table.once, build);
    int kinds = 0;
    cg_str_t part = {text.ptr, to};
    *out_end = 0;
    for (size_t at = from; at + 1 < to; at++) {
        bool is_inside = at > 0 && cg_is_letter(text.ptr[at - 1]) &&
                         cg_is_letter(text.ptr[at]);
        int16_t i = is_inside
                        ? (int16_t)-1
                        : table.buckets[bucket_of(cg_lower(text.ptr[at]),
                                                  cg_lower(text.ptr[at + 1]))];
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

size_t cg_spread_plain_word(cg_str_t text, size_t at)
{
    pthread_once(&table.once, build);
    size_t best = 0;
    char first = cg_lower(text.ptr[at]);
    char second = at + 1 < text.len ? cg_lower(text.ptr[at + 1]) : 0;
    int16_t chains[] = {table.buckets[bucket_of(first, second)],
                        table.buckets[bucket_of(first, 0)]};
    for (int k = 0; k < 2; k++) {
        for (int16_t i = chains[k]; i >= 0; i = table.words[i].next) {
            bool is_plain =
                (table.words[i].kind & (CG_WORD_PLAIN | CG_WORD_LABEL));
            size_t len = is_plain ? word_here(&table.words[i], text, at) : 0;
            best = len > best ? len : best;
        }
    }
    return best;
}
