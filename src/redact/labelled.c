/* Secrets that only their surroundings give away: user:password@ in a URL,
 * password = "...", an AWS secret beside its name.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A value after a label is found from the value's side, so that it makes no
 * difference whether the label has been sent already: at a word that stands
 * after : = a quote or Chinese text, the label is looked for to the left.
 */
#include "redact/redact_int.h"

#include <pthread.h>
#include <string.h>

#define URL_MAX 160

/* The signs that a URL may have: 1, and at its end as well: 2. */
static const uint8_t url_signs[256] = {
    ['-'] = 2, ['_'] = 2, ['~'] = 2, ['/'] = 2, ['#'] = 2, ['['] = 2, ['@'] = 2,
    ['$'] = 2, ['+'] = 2, ['='] = 2, ['%'] = 2, ['.'] = 1, [':'] = 1, ['?'] = 1,
    [']'] = 1, ['!'] = 1, ['&'] = 1, ['*'] = 1, [','] = 1, [';'] = 1};

/* Characters a password in a URL may have. */
static bool is_userinfo(unsigned c)
{
    static const uint8_t is_other[128] = {
        ['/'] = 1, ['@'] = 1, ['"'] = 1, ['\''] = 1, ['<'] = 1,
        ['>'] = 1, ['`'] = 1, ['|'] = 1, ['\\'] = 1};
    return c > ' ' && c < 0x7f && !is_other[c];
}

static uint32_t url_end(cg_window_t *w, uint32_t i)
{
    const unsigned char *text = w->text;
    uint32_t from = i;
    uint32_t most = from + URL_MAX;
    uint32_t stop = most < w->limit ? most : w->limit;
    while (i < stop && (cg_is(text[i], CG_C_ALNUM) || url_signs[text[i]])) {
        i++;
    }
    cg_at(w, i < most ? i : i - 1); /* so far this looks */
    while (i > from && url_signs[text[i - 1]] == 1) {
        i--;
    }
    return i;
}

/* "password": a word that stands for one. */
static bool is_word_for_secret(const char *s, int len)
{
    static const char *const words[] = {"password", "pass", "passwd", "pwd",
                                        "secret",   "user", "token",  "xxx"};
    for (size_t k = 0; len <= 8 && k < sizeof words / sizeof words[0]; k++) {
        int i = 0;
        while (i < len && words[k][i] && (s[i] | 0x20) == words[k][i]) {
            i++;
        }
        if (i == len && words[k][i] == 0) {
            return true;
        }
    }
    return false;
}

/* How many characters of ****, ..., xxx, ___. */
static int count_hidden(const char *s, int len)
{
    int hidden = 0;
    for (int i = 0; i < len; i++) {
        hidden +=
            s[i] == '*' || s[i] == '.' || (s[i] | 0x20) == 'x' || s[i] == '_';
    }
    return hidden;
}

/* ${PASS}, {{ pass }}, <pass>, ****, "password": nothing to hide. */
static bool is_placeholder(const char *s, int len)
{
    for (int i = 0; i < len; i++) {
        if (s[i] == '$' || s[i] == '{' || s[i] == '}' || s[i] == '<') {
            return true;
        }
    }
    return is_word_for_secret(s, len) || count_hidden(s, len) * 5 >= len * 4;
}

/* user:password@host after the two slashes at i. */
static void try_credentials(cg_window_t *w, uint32_t start, uint32_t i)
{
    char password[64];
    int len = 0;
    uint32_t from = i;
    while (i < from + 64 && is_userinfo(cg_at(w, i)) && cg_at(w, i) != ':') {
        i++;
    }
    if (cg_at(w, i) != ':') {
        return;
    }
    i++;
    from = i;
    while (i < from + 100 && is_userinfo(cg_at(w, i))) {
        if (len < (int)sizeof password) {
            password[len++] = (char)cg_at(w, i);
        }
        i++;
    }
    if (cg_at(w, i) != '@' || len < 3 || is_placeholder(password, len) ||
        !cg_is(cg_at(w, i + 1), CG_C_ALNUM)) {
        return;
    }
    cg_candidate_plain(w, start, url_end(w, i + 1),
                       CG_TYPE_SECRET_URL_CREDENTIAL, 100, -1, CG_SWALLOW_NONE);
}

