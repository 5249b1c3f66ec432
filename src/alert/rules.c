/* What is to be told, of which limits, and to whom.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/rules.h"

#include <string.h>

#include <apr_strings.h>

#include "alert/alert_int.h"

#define DAY apr_time_from_sec(86400)
#define FACTOR_USUAL 2.5
#define TOKENS_LEAST 20000
#define MICROS_LEAST 1000000
#define REQUESTS_LEAST 30
#define PERCENT_MOST 100

const char *cg_alert_word(const apr_array_header_t *words, int i)
{
    return APR_ARRAY_IDX(words, i, const char *);
}

/* The value of "name=value"; NULL when the word is of another name. */
const char *cg_alert_value(const char *word, const char *name)
{
    size_t len = strlen(name);
    return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1
                                                             : NULL;
}

bool cg_alert_no(const cg_alert_line_t *line, const char *what,
                 const char *legal)
{
    cg_error_set(line->err, "%s: %s; %s", line->directive, what, legal);
    return false;
}

/* ---- ChatGPTAlert ----------------------------------------------------------- */

static bool add_percent(cg_alert_rule_t *rule, int64_t percent)
{
    int at = rule->count;
    if (percent < 1 || percent > PERCENT_MOST || at == CG_ALERT_PERCENTS_MAX) {
        return false;
    }
    while (at > 0 && rule->percents[at - 1] > percent) {
        rule->percents[at] = rule->percents[at - 1];
        at--;
    }
    rule->percents[at] = (int)percent;
    rule->count++;
    return at == 0 || rule->percents[at - 1] != percent;
}

static bool read_percents(const char *text, cg_alert_rule_t *rule)
{
    rule->count = 0;
    if (strcmp(text, "none") == 0) {
        return true;
    }
    while (*text) {
        int64_t percent;
        size_t len = strcspn(text, ",");
        if (!cg_parse_count((cg_str_t){text, len}, &percent) ||
            !add_percent(rule, percent)) {
            return false;
        }
        text += len + (text[len] == ',');
    }
    return rule->count > 0;
}

static bool read_alert_word(const cg_alert_line_t *line, const char *word,
                            cg_alert_rule_t *rule)
{
    const char *at = cg_alert_value(word, "at");
    const char *forecast = cg_alert_value(word, "forecast");
    const char *window = cg_alert_value(word, "window");
    if (at) {
        return read_percents(at, rule) ||
               cg_alert_no(line, "at= is not right",
                           "legal are up to 8 different percentages from 1 to "
                           "100, such "
                           "as at=50,80,100, or none");
    }
    if (forecast) {
        rule->has_forecast = strcmp(forecast, "on") == 0;
        return rule->has_forecast || strcmp(forecast, "off") == 0 ||
               cg_alert_no(line, "forecast= is not right",
                           "legal are on and off");
    }
    if (window) {
        return cg_parse_duration(cg_str(window), &rule->window_least) ||
               cg_alert_no(line, "window= is not right",
                           "a duration such as 1d, or 0 for any");
    }
    return cg_alert_no(
        line, apr_pstrcat(line->pool, "\"", word, "\" is not known", NULL),
        "legal are at=, forecast= and window=");
}

static bool quantity_of(const char *word, cg_quantity_t *out)
{
    static const char *const names[] = {
#define UNIT_ROW(id, unit, name, words) [CG_QUANTITY_##id] = unit,
        CG_QUANTITIES(UNIT_ROW)
#undef UNIT_ROW
    };
    for (int i = 0; i < CG_QUANTITY_COUNT; i++) {
        if (strcmp(word, *names[i] ? names[i] : "requests") == 0) {
            *out = (cg_quantity_t)i;
            return true;
        }
    }
    return false;
}

static cg_alert_rule_t usual_rule(void)
{
    return (cg_alert_rule_t){.is_any_scope = true,
                             .is_any_quantity = true,
                             .window_least = DAY,
                             .has_forecast = true,
                             .count = 3,
                             .percents = {50, 80, 100}};
}

/* [SCOPE|*] [UNIT|*] and options; "off" is at=none forecast=off. */
static bool read_alert(const cg_alert_line_t *line,
                       const apr_array_header_t *words, cg_alert_rule_t *rule)
{
    int i = 0;
    *rule = usual_rule();
    if (words->nelts == 1 && strcmp(cg_alert_word(words, 0), "off") == 0) {
        rule->count = 0;
        rule->has_forecast = false;
        return true;
    }
    for (; i < words->nelts && !strchr(cg_alert_word(words, i), '='); i++) {
        const char *word = cg_alert_word(words, i);
        bool is_any = strcmp(word, "*") == 0;
        if (i == 0 && !is_any) {
            rule->is_any_scope = false;
            if (!cg_limit_scope_read(cg_str(word), &rule->scope)) {
                return cg_alert_no(
                    line, "the dimension is not known",
                    "legal are *, key, user, team, organization and "
                    "others of ChatGPTLimit, or two of them with +");
            }
        }
        else if (i == 1 && !is_any) {
            rule->is_any_quantity = false;
            if (!quantity_of(word, &rule->quantity)) {
                return cg_alert_no(
                    line, "the unit is not known",
                    "legal are *, requests, tokens, input_tokens, "
                    "output_tokens, USD and concurrent");
            }
        }
        else if (i > 1) {
            return cg_alert_no(
                line, "there are too many words",
                "it is dimension, unit, then at=, forecast=, window=");
        }
    }
    for (; i < words->nelts; i++) {
        if (!read_alert_word(line, cg_alert_word(words, i), rule)) {
            return false;
        }
    }
    return true;
}

