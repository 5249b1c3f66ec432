/* Secrets that only their surroundings give away: user:password@ in a URL,
 * password = "...", an AWS secret beside its name.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A value after a label is found from the value's side, so that it makes no
 * difference whether the label has been sent already: at a word that stands
 * after : = a quote or Chinese text, the label is looked for to the left.
 */
#include "redact/redact_int.h"

#include <string.h>

static bool is_url_char(unsigned c)
{
    return cg_is(c, CG_C_ALNUM) ||
           (c && strchr("-._~:/?#[]@!$&*+,;=%", (int)c));
}

/* Characters a password in a URL may have. */
static bool is_userinfo(unsigned c)
{
    return c > ' ' && c < 0x7f && !strchr("/@\"'<>`\\|", (int)c);
}

static uint32_t url_end(cg_window_t *w, uint32_t i)
{
    uint32_t from = i;
    while (i < from + 160 && is_url_char(cg_at(w, i))) {
        i++;
    }
    while (i > from && strchr(".,;:!?]&*", (int)cg_at(w, i - 1))) {
        i--;
    }
    return i;
}

/* ${PASS}, {{ pass }}, <pass>, ****, "password": nothing to hide. */
static bool is_placeholder(const char *s, int len)
{
    static const char *const words[] = {"password", "pass", "passwd", "pwd",
                                        "secret",   "user", "token",  "xxx"};
    int hidden = 0;
    for (int i = 0; i < len; i++) {
        if (s[i] == '$' || s[i] == '{' || s[i] == '}' || s[i] == '<') {
            return true;
        }
        hidden += s[i] == '*' || s[i] == '.' || s[i] == 'x' || s[i] == 'X' ||
                  s[i] == '_';
    }
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        int i = 0;
        while (i < len && words[k][i] && (s[i] | 0x20) == words[k][i]) {
            i++;
        }
        if (i == len && words[k][i] == 0) {
            return true;
        }
    }
    return hidden * 5 >= len * 4;
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