static uint32_t expect(cg_window_t *w, uint32_t i, const char *text)
{
    for (; *text; text++, i++) {
        if (cg_at(w, i) != (unsigned char)*text) {
            return 0;
        }
    }
    return i;
}

typedef struct hook_t {
    const char *place;
    uint8_t type;
} hook_t;

// clang-format off
/* Addresses that are a secret by themselves: who knows one may post. */
static const hook_t hooks[] = {
    {"hooks.slack.com/services/", CG_TYPE_SECRET_SLACK_WEBHOOK},
    {"hooks.slack.com/workflows/", CG_TYPE_SECRET_SLACK_WEBHOOK},
    {"hooks.slack.com/triggers/", CG_TYPE_SECRET_SLACK_WEBHOOK},
    {"discord.com/api/webhooks/", CG_TYPE_SECRET_SLACK_WEBHOOK},
    {"discordapp.com/api/webhooks/", CG_TYPE_SECRET_SLACK_WEBHOOK},
    {"oapi.dingtalk.com/robot/send?access_token=", CG_TYPE_SECRET_API_KEY},
    {"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", CG_TYPE_SECRET_API_KEY},
    {"open.feishu.cn/open-apis/bot/v2/hook/", CG_TYPE_SECRET_API_KEY},
    {"open.larksuite.com/open-apis/bot/v2/hook/", CG_TYPE_SECRET_API_KEY},
    {"api.telegram.org/bot", CG_TYPE_SECRET_API_KEY},
};
// clang-format on

/* The place of the table that begins at i; its end, or 0. */
static uint32_t read_hook(cg_window_t *w, uint32_t i, uint8_t *type)
{
    unsigned first = cg_at(w, i);
    if (first != 'h' && first != 'd' && first != 'o' && first != 'q' &&
        first != 'a') {
        return 0; /* most hosts: none of the table begins so */
    }
    for (size_t k = 0; k < sizeof hooks / sizeof hooks[0]; k++) {
        uint32_t path = expect(w, i, hooks[k].place);
        if (path) {
            *type = hooks[k].type;
            return path;
        }
    }
    return 0;
}

static void try_webhook(cg_window_t *w, uint32_t start, uint32_t i)
{
    char body[48];
    uint8_t type = 0;
    uint32_t path = read_hook(w, i, &type);
    if (path == 0) {
        return;
    }
    uint32_t end = url_end(w, path);
    while (end > path && cg_at(w, end - 1) == '/') {
        end--;
    }
    uint32_t last = end;
    while (last > path && cg_at(w, last - 1) != '/') {
        last--;
    }
    int len = 0;
    while (last + (uint32_t)len < end && len < (int)sizeof body) {
        body[len] = (char)cg_at(w, last + (uint32_t)len);
        len++;
    }
    if (len >= 16 && cg_is_random(body, len, type == CG_TYPE_SECRET_API_KEY)) {
        cg_candidate_plain(w, start, end, type, 100, -1, CG_SWALLOW_NONE);
    }
}

void cg_scan_url(cg_window_t *w, uint32_t colon)
{
    uint32_t start = colon;
    while (start > 0 && colon - start < 20 &&
           (cg_is(w->text[start - 1], CG_C_ALNUM) ||
            w->text[start - 1] == '+' || w->text[start - 1] == '-' ||
            w->text[start - 1] == '.')) {
        start--;
    }
    while (start < colon && !cg_is(w->text[start], CG_C_ALPHA)) {
        start++;
    }
    if (colon - start < 2 || start < w->base) {
        return;
    }
    cg_begin(w, start);
    if (cg_at(w, colon + 1) == '/' && cg_at(w, colon + 2) == '/') {
        try_credentials(w, start, colon + 3);
        try_webhook(w, start, colon + 3);
    }
    cg_end(w, start);
}

/* ---- label and value ---- */

typedef enum label_kind_t {
    LABEL_NONE,
    LABEL_PASSWORD,
    LABEL_KEY,    /* a key or an identifier */
    LABEL_SECRET, /* a key */
    LABEL_BEARER, /* a key, without a sign between */
    LABEL_BASIC   /* user:password in base64, the same */
} label_kind_t;

typedef struct secret_label_t {
    const char *word; /* lower case; '_' is a blank, _ - or nothing */
    label_kind_t kind;
} secret_label_t;

