/* The words of an alert, in English and Chinese.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A sentence stands in a table with marks in braces, one per value: languages put
 * their words in different orders.
 */
#include "alert/alert.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

#define LANGUAGES 2

/* {who} {limit} {percent} {used} {amount} {usual} {end} {date} {pattern} {note} */
static const char *const lines[CG_ALERT_KIND_COUNT][LANGUAGES] = {
    [CG_ALERT_THRESHOLD] =
        {"{who} reached {percent} % of {limit}: {used} of {amount}",
         "{who} 已达到 {limit} 的 {percent}%：{used} / {amount}"},
    [CG_ALERT_FORECAST] =
        {"{who}: at this rate {limit} is used up on {date}, before the period "
         "ends on {end}",
         "{who}：按当前速度，{limit} 将于 {date} 用尽，早于周期结束（{end}）"},
    [CG_ALERT_SOFT] =
        {"{who} passed the soft limit {limit}: {used} of {amount}; requests go "
         "on",
         "{who} 已超出软限额 {limit}：{used} / {amount}；请求仍继续"},
    [CG_ALERT_UNUSUAL] =
        {"unusual use by {who}: {used} {pattern}; usual is at most {usual}",
         "{who} 使用异常：{pattern} {used}；通常不超过 {usual}"},
    [CG_ALERT_TEST] = {"a test alert of the gateway: {note}",
                       "网关测试告警：{note}"},
};

static const char *const lines_reached[LANGUAGES] = {
    "{who} reached {limit}: requests are refused; {used} of {amount} used",
    "{who} 已达到 {limit}：请求被拒绝；已使用 {used} / {amount}"};

typedef struct label_t {
    const char *name;
    const char *words[LANGUAGES];
} label_t;

static const label_t patterns[] = {
    {"hour", {"in one hour", "一小时内"}},
    {"quiet",
     {"in 24 hours at times that are usually quiet", "24 小时内的平静时段"}},
    {"day", {"in 24 hours", "24 小时内"}},
    {"week", {"in seven days", "七天内"}},
    {"errors", {"failed in one hour", "一小时内失败"}},
    {"refusals", {"refused in one hour", "一小时内被拒绝"}},
};

static const label_t dimensions[] = {
    {"key", {"key", "密钥"}},
    {"user", {"user", "用户"}},
    {"team", {"team", "团队"}},
    {"model", {"model", "模型"}},
    {"address", {"address", "地址"}},
    {"vhost", {"host", "主机"}},
    {"endpoint", {"endpoint", "端点"}},
    {"organization", {"organization", "组织"}},
};

static const label_t units[] = {
    {"tokens", {" tokens", " token"}},
    {"input_tokens", {" input tokens", " 输入 token"}},
    {"output_tokens", {" output tokens", " 输出 token"}},
    {"requests", {" requests", " 次请求"}},
    {"concurrent", {" requests at once", " 个并发请求"}},
};

#define FIND(rows, name, language, fallback)                                   \
    find(rows, sizeof(rows) / sizeof(rows)[0], name, language, fallback)

static const char *find(const label_t *rows, size_t count, const char *name,
                        cg_language_t language, const char *fallback)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].words[language];
        }
    }
    return fallback;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* 1234567 as 1,234,567: both languages write it so. */
