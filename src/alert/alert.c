/* An alert: what somebody should know, as a value and as JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/alert.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

static const char *const kinds[CG_ALERT_KIND_COUNT] = {
#define KIND_NAME(id, name, words) [CG_ALERT_##id] = name,
    CG_ALERT_KINDS(KIND_NAME)
#undef KIND_NAME
};

static const char *const patterns[CG_PATTERN_COUNT] = {
#define PATTERN_NAME(id, name, words) [CG_PATTERN_##id] = name,
    CG_ALERT_PATTERNS(PATTERN_NAME)
#undef PATTERN_NAME
};

const char *cg_alert_kind_name(cg_alert_kind_t kind)
{
    return (unsigned)kind < CG_ALERT_KIND_COUNT ? kinds[kind] : "";
}

bool cg_alert_kind_find(cg_str_t name, cg_alert_kind_t *out)
{
    for (int i = 0; i < CG_ALERT_KIND_COUNT; i++) {
        if (cg_str_is(name, kinds[i])) {
            *out = (cg_alert_kind_t)i;
            return true;
        }
    }
    return false;
}

const char *cg_pattern_name(cg_pattern_t pattern)
{
    return (unsigned)pattern < CG_PATTERN_COUNT ? patterns[pattern] : "";
}

/* ---- the members ----------------------------------------------------------- */

typedef struct member_t {
    const char *name;
    size_t offset;
} member_t;

#define MEMBER(member)                                                         \
    {                                                                          \
#member, offsetof(cg_alert_t, member)                                  \
    }

static const member_t texts[] = {
    MEMBER(node),    MEMBER(organization), MEMBER(dimension),
    MEMBER(subject), MEMBER(subject_name), MEMBER(quantity),
    MEMBER(limit),   MEMBER(period),       MEMBER(pattern),
    MEMBER(note),
};
static const member_t numbers[] = {
    MEMBER(amount),
    MEMBER(used),
    MEMBER(held),
    MEMBER(usual),
};
static const member_t times[] = {
    MEMBER(period_ends_at),
    MEMBER(exhausted_at),
};

#define COUNT_OF(rows) (sizeof(rows) / sizeof(rows)[0])

static const char **text_at(cg_alert_t *alert, const member_t *member)
{
    return (const char **)(void *)((char *)alert + member->offset);
}

static int64_t *number_at(cg_alert_t *alert, const member_t *member)
{
    return (int64_t *)(void *)((char *)alert + member->offset);
}

static void add_name(cg_buf_t *out, const char *name)
{
    cg_buf_fmt(out, ",\"%s\":", name);
}

static void add_text(cg_buf_t *out, const char *name, const char *value)
{
    add_name(out, name);
    value = value ? value : "";
    cg_buf_json_string(out, value, strlen(value));
}

static void add_time(cg_buf_t *out, const char *name, apr_time_t at)
{
    char spelled[25];
    if (at == 0) {
        add_name(out, name);
        cg_buf_str(out, "null");
        return;
    }
    cg_clock_rfc3339(at, spelled);
    add_text(out, name, spelled);
}

void cg_alert_write(const cg_alert_t *alert, cg_buf_t *out)
{
    cg_alert_t copy = *alert;
    cg_buf_str(out, "{\"id\":");
    cg_buf_json_string(out, alert->id, strlen(alert->id));
    add_time(out, "at", alert->at);
    add_text(out, "kind", cg_alert_kind_name(alert->kind));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        add_text(out, texts[i].name, *text_at(&copy, &texts[i]));
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        add_name(out, numbers[i].name);
        cg_buf_int(out, *number_at(&copy, &numbers[i]));
    }
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        add_time(out, times[i].name, *number_at(&copy, &times[i]));
    }
    add_name(out, "percent");
    cg_buf_int(out, alert->percent);
    add_name(out, "suspended");
    cg_buf_str(out, alert->is_suspended ? "true" : "false");
    add_text(out, "summary", cg_alert_line(alert, CG_LANGUAGE_EN, out->pool));
    cg_buf_char(out, '}');
}

/* ---- and back ---------------------------------------------------------------- */

static apr_time_t read_time(const cg_json_t *object, const char *name)
{
    apr_time_t at = 0;
    const char *text = cg_json_get_str(object, name, "");
    return cg_clock_parse_rfc3339(cg_str(text), &at) ? at : 0;
}

bool cg_alert_read(cg_str_t json, cg_alert_t *out, apr_pool_t *pool)
{
    cg_error_t err;
    *out = (cg_alert_t){.at = 0};
    cg_json_t *object = cg_json_parse(json.ptr, json.len, &err, pool);
    const char *kind = cg_json_get_str(object, "kind", "");
    if (!cg_json_is_object(object) ||
        !cg_alert_kind_find(cg_str(kind), &out->kind)) {
        return false;
    }
    apr_cpystrn(out->id, cg_json_get_str(object, "id", ""), sizeof out->id);
    out->at = read_time(object, "at");
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *text_at(out, &texts[i]) =
            apr_pstrdup(pool, cg_json_get_str(object, texts[i].name, ""));
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        *number_at(out, &numbers[i]) =
            cg_json_get_int(object, numbers[i].name, 0);
    }
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        *number_at(out, &times[i]) = read_time(object, times[i].name);
    }
    out->percent = (int)cg_json_get_int(object, "percent", 0);
    out->is_suspended = cg_json_get_bool(object, "suspended", false);
    return true;
}