#define LABELS 64
#define VALUE_MAX 64 /* what is longer is swallowed as it comes */

// clang-format off
static const secret_label_t secret_labels[LABELS] = {
    {"password", LABEL_PASSWORD}, {"passwd", LABEL_PASSWORD},
    {"pwd", LABEL_PASSWORD}, {"passphrase", LABEL_PASSWORD},
    {"passcode", LABEL_PASSWORD}, {"密码", LABEL_PASSWORD},
    {"口令", LABEL_PASSWORD}, {"密碼", LABEL_PASSWORD},
    {"パスワード", LABEL_PASSWORD}, {"비밀번호", LABEL_PASSWORD},
    {"contraseña", LABEL_PASSWORD}, {"passwort", LABEL_PASSWORD},
    {"mot_de_passe", LABEL_PASSWORD}, {"kennwort", LABEL_PASSWORD},
    {"secret", LABEL_SECRET}, {"secret_key", LABEL_SECRET},
    {"api_key", LABEL_SECRET}, {"access_key", LABEL_SECRET},
    {"app_secret", LABEL_SECRET}, {"auth_token", LABEL_SECRET},
    {"access_token", LABEL_SECRET}, {"refresh_token", LABEL_SECRET},
    {"client_secret", LABEL_SECRET}, {"private_key", LABEL_SECRET},
    {"secret_access_key", LABEL_SECRET}, {"account_key", LABEL_SECRET},
    {"signing_key", LABEL_SECRET}, {"encryption_key", LABEL_SECRET},
    {"密钥", LABEL_SECRET}, {"密鑰", LABEL_SECRET}, {"秘钥", LABEL_SECRET},
    {"令牌", LABEL_SECRET}, {"token", LABEL_KEY}, {"credential", LABEL_KEY},
    {"bearer", LABEL_BEARER}, {"basic", LABEL_BASIC},
};
// clang-format on

/* Does the label end at end? */
static bool label_ends_at(const cg_window_t *w, uint32_t end, const char *word)
{
    size_t len = strlen(word);
    uint32_t i = end;
    while (len > 0) {
        unsigned want = (unsigned char)word[len - 1];
        unsigned have = i > 0 ? w->text[i - 1] : 0;
        if (want == '_') {
            i -= have == ' ' || have == '_' || have == '-';
            len--;
            continue;
        }
        if (i == 0 ||
            (have != want && (have < 'A' || have > 'Z' || have + 32 != want))) {
            return false;
        }
        i--;
        len--;
    }
    unsigned before = cg_before(w, i);
    return (unsigned char)word[0] >= 0x80 || !cg_is(before, CG_C_ALPHA) ||
           (cg_is(before, CG_C_LOWER) && cg_is(w->text[i], CG_C_UPPER));
}

/* The labels by their last byte. Built once per process from constant data. */
static struct {
    pthread_once_t once;
    uint8_t first[256]; /* 1 + number of a label; 0: none */
    uint8_t next[LABELS];
} by_end = {.once = PTHREAD_ONCE_INIT};

static void build(void)
{
    for (uint8_t k = 0; k < LABELS && secret_labels[k].word; k++) {
        const char *word = secret_labels[k].word;
        unsigned last = (unsigned char)word[strlen(word) - 1];
        by_end.next[k] = by_end.first[last];
        by_end.first[last] = k + 1;
    }
}

static label_kind_t label_before(const cg_window_t *w, uint32_t end)
{
    unsigned last = end > 0 ? w->text[end - 1] : 0;
    last = last >= 'A' && last <= 'Z' ? last + 32 : last;
    pthread_once(&by_end.once, build);
    for (uint8_t k = by_end.first[last]; k; k = by_end.next[k - 1]) {
        if (label_ends_at(w, end, secret_labels[k - 1].word)) {
            return secret_labels[k - 1].kind;
        }
    }
    return LABEL_NONE;
}

/* All that is asked for is three bytes long: one character, or " is". */
static bool ends_with(const cg_window_t *w, uint32_t end, const char three[4])
{
    return end >= 3 && w->text[end - 1] == (unsigned char)three[2] &&
           memcmp(w->text + end - 3, three, 3) == 0;
}

