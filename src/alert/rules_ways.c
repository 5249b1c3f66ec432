/* How people are told: the lines of ChatGPTAlertTo.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/rules.h"

#include <string.h>

#include "alert/alert_int.h"
#include "base/source.h"

#define TOTAL_FOR_USUAL apr_time_from_sec(10)
#define TOTAL_FOR_MOST apr_time_from_sec(60)
#define TRIES_USUAL 16 /* with the pauses of queue.c, about five hours */
#define TRIES_MOST 50

/* ---- ChatGPTAlertTo --------------------------------------------------------- */

/* An address goes into a header and into the dialogue with a mail server: no blank,
 * no control character, nothing that ends it. */
static bool is_address(cg_str_t text)
{
    const char *at = memchr(text.ptr, '@', text.len);
    if (!at || at == text.ptr || at == text.ptr + text.len - 1 ||
        text.len > 254) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c >= 0x7f || strchr("<>()[]\\,;:\"", c)) {
            return false;
        }
    }
    return true;
}

static bool read_addresses(const char *text, cg_alert_way_t *way,
                           apr_pool_t *pool)
{
    apr_array_header_t *to = apr_array_make(pool, 4, sizeof(char *));
    while (*text) {
        size_t len = strcspn(text, ",");
        cg_str_t address = {text, len};
        if (!is_address(address) || to->nelts == CG_ALERT_TO_MAX) {
            return false;
        }
        APR_ARRAY_PUSH(to, const char *) = cg_str_dup(address, pool);
        text += len + (text[len] == ',');
    }
    way->to = to;
    return to->nelts > 0;
}

static bool read_kinds(const char *text, cg_alert_way_t *way)
{
    way->kinds = 0;
    while (*text) {
        cg_alert_kind_t kind;
        size_t len = strcspn(text, ",");
        if (!cg_alert_kind_find((cg_str_t){text, len}, &kind)) {
            return false;
        }
        way->kinds |= 1u << kind;
        text += len + (text[len] == ',');
    }
    return way->kinds != 0;
}

static bool read_secret(const cg_alert_line_t *line, const char *name,
                        const char *source, const cg_secret_t **out)
{
    cg_error_t why = {""};
    cg_secret_t *secret = NULL;
    if (!cg_source_check(source, &why) ||
        cg_source_read(source, &secret, &why, line->pool) != APR_SUCCESS) {
        cg_error_set(line->err, "%s: %s %s", line->directive, name, why.text);
        return false;
    }
    *out = secret;
    return true;
}

static bool read_amount(const cg_alert_line_t *line, const char *word,
                        cg_alert_way_t *way)
{
    const char *timeout = cg_alert_value(word, "timeout");
    const char *tries = cg_alert_value(word, "tries");
    int64_t number = 0;
    if (timeout && cg_parse_duration(cg_str(timeout), &number) && number > 0 &&
        number <= TOTAL_FOR_MOST) {
        way->total_for = number;
        return true;
    }
    if (tries && cg_parse_count(cg_str(tries), &number) && number >= 1 &&
        number <= TRIES_MOST) {
        way->tries = (int)number;
        return true;
    }
    return cg_alert_no(
        line, "a word is not known or not right",
        "legal are secret=, ca=, kinds=, from=, to=, user=, password=, "
        "language=en|zh, timeout= up to 60s and tries= up to 50");
}

static bool read_way_word(const cg_alert_line_t *line, const char *word,
                          cg_alert_way_t *way)
{
    const char *value = cg_alert_value(word, "secret");
    if (value) {
        return read_secret(line, "secret=", value, &way->secret);
    }
    value = cg_alert_value(word, "password");
    if (value) {
        return read_secret(line, "password=", value, &way->password);
    }
    value = cg_alert_value(word, "ca");
    if (value) {
        way->authority =
            line->path_of ? line->path_of(value, line->pool) : value;
        return true;
    }
    value = cg_alert_value(word, "kinds");
    if (value) {
        return read_kinds(value, way) ||
               cg_alert_no(line, "kinds= is not right",
                           "legal are threshold, forecast, soft, unusual");
    }
    value = cg_alert_value(word, "from");
    if (value) {
        way->from = value;
        return is_address(cg_str(value)) ||
               cg_alert_no(line, "from= is no address",
                           "such as gateway@example.com");
    }
    value = cg_alert_value(word, "to");
    if (value) {
        return read_addresses(value, way, line->pool) ||
               cg_alert_no(line, "to= is not right",
                           "up to 16 addresses with commas");
    }
    value = cg_alert_value(word, "user");
    if (value) {
        way->user = value;
        return true;
    }
    value = cg_alert_value(word, "language");
    if (value && (strcmp(value, "en") == 0 || strcmp(value, "zh") == 0)) {
        way->language = *value == 'z' ? CG_LANGUAGE_ZH : CG_LANGUAGE_EN;
        return true;
    }
    return read_amount(line, word, way);
}

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= CG_ALERT_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static bool has_prefix(const char *url, const char *const *schemes)
{
    for (; *schemes; schemes++) {
        if (strncmp(url, *schemes, strlen(*schemes)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_whole(const cg_alert_line_t *line, const cg_alert_way_t *way)
{
    if (way->is_mail && (!way->from || !way->to)) {
        return cg_alert_no(line, "from= or to= is missing", "mail needs both");
    }
    if (way->is_mail && way->secret) {
        return cg_alert_no(line, "secret= signs webhooks",
                           "of mail it is password=");
    }
    if (!way->is_mail && (way->from || way->to || way->user || way->password)) {
        return cg_alert_no(line, "from=, to=, user= and password= are of mail",
                           "a webhook has secret=");
    }
    if ((way->user != NULL) != (way->password != NULL)) {
        return cg_alert_no(line, "user= and password= come together",
                           "password=file:PATH, env:NAME or exec:PROGRAM");
    }
    return true;
}

/* NAME URL and options. */
bool cg_alert_read_way(const cg_alert_line_t *line,
                       const apr_array_header_t *words, cg_alert_rules_t *rules)
{
    static const char *const mail[] = {"smtp://", "smtps://", NULL};
    static const char *const web[] = {"http://", "https://", NULL};
    cg_alert_way_t *way = &rules->ways[rules->ways_count];
    if (words->nelts < 2 || !is_name(cg_alert_word(words, 0))) {
        return cg_alert_no(line, "it begins with a name and a URL",
                           "a name has up to 32 of a-z, 0-9, - and _");
    }
    *way = (cg_alert_way_t){.name = cg_alert_word(words, 0),
                            .url = cg_alert_word(words, 1),
                            .kinds = ~0u,
                            .total_for = TOTAL_FOR_USUAL,
                            .tries = TRIES_USUAL};
    if (cg_alert_rules_way(rules, cg_str(way->name))) {
        return cg_alert_no(line, "the name stands twice",
                           "each way has its own");
    }
    way->is_mail = has_prefix(way->url, mail);
    if (!way->is_mail && !has_prefix(way->url, web)) {
        return cg_alert_no(line, "the URL is not right",
                           "legal are https://, http://, smtp:// and smtps://");
    }
    for (int i = 2; i < words->nelts; i++) {
        if (!read_way_word(line, cg_alert_word(words, i), way)) {
            return false;
        }
    }
    if (!is_whole(line, way)) {
        return false;
    }
    rules->ways_count++;
    return true;
}