/* hooks.slack.com/services/T…/B…/…, discord.com/api/webhooks/…/… */
static void try_webhook(cg_window_t *w, uint32_t start, uint32_t i)
{
    char body[40];
    static const char *const hosts[] = {
        "hooks.slack.com/services/", "hooks.slack.com/workflows/",
        "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"};
    for (size_t k = 0; k < sizeof hosts / sizeof hosts[0]; k++) {
        uint32_t path = expect(w, i, hosts[k]);
        if (path == 0) {
            continue;
        }
        uint32_t end = url_end(w, path);
        uint32_t last = end;
        while (last > path && cg_at(w, last - 1) != '/') {
            last--;
        }
        int len = 0;
        while (last + (uint32_t)len < end && len < (int)sizeof body) {
            body[len] = (char)cg_at(w, last + (uint32_t)len);
            len++;
        }
        if (last > path && len >= 16 && cg_is_random(body, len, false)) {
            cg_candidate_plain(w, start, end, CG_TYPE_SECRET_SLACK_WEBHOOK, 100,
                               -1, CG_SWALLOW_NONE);
        }
        return;
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
    LABEL_KEY
} label_kind_t;

typedef struct secret_label_t {
    const char *word; /* lower case; '_' is a blank, _ - or nothing */
    label_kind_t kind;
} secret_label_t;

// clang-format off
static const secret_label_t secret_labels[] = {
    {"password", LABEL_PASSWORD}, {"passwd", LABEL_PASSWORD},
    {"pwd", LABEL_PASSWORD}, {"passphrase", LABEL_PASSWORD},
    {"passcode", LABEL_PASSWORD}, {"密码", LABEL_PASSWORD},
    {"口令", LABEL_PASSWORD}, {"密碼", LABEL_PASSWORD},
    {"パスワード", LABEL_PASSWORD}, {"비밀번호", LABEL_PASSWORD},
    {"contraseña", LABEL_PASSWORD}, {"passwort", LABEL_PASSWORD},
    {"mot_de_passe", LABEL_PASSWORD}, {"kennwort", LABEL_PASSWORD},
    {"secret", LABEL_KEY}, {"secret_key", LABEL_KEY}, {"api_key", LABEL_KEY},
    {"access_key", LABEL_KEY}, {"auth_token", LABEL_KEY},
    {"access_token", LABEL_KEY}, {"client_secret", LABEL_KEY},
    {"token", LABEL_KEY}, {"private_key", LABEL_KEY}, {"bearer", LABEL_KEY},
    {"密钥", LABEL_KEY}, {"令牌", LABEL_KEY}, {"密鑰", LABEL_KEY},
    {"secret_access_key", LABEL_KEY}, {"account_key", LABEL_KEY},
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

static label_kind_t label_before(const cg_window_t *w, uint32_t end)
{
    unsigned last = end > 0 ? w->text[end - 1] : 0;
    if (last < 0x80 && !strchr("ydentsrDENTSRY", (int)last)) {
        return LABEL_NONE;
    }
    for (size_t k = 0; k < sizeof secret_labels / sizeof secret_labels[0];
         k++) {
        if (label_ends_at(w, end, secret_labels[k].word)) {
            return secret_labels[k].kind;
        }
    }
    return LABEL_NONE;
}

static bool ends_with(const cg_window_t *w, uint32_t end, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    return end >= len && w->text[end - 1] == (unsigned char)text[len - 1] &&
           memcmp(w->text + end - len, text, len) == 0;
}

/* Goes left from a value over quotes, blanks, one sign and quotes again.
 * Returns where the label ends, or 0; is_firm: a sign stood between. */
static uint32_t skip_to_label(const cg_window_t *w, uint32_t value,
                              bool *is_quoted)
{
    static const char *const signs[] = {":=",
                                        "=>",
                                        "=",
                                        ":",
                                        "\xef\xbc\x9a" /* ： */,
                                        "\xe6\x98\xaf" /* 是 */,
                                        "\xe4\xb8\xba" /* 为 */,
                                        " is",
                                        "为",
                                        "爲"};
    uint32_t i = value;
    uint32_t stop = i > 12 ? i - 12 : 0;
    *is_quoted = false;
    while (i > stop && strchr(" \"'`", w->text[i - 1])) {
        *is_quoted = *is_quoted || w->text[i - 1] != ' ';
        i--;
    }
    uint32_t before_sign = i;
    for (size_t k = 0; i > 0 && k < sizeof signs / sizeof signs[0]; k++) {
        if (ends_with(w, i, signs[k])) {
            i -= (uint32_t)strlen(signs[k]);
            break;
        }
    }
    if (i == before_sign && i > 0 && w->text[i - 1] < 0x80) {
        return 0;
    }
    while (i > stop && strchr(" \"'`", w->text[i - 1])) {
        i--;
    }
    return i;
}

typedef struct value_t {
    char s[64];
    int len;
    uint32_t end;
    int classes; /* lower, upper, digit, sign */
    bool has_digit;
    bool is_code; /* a call, an index, a template */
} value_t;

static void read_value(cg_window_t *w, uint32_t start, value_t *value)
{
    int seen = 0;
    uint32_t i = start;
    memset(value, 0, sizeof *value);
    while (i < start + 80) {
        unsigned c = cg_at(w, i);
        if (c <= ' ' || c >= 0x7f ||
            (!cg_is(c, CG_C_ALNUM) && strchr("\"'`<>,;|", (int)c))) {
            break;
        }
        if (value->len < (int)sizeof value->s) {
            value->s[value->len++] = (char)c;
        }
        value->is_code = value->is_code || (!cg_is(c, CG_C_ALNUM) &&
                                            strchr("()[]{}", (int)c) != NULL);
        value->has_digit = value->has_digit || cg_is(c, CG_C_DIGIT);
        seen |= cg_is(c, CG_C_LOWER)   ? 1
                : cg_is(c, CG_C_UPPER) ? 2
                : cg_is(c, CG_C_DIGIT) ? 4
                                       : 8;
        i++;
    }
    value->end = i;
    for (int bit = 1; bit < 16; bit <<= 1) {
        value->classes += (seen & bit) != 0;
    }
}

/* Words of code: a.b.c, a/b, snake_case without digits. */
static bool is_reference(const value_t *value)
{
    if (value->is_code || is_placeholder(value->s, value->len)) {
        return true;
    }
    for (int i = 0; i + 1 < value->len; i++) {
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
            !strchr("+/=.", value->s[i])) {
            return false;
        }
    }
    return true;
}

static bool is_password(const value_t *value, bool is_sure)
{
    if (!value->has_digit || is_reference(value) || value->classes < 2) {
        return false;
    }
    return value->classes >= 3 ? value->len >= 6 : is_sure && value->len >= 8;
}

static bool is_key(const value_t *value)
{
    return value->len >= 24 && value->classes >= 3 && is_key_shape(value) &&
           !is_reference(value) && cg_is_random(value->s, value->len, false);
}

/* Forty characters of base64 beside its name. */
static bool is_aws_secret(const value_t *value)
{
    return value->len == 40 && value->classes >= 3 && is_key_shape(value) &&
           cg_is_random(value->s, value->len, false);
}

/* Forty such characters and no more? Most words end soon. */
static bool has_aws_length(cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    while (i < start + 41 && (cg_is(cg_at(w, i), CG_C_ALNUM) ||
                              cg_at(w, i) == '/' || cg_at(w, i) == '+')) {
        i++;
    }
    return i == start + 40;
}

void cg_scan_labelled(cg_window_t *w, uint32_t start)
{
    bool is_quoted;
    value_t value;
    uint32_t label_end = skip_to_label(w, start, &is_quoted);
    if (label_end == 0) {
        return;
    }
    label_kind_t kind = label_before(w, label_end);
    if (kind == LABEL_NONE && !has_aws_length(w, start)) {
        return;
    }
    read_value(w, start, &value);
    if (kind != LABEL_PASSWORD && is_aws_secret(&value) &&
        cg_label_distance(w, CG_TYPE_SECRET_AWS_SECRET_KEY, start) >= 0) {
        cg_candidate_plain(w, start, value.end, CG_TYPE_SECRET_AWS_SECRET_KEY,
                           100, -1, CG_SWALLOW_NONE);
        return;
    }
    bool is_sure = is_quoted || w->text[label_end - 1] >= 0x80;
    if (kind == LABEL_PASSWORD && is_password(&value, is_sure)) {
        cg_candidate_plain(w, start, value.end, CG_TYPE_SECRET_PASSWORD, 80, -1,
                           CG_SWALLOW_NONE);
    }
    if (kind == LABEL_KEY && is_key(&value)) {
        cg_candidate_plain(w, start, value.end, CG_TYPE_SECRET_API_KEY, 70, -1,
                           CG_SWALLOW_NONE);
    }
}