/* Quotes, blanks and line ends, emphasis: may stand on both sides of the sign. */
static bool is_beside_sign(unsigned c)
{
    static const uint8_t is_beside[128] = {
        [' '] = 1, ['"'] = 1,  ['\''] = 1, ['`'] = 1,
        ['*'] = 1, ['\n'] = 1, ['\r'] = 1, ['\t'] = 1};
    return c < 128 && is_beside[c];
}

/* Where the sign that ends at i begins: = : := => | > is ：是 为; i if there is
 * none. */
static uint32_t skip_sign(const cg_window_t *w, uint32_t i)
{
    unsigned last = i > 0 ? w->text[i - 1] : 0;
    unsigned before = i > 1 ? w->text[i - 2] : 0;
    if (last == ':' || last == '|') {
        return i - 1;
    }
    if (last == '=' || last == '>') {
        return before == (last == '=' ? ':' : '=') ? i - 2 : i - 1;
    }
    if (last == 's') {
        return ends_with(w, i, " is") ? i - 3 : i;
    }
    if (last == 0x9A) {
        return ends_with(w, i, "：") ? i - 3 : i;
    }
    bool is_verb = (last == 0xAF && ends_with(w, i, "是")) ||
                   (last == 0xBA && ends_with(w, i, "为")) ||
                   (last == 0xB2 && ends_with(w, i, "爲"));
    if (!is_verb) {
        return i;
    }
    i -= 3;
    /* 就是, 改为, 设置为 */
    for (int k = 0; k < 2; k++) {
        bool is_more = ends_with(w, i, "就") || ends_with(w, i, "改") ||
                       ends_with(w, i, "设") || ends_with(w, i, "置");
        i -= is_more ? 3 : 0;
    }
    return i;
}

/* Goes left from a value over quotes, blanks, one sign and quotes again.
 * Returns where the label ends, or 0. is_spaced: a blank and no sign. */
static uint32_t skip_to_label(const cg_window_t *w, uint32_t value,
                              bool *is_quoted, bool *is_spaced)
{
    uint32_t i = value;
    uint32_t stop = i > 12 ? i - 12 : 0;
    *is_quoted = false;
    *is_spaced = false;
    while (i > stop && is_beside_sign(w->text[i - 1])) {
        *is_quoted = *is_quoted || w->text[i - 1] > ' ';
        i--;
    }
    if (ends_with(w, i, "“") || ends_with(w, i, "「")) {
        *is_quoted = true;
        i -= 3;
    }
    uint32_t before_sign = i;
    i = skip_sign(w, i);
    if (i == before_sign && i > 0 && w->text[i - 1] < 0x80) {
        *is_spaced = i + 1 == value && w->text[i] == ' ';
        return *is_spaced ? i : 0;
    }
    while (i > stop && is_beside_sign(w->text[i - 1])) {
        i--;
    }
    return i;
}

typedef struct value_t {
    char s[VALUE_MAX];
    int len;
    uint32_t end;
    int hidden;  /* characters of ****, ..., xxx, ___ */
    int classes; /* lower, upper, digit, sign */
    bool has_digit;
    bool has_mark; /* . or : */
    bool is_code;  /* a call, an index, a template */
    bool is_template;
} value_t;

enum {
    OF_LOWER = 1,
    OF_UPPER = 2,
    OF_DIGIT = 4,
    OF_SIGN = 8,
    OF_CODE = 16,     /* brackets */
    OF_TEMPLATE = 32, /* ${} */
    OF_HIDDEN = 64,   /* what stands for a value that is not shown */
    OF_MARK = 128     /* . or :, which may make a reference of it */
};