static const char *grouped(int64_t value, apr_pool_t *pool)
{
    const char *digits = apr_psprintf(pool, "%" PRId64, value);
    size_t len = strlen(digits), at = 0;
    char *out = apr_palloc(pool, len + len / 3 + 1);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-') {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* Cents, and as much more as there is of sums below a dollar. */
static const char *money(int64_t micros, apr_pool_t *pool)
{
    const char *whole = grouped(micros / 1000000, pool);
    int rest = (int)(micros % 1000000);
    if (micros >= 1000000 || rest % 10000 == 0) {
        return apr_psprintf(pool, "%s.%02d USD", whole, rest / 10000);
    }
    char *small = apr_psprintf(pool, "%06d", rest);
    for (size_t len = 6; small[len - 1] == '0'; len--) {
        small[len - 1] = '\0';
    }
    return apr_pstrcat(pool, whole, ".", small, " USD", NULL);
}

static const char *number(const cg_alert_t *alert, int64_t value,
                          cg_language_t language, apr_pool_t *pool)
{
    const char *quantity = or_empty(alert->quantity);
    if (strcmp(quantity, "micros") == 0) {
        return money(value, pool);
    }
    return apr_pstrcat(pool, grouped(value, pool),
                       FIND(units, quantity, language, ""), NULL);
}

static const char *day_of(apr_time_t at, apr_pool_t *pool)
{
    char spelled[25];
    if (at == 0) {
        return "-";
    }
    cg_clock_rfc3339(at, spelled);
    return apr_psprintf(pool, "%.10s %.5s UTC", spelled, spelled + 11);
}

static const char *who(const cg_alert_t *alert, cg_language_t language,
                       apr_pool_t *pool)
{
    const char *dimension = or_empty(alert->dimension);
    const char *name = or_empty(alert->subject_name);
    const char *called = FIND(dimensions, dimension, language, dimension);
    const char *organization = or_empty(alert->organization);
    return apr_pstrcat(pool, called, " ", or_empty(alert->subject),
                       *name ? " (" : "", name, *name ? ")" : "",
                       *organization ? " @" : "", organization, NULL);
}

static const char *value_of(const cg_alert_t *alert, cg_str_t mark,
                            cg_language_t language, apr_pool_t *pool)
{
    if (cg_str_is(mark, "who")) {
        return who(alert, language, pool);
    }
    if (cg_str_is(mark, "limit")) {
        return or_empty(alert->limit);
    }
    if (cg_str_is(mark, "percent")) {
        return apr_psprintf(pool, "%d", alert->percent);
    }
    if (cg_str_is(mark, "used")) {
        return number(alert, alert->used, language, pool);
    }
    if (cg_str_is(mark, "amount")) {
        return number(alert, alert->amount, language, pool);
    }
    if (cg_str_is(mark, "usual")) {
        return number(alert, alert->usual, language, pool);
    }
    if (cg_str_is(mark, "end")) {
        return day_of(alert->period_ends_at, pool);
    }
    if (cg_str_is(mark, "date")) {
        return day_of(alert->exhausted_at, pool);
    }
    if (cg_str_is(mark, "pattern")) {
        return FIND(patterns, or_empty(alert->pattern), language, "");
    }
    return or_empty(alert->note);
}

static const char *put_in(const char *line, const cg_alert_t *alert,
                          cg_language_t language, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, 128, pool);
    while (*line) {
        size_t plain = strcspn(line, "{");
        cg_buf_add(&out, line, plain);
        line += plain;
        if (*line == '{') {
            size_t len = strcspn(line + 1, "}");
            cg_buf_str(&out, value_of(alert, (cg_str_t){line + 1, len},
                                      language, pool));
            line += len + 2;
        }
    }
    return cg_buf_cstr(&out);
}

const char *cg_alert_line(const cg_alert_t *alert, cg_language_t language,
                          apr_pool_t *pool)
{
    bool is_reached =
        alert->kind == CG_ALERT_THRESHOLD && alert->percent == 100;
    return put_in(is_reached ? lines_reached[language]
                             : lines[alert->kind][language],
                  alert, language, pool);
}

static void add_row(cg_buf_t *out, const char *const label[LANGUAGES],
                    cg_language_t language, const char *value)
{
    if (value && *value) {
        cg_buf_fmt(out, "%s%s %s\n", label[language],
                   language == CG_LANGUAGE_ZH ? "：" : ":", value);
    }
}

const char *cg_alert_text(const cg_alert_t *alert, cg_language_t language,
                          apr_pool_t *pool)
{
    static const char *const when[] = {"Time", "时间"};
    static const char *const held[] = {"Held by requests under way",
                                       "进行中请求占用"};
    static const char *const period[] = {"Period", "周期"};
    static const char *const kept[] = {"Organization", "组织"};
    static const char *const server[] = {"Server", "服务器"};
    static const char *const ident[] = {"Alert", "告警编号"};
    static const char *const state[] = {
        "The key is suspended until an operator activates it again.\n",
        "该密钥已被暂停，须由操作员重新启用。\n"};
    cg_buf_t out;
    cg_buf_init(&out, 512, pool);
    cg_buf_fmt(&out, "%s\n\n", cg_alert_line(alert, language, pool));
    if (alert->is_suspended) {
        cg_buf_fmt(&out, "%s\n", state[language]);
    }
    add_row(&out, when, language, day_of(alert->at, pool));
    add_row(&out, kept, language, alert->organization);
    add_row(&out, period, language, alert->period);
    add_row(&out, held, language,
            alert->held ? number(alert, alert->held, language, pool) : "");
    add_row(&out, server, language, alert->node);
    add_row(&out, ident, language, alert->id);
    return cg_buf_cstr(&out);
}