/* ---- ChatGPTUnusual --------------------------------------------------------- */

static bool read_factor(const char *text, double *out)
{
    int64_t micros; /* 2.5 is read as money is */
    if (!cg_parse_money(cg_str(text), &micros) || micros < 1200000 ||
        micros > INT64_C(100000000)) {
        return false;
    }
    *out = (double)micros / 1e6;
    return true;
}

static bool read_unusual_word(const cg_alert_line_t *line, const char *word,
                              cg_unusual_rule_t *out)
{
    const char *factor = cg_alert_value(word, "factor");
    const char *tokens = cg_alert_value(word, "tokens");
    const char *cost = cg_alert_value(word, "cost");
    const char *requests = cg_alert_value(word, "requests");
    bool is_right =
        (factor && read_factor(factor, &out->factor)) ||
        (tokens && cg_parse_count(cg_str(tokens), &out->tokens_least)) ||
        (cost && cg_parse_money(cg_str(cost), &out->micros_least)) ||
        (requests && cg_parse_count(cg_str(requests), &out->requests_least));
    return is_right ||
           cg_alert_no(line, "a word is not known or not right",
                       "legal are factor= from 1.2 to 100, tokens=, cost= "
                       "such as 1USD, and requests=");
}

static bool read_unusual(const cg_alert_line_t *line,
                         const apr_array_header_t *words,
                         cg_unusual_rule_t *out)
{
    static const char *const modes[] = {"off", "alert", "suspend"};
    *out = (cg_unusual_rule_t){CG_UNUSUAL_ALERT, FACTOR_USUAL, TOKENS_LEAST,
                               MICROS_LEAST, REQUESTS_LEAST};
    if (!words || words->nelts == 0) {
        return true;
    }
    int mode = -1;
    for (int i = 0; i < 3; i++) {
        if (strcmp(cg_alert_word(words, 0), modes[i]) == 0) {
            mode = i;
        }
    }
    if (mode < 0) {
        return cg_alert_no(line, "the first word is not right",
                           "legal are off, alert and suspend");
    }
    out->mode = (cg_unusual_mode_t)mode;
    for (int i = 1; i < words->nelts; i++) {
        if (!read_unusual_word(line, cg_alert_word(words, i), out)) {
            return false;
        }
    }
    return true;
}

/* ---- all -------------------------------------------------------------------- */

static const apr_array_header_t *row_at(const apr_array_header_t *rows, int i)
{
    return APR_ARRAY_IDX(rows, i, const apr_array_header_t *);
}

bool cg_alert_rules_read(
    const apr_array_header_t *alerts, const apr_array_header_t *ways,
    const apr_array_header_t *unusual,
    const char *(*path_of)(const char *path, apr_pool_t *pool),
    cg_alert_rules_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_alert_line_t line = {"ChatGPTAlert", path_of, err, pool};
    *out = (cg_alert_rules_t){.rules_count = 1};
    out->rules[0] = usual_rule();
    for (int i = 0; alerts && i < alerts->nelts; i++) {
        if (out->rules_count == CG_ALERT_RULES_MAX) {
            return cg_alert_no(&line, "there are too many", "at most 31");
        }
        if (!read_alert(&line, row_at(alerts, i),
                        &out->rules[out->rules_count])) {
            return false;
        }
        out->rules_count++;
    }
    line.directive = "ChatGPTAlertTo";
    for (int i = 0; ways && i < ways->nelts; i++) {
        if (out->ways_count == CG_ALERT_WAYS_MAX) {
            return cg_alert_no(&line, "there are too many", "at most 16");
        }
        if (!cg_alert_read_way(&line, row_at(ways, i), out)) {
            return false;
        }
    }
    line.directive = "ChatGPTUnusual";
    return read_unusual(&line, unusual, &out->unusual);
}

/* The usual rule names no quantity: requests and what is only short-lived are for
 * those who ask. */
static bool fits(const cg_alert_rule_t *rule, const cg_limit_t *limit)
{
    bool is_window = limit->window_for > 0;
    bool is_off = rule->count == 0 && !rule->has_forecast;
    bool is_count = limit->quantity == CG_QUANTITY_REQUESTS ||
                    limit->quantity == CG_QUANTITY_CONCURRENT;
    if (rule->is_any_quantity ? is_count && !is_off
                              : rule->quantity != limit->quantity) {
        return false;
    }
    if (!rule->is_any_scope && (rule->scope.dimension != limit->dimension ||
                                rule->scope.with != limit->with)) {
        return false;
    }
    return !is_window || limit->window_for >= rule->window_least;
}

const cg_alert_rule_t *cg_alert_rules_find(const cg_alert_rules_t *rules,
                                           const cg_limit_t *limit)
{
    for (int i = rules->rules_count - 1; i >= 0; i--) {
        const cg_alert_rule_t *rule = &rules->rules[i];
        if (fits(rule, limit)) {
            bool is_off = rule->count == 0 && !rule->has_forecast;
            return is_off ? NULL : rule;
        }
    }
    return NULL;
}

const cg_alert_way_t *cg_alert_rules_way(const cg_alert_rules_t *rules,
                                         cg_str_t name)
{
    for (int i = 0; i < rules->ways_count; i++) {
        if (cg_str_is(name, rules->ways[i].name)) {
            return &rules->ways[i];
        }
    }
    return NULL;
}

bool cg_alert_way_takes(const cg_alert_way_t *way, cg_alert_kind_t kind)
{
    return kind == CG_ALERT_TEST || (way->kinds >> kind & 1);
}