// clang-format off
#define L OF_LOWER
#define U OF_UPPER
#define D OF_DIGIT
#define S OF_SIGN
#define C OF_CODE
#define T OF_TEMPLATE
#define H OF_HIDDEN
#define M OF_MARK
/* What a character says about the value it stands in; 0: it ends it. */
static const uint8_t part_of[256] = {
    ['!'] = S, ['#'] = S, ['$'] = S | T, ['%'] = S, ['&'] = S, ['('] = S | C,
    [')'] = S | C, ['*'] = S | H, ['+'] = S, ['-'] = S, ['.'] = S | H | M,
    ['/'] = S, ['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D, ['5'] = D,
    ['6'] = D, ['7'] = D, ['8'] = D, ['9'] = D, [':'] = S | M, ['='] = S,
    ['?'] = S, ['@'] = S, ['A'] = U, ['B'] = U, ['C'] = U, ['D'] = U, ['E'] = U,
    ['F'] = U, ['G'] = U, ['H'] = U, ['I'] = U, ['J'] = U, ['K'] = U, ['L'] = U,
    ['M'] = U, ['N'] = U, ['O'] = U, ['P'] = U, ['Q'] = U, ['R'] = U, ['S'] = U,
    ['T'] = U, ['U'] = U, ['V'] = U, ['W'] = U, ['X'] = U | H, ['Y'] = U,
    ['Z'] = U, ['['] = S | C, ['\\'] = S, [']'] = S | C, ['^'] = S,
    ['_'] = S | H, ['a'] = L, ['b'] = L, ['c'] = L, ['d'] = L, ['e'] = L,
    ['f'] = L, ['g'] = L, ['h'] = L, ['i'] = L, ['j'] = L, ['k'] = L, ['l'] = L,
    ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L, ['s'] = L,
    ['t'] = L, ['u'] = L, ['v'] = L, ['w'] = L, ['x'] = L | H, ['y'] = L,
    ['z'] = L, ['{'] = S | C | T, ['}'] = S | C | T, ['~'] = S,
};
#undef L
#undef U
#undef D
#undef S
#undef C
#undef T
#undef H
#undef M
// clang-format on

static void read_value(cg_window_t *w, uint32_t start, value_t *value)
{
    unsigned seen = 0;
    unsigned hidden = 0;
    uint32_t i = start;
    uint32_t most = start + VALUE_MAX;
    uint32_t stop = most < w->limit ? most : w->limit;
    while (i < stop) {
        unsigned part = part_of[w->text[i]];
        if (part == 0) {
            break;
        }
        seen |= part;
        hidden += part & OF_HIDDEN;
        i++;
    }
    cg_at(w, i); /* so far this looks */
    value->len = (int)(i - start);
    memcpy(value->s, w->text + start, i - start);
    value->end = i;
    value->hidden = (int)(hidden / OF_HIDDEN);
    value->has_mark = (seen & OF_MARK) != 0;
    value->is_code = (seen & OF_CODE) != 0;
    value->is_template = (seen & OF_TEMPLATE) != 0;
    value->has_digit = (seen & OF_DIGIT) != 0;
    value->classes = 0;
    for (unsigned bit = OF_LOWER; bit <= OF_SIGN; bit <<= 1) {
        value->classes += (seen & bit) != 0;
    }
}

/* Words of code: a.b.c, a/b, snake_case without digits. */
static bool is_reference(const value_t *value)
{
    if (value->is_code || value->is_template ||
        is_word_for_secret(value->s, value->len) ||
        (value->classes < 4 && value->hidden * 5 >= value->len * 4)) {
        return true;
    }
    for (int i = 0; value->has_mark && i + 1 < value->len; i++) {
        if (value->s[i] == '.' &&
            cg_is((unsigned char)value->s[i + 1], CG_C_ALPHA) && i > 0 &&
            cg_is((unsigned char)value->s[i - 1], CG_C_ALPHA)) {
            return true;
        }
        if (value->s[i] == ':' && value->s[i + 1] == '/') {
            return true;
        }
    }
    return false;
}

static bool is_key_shape(const value_t *value)
{
    for (int i = 0; i < value->len; i++) {
        if (!cg_is((unsigned char)value->s[i], CG_C_B64URL) &&
            value->s[i] != '+' && value->s[i] != '/' && value->s[i] != '=' &&
            value->s[i] != '.') {
            return false;
        }
    }
    return true;
}

static bool is_password(const value_t *value, bool is_sure)
{
    if (!value->has_digit || value->classes < 2) {
        return false;
    }
    return (value->classes >= 3 ? value->len >= 6
                                : is_sure && value->len >= 8) &&
           !is_reference(value);
}

/* Beside a password's name and nothing between: every kind of character, or it
 * is a word of the sentence. */
static bool is_bare_password(const value_t *value)
{
    return value->classes == 4 && value->len >= 8 && !is_reference(value) &&
           strcspn(value->s, "!@#$%^&*") < (size_t)value->len;
}

static bool is_key(const value_t *value)
{
    bool has_dot = memchr(value->s, '.', (size_t)value->len) != NULL;
    return value->len >= (has_dot ? 40 : 24) && value->classes >= 3 &&
           is_key_shape(value) && !is_reference(value) &&
           cg_is_random(value->s, value->len, false);
}

/* Hexadecimal or small letters and digits: only where the name says it is a
 * secret. */
static bool is_plain_key(const value_t *value)
{
    int letters = 0;
    for (int i = 0; i < value->len; i++) {
        unsigned c = (unsigned char)value->s[i];
        if (!cg_is(c, CG_C_LOWER | CG_C_DIGIT)) {
            return false;
        }
        letters += cg_is(c, CG_C_LOWER);
    }
    return value->len >= 32 && letters >= 6 && letters * 6 <= value->len * 5 &&
           cg_is_random(value->s, value->len, true);
}

/* dXNlcjpwYXNzd29yZA==: does it say user:password? */
static bool is_basic(const value_t *value)
{
    uint32_t held = 0;
    int count = 0;
    int colons = 0;
    int bytes = 0;
    for (int i = 0; i < value->len; i++) {
        int digit = cg_b64_value((unsigned char)value->s[i]);
        if (digit < 0) {
            break;
        }
        held = held << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            unsigned byte = held >> count & 255;
            if (byte < 0x20 || byte >= 0x7f) {
                return false;
            }
            colons += byte == ':';
            bytes++;
        }
    }
    return bytes >= 6 && colons >= 1;
}

/* Forty characters of base64 and no more? Most words end soon. */
static bool has_aws_length(cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    while (i < start + 41 && (cg_is(cg_at(w, i), CG_C_ALNUM) ||
                              cg_at(w, i) == '/' || cg_at(w, i) == '+')) {
        i++;
    }
    unsigned after = cg_at(w, i);
    return i == start + 40 && after != '_' && after != '-';
}

/* AWS secrets have no mark of their own: forty characters, and the name of what
 * they are near by. */
void cg_scan_aws_secret(cg_window_t *w, uint32_t start)
{
    value_t value;
    unsigned before = cg_before(w, start);
    if (cg_is(before, CG_C_ALNUM) || (before && strchr("/+-_.", (int)before)) ||
        !has_aws_length(w, start) ||
        cg_label_distance(w, CG_TYPE_SECRET_AWS_SECRET_KEY, start) < 0) {
        return;
    }
    read_value(w, start, &value);
    if (value.classes >= 3 && value.has_digit &&
        cg_is_random(value.s, 40, false)) {
        cg_candidate_plain(w, start, start + 40, CG_TYPE_SECRET_AWS_SECRET_KEY,
                           100, -1, CG_SWALLOW_NONE);
    }
}

static void found(cg_window_t *w, uint32_t start, const value_t *value,
                  int type, int score)
{
    cg_candidate_plain(w, start, value->end, type, score, -1,
                       value->end == start + VALUE_MAX ? CG_SWALLOW_TOKEN
                                                       : CG_SWALLOW_NONE);
}

void cg_scan_labelled(cg_window_t *w, uint32_t start)
{
    bool is_quoted;
    bool is_spaced;
    value_t value;
    uint32_t label_end = skip_to_label(w, start, &is_quoted, &is_spaced);
    label_kind_t kind = label_end ? label_before(w, label_end) : LABEL_NONE;
    if (kind == LABEL_NONE) {
        return;
    }
    read_value(w, start, &value);
    bool is_sure = is_quoted || w->text[label_end - 1] >= 0x80;
    if (kind == LABEL_PASSWORD
            ? is_spaced ? is_bare_password(&value)
                        : is_password(&value, is_sure)
            : kind == LABEL_BASIC && is_spaced && is_basic(&value)) {
        found(w, start, &value, CG_TYPE_SECRET_PASSWORD, 80);
        return;
    }
    bool is_named = kind == LABEL_BEARER || (kind != LABEL_PASSWORD &&
                                             kind != LABEL_BASIC && !is_spaced);
    bool is_secret = kind == LABEL_SECRET || kind == LABEL_BEARER;
    if (is_named && (is_key(&value) || (is_secret && is_plain_key(&value)))) {
        found(w, start, &value, CG_TYPE_SECRET_API_KEY, 70);
    }
}
