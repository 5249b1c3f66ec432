/* Alerts: the feed, who has seen them, ways to send them, and a test of these.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "alert/feed.h"
#include "base/clock.h"

static bool has_alerts(cg_ask_t *ask)
{
    if (ask->admin->alerts && ask->admin->alert_rules) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_SERVICE, "there are no alerts here");
    return false;
}

static void refuse(cg_ask_t *ask, apr_status_t rv, const cg_error_t *err)
{
    if (APR_STATUS_IS_NOTFOUND(rv)) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT, "there is no such alert");
    }
    else {
        cg_admin_store_away(ask, err->text);
    }
}

/* ---- an alert as JSON ----------------------------------------------------- */

static cg_json_t *sent_json(const cg_ask_t *ask, const apr_array_header_t *sent)
{
    cg_json_t *items = cg_json_array(ask->pool);
    for (int i = 0; i < sent->nelts; i++) {
        const cg_alert_sent_t *one = &APR_ARRAY_IDX(sent, i, cg_alert_sent_t);
        cg_json_t *item = cg_json_object(ask->pool);
        cg_json_set_str(item, "way", one->way);
        cg_json_set_str(item, "state", one->state);
        cg_json_set_int(item, "tries", one->tries);
        cg_json_set_str(item, "error", one->error);
        if (one->sent_at[0]) {
            cg_json_set_str(item, "sent_at", one->sent_at);
        }
        else {
            cg_json_set_null(item, "sent_at");
        }
        cg_json_add(items, item);
    }
    return items;
}

static cg_json_t *entry_json(const cg_ask_t *ask, const cg_alert_entry_t *entry)
{
    cg_json_t *object = entry->json;
    cg_json_set_str(object, "summary_zh",
                    cg_alert_line(&entry->alert, CG_LANGUAGE_ZH, ask->pool));
    cg_admin_set_time(object, "acknowledged_at", entry->acknowledged_at);
    cg_json_set_str(object, "acknowledged_by", entry->acknowledged_by);
    cg_json_set_str(object, "acknowledged_note", entry->acknowledged_note);
    cg_json_set(object, "deliveries", sent_json(ask, entry->sent));
    return object;
}

/* ---- the endpoints ---------------------------------------------------------- */

static bool is_id(const char *text)
{
    return strlen(text) == CG_ALERT_ID_LEN &&
           strspn(text, "0123456789abcdef-") == CG_ALERT_ID_LEN;
}

static int acknowledged_of(const cg_ask_t *ask)
{
    const char *said = cg_admin_param(ask, "acknowledged");
    return said ? strcmp(said, "yes") == 0 : -1;
}

void cg_admin_alerts_list(cg_ask_t *ask)
{
    const char *cursor = cg_admin_param(ask, "cursor");
    cg_error_t err = {""};
    apr_array_header_t *found;
    const char *next;
    if (!has_alerts(ask)) {
        return;
    }
    if (cursor && !is_id(cursor)) {
        cg_admin_refuse_cursor(ask);
        return;
    }
    cg_alert_filter_t filter = {.kind = cg_admin_param(ask, "kind"),
                                .subject = cg_admin_param(ask, "subject"),
                                .delivery = cg_admin_param(ask, "delivery"),
                                .acknowledged = acknowledged_of(ask),
                                .from = cg_admin_param_time(ask, "from", 0),
                                .to = cg_admin_param_time(ask, "to", 0)};
    apr_status_t rv = cg_alert_list(ask->admin->alerts, &filter, cursor,
                                    cg_admin_param_limit(ask), &found, &next,
                                    &err, ask->pool);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    for (int i = 0; i < found->nelts; i++) {
        cg_json_add(
            items, entry_json(ask, &APR_ARRAY_IDX(found, i, cg_alert_entry_t)));
    }
    cg_admin_list(ask, items, next);
}

static bool read_entry(cg_ask_t *ask, cg_alert_entry_t *out)
{
    cg_error_t err = {""};
    if (!has_alerts(ask)) {
        return false;
    }
    apr_status_t rv = is_id(ask->id) ? cg_alert_get(ask->admin->alerts, ask->id,
                                                    out, &err, ask->pool)
                                     : APR_NOTFOUND;
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
    }
    return rv == APR_SUCCESS;
}

void cg_admin_alerts_get(cg_ask_t *ask)
{
    cg_alert_entry_t entry;
    if (read_entry(ask, &entry)) {
        cg_admin_json(ask, 200, entry_json(ask, &entry));
    }
}

/* What the record shows: who has seen it, and what they wrote. */
static cg_json_t *change_of(const cg_ask_t *ask, const char *note)
{
    cg_json_t *before = cg_json_object(ask->pool);
    cg_json_t *after = cg_json_object(ask->pool);
    cg_json_set_str(before, "acknowledged_by", "");
    cg_json_set_str(after, "acknowledged_by", ask->call->operator.name);
    if (note[0]) {
        cg_json_set_str(after, "note", note);
    }
    return cg_admin_difference(before, after, ask->pool);
}

/* Done first and recorded second, and taken back when it cannot be recorded. */
void cg_admin_alerts_acknowledge(cg_ask_t *ask)
{
    cg_alert_entry_t entry;
    cg_error_t err = {""};
    const char *note = cg_json_get_str(ask->body, "note", "");
    if (!read_entry(ask, &entry)) {
        return;
    }
    apr_status_t rv =
        cg_alert_acknowledge(ask->admin->alerts, ask->id, ask->call->now,
                             ask->call->operator.name, note, &err, ask->pool);
    if (APR_STATUS_IS_EEXIST(rv)) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT, "%s has seen it already",
                         entry.acknowledged_by);
        return;
    }
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
        return;
    }
    const char *audit_id = cg_admin_record(
        ask, "changed", 200, apr_pstrcat(ask->pool, "alerts/", ask->id, NULL),
        change_of(ask, note));
    if (!audit_id) {
        cg_alert_acknowledge(ask->admin->alerts, ask->id, 0, "", "", &err,
                             ask->pool);
        return;
    }
    if (read_entry(ask, &entry)) {
        cg_json_t *object = entry_json(ask, &entry);
        cg_json_set_str(object, "audit_id", audit_id);
        cg_admin_json(ask, 200, object);
    }
}

/* ---- dead letters ----------------------------------------------------------------- */

/* Of the ways that still are: those that gave up; as they stand in the record. */
static cg_json_t *take_dead(const cg_ask_t *ask, const cg_alert_entry_t *entry,
                            apr_array_header_t *out)
{
    cg_json_t *before = cg_json_object(ask->pool);
    cg_json_t *after = cg_json_object(ask->pool);
    for (int i = 0; entry->sent && i < entry->sent->nelts; i++) {
        const cg_alert_sent_t *sent =
            &APR_ARRAY_IDX(entry->sent, i, cg_alert_sent_t);
        if (strcmp(sent->state, "dead") == 0 &&
            cg_alert_rules_way(ask->admin->alert_rules, cg_str(sent->way))) {
            APR_ARRAY_PUSH(out, const char *) = sent->way;
            cg_json_set_str(before, sent->way, "dead");
            cg_json_set_str(after, sent->way, "waiting");
        }
    }
    return cg_admin_difference(before, after, ask->pool);
}

void cg_admin_alerts_resend(cg_ask_t *ask)
{
    cg_alert_entry_t entry;
    cg_error_t err = {""};
    apr_array_header_t *ways =
        apr_array_make(ask->pool, 4, sizeof(const char *));
    if (!read_entry(ask, &entry)) {
        return;
    }
    cg_json_t *change = take_dead(ask, &entry, ways);
    if (ways->nelts == 0) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT,
                         "no way has given up to send it");
        return;
    }
    const char *audit_id = cg_admin_record(
        ask, "changed", 202, apr_pstrcat(ask->pool, "alerts/", ask->id, NULL),
        change);
    if (!audit_id) {
        return;
    }
    for (int i = 0; i < ways->nelts; i++) {
        apr_status_t rv = cg_alert_resend(
            ask->admin->alerts, APR_ARRAY_IDX(ways, i, const char *), ask->id,
            ask->call->now, &err, ask->pool);
        if (rv != APR_SUCCESS) {
            refuse(ask, rv, &err);
            return;
        }
    }
    if (read_entry(ask, &entry)) {
        cg_json_t *object = entry_json(ask, &entry);
        cg_json_set_str(object, "audit_id", audit_id);
        cg_admin_json(ask, 202, object);
    }
}

/* ---- ways ------------------------------------------------------------------------ */

/* Scheme and host: a path or a query may be as good as a password. */
static const char *origin_of(const char *url, apr_pool_t *pool)
{
    const char *host = strstr(url, "://") + 3;
    const char *at = strchr(host, '@');
    size_t len = strcspn(host, "/?#");
    if (at && at < host + len) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return apr_psprintf(pool, "%.*s%.*s", (int)(strstr(url, "://") + 3 - url),
                        url, (int)len, host);
}

static cg_json_t *way_json(cg_ask_t *ask, const cg_alert_way_t *way)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_t *kinds = cg_json_array(ask->pool);
    cg_json_t *to = cg_json_array(ask->pool);
    for (int kind = 0; kind < CG_ALERT_KIND_COUNT; kind++) {
        if (cg_alert_way_takes(way, (cg_alert_kind_t)kind)) {
            cg_json_add_str(kinds, cg_alert_kind_name((cg_alert_kind_t)kind));
        }
    }
    for (int i = 0; way->to && i < way->to->nelts; i++) {
        cg_json_add_str(to, APR_ARRAY_IDX(way->to, i, const char *));
    }
    cg_json_set_str(object, "name", way->name);
    cg_json_set_str(object, "kind", way->is_mail ? "mail" : "webhook");
    cg_json_set_str(object, "url", origin_of(way->url, ask->pool));
    cg_json_set(object, "kinds", kinds);
    cg_json_set(object, "to", to);
    cg_json_set_bool(object, "signed", way->secret != NULL);
    return object;
}

void cg_admin_alert_ways_list(cg_ask_t *ask)
{
    if (!has_alerts(ask)) {
        return;
    }
    const cg_alert_rules_t *rules = ask->admin->alert_rules;
    cg_json_t *items = cg_json_array(ask->pool);
    for (int i = 0; i < rules->ways_count; i++) {
        cg_json_add(items, way_json(ask, &rules->ways[i]));
    }
    cg_admin_list_whole(ask, items);
}

void cg_admin_alert_tests_create(cg_ask_t *ask)
{
    cg_error_t err = {""};
    bool is_new;
    const char *way = cg_json_get_str(ask->body, "way", NULL);
    if (!has_alerts(ask)) {
        return;
    }
    if (way && !cg_alert_rules_way(ask->admin->alert_rules, cg_str(way))) {
        cg_admin_fault(ask, "body", "/way", "unknown",
                       "no ChatGPTAlertTo has this name");
        cg_admin_refuse_faults(ask);
        return;
    }
    cg_alert_t alert = {.at = ask->call->now,
                        .kind = CG_ALERT_TEST,
                        .node = ask->admin->node,
                        .subject = ask->call->operator.name,
                        .note = cg_json_get_str(ask->body, "note", "")};
    cg_clock_uuid7(alert.at, alert.id);
    const char *audit_id = cg_admin_record(
        ask, "changed", 202, apr_pstrcat(ask->pool, "alerts/", alert.id, NULL),
        NULL);
    if (!audit_id) {
        return;
    }
    apr_status_t rv =
        cg_alert_raise(ask->admin->alerts, ask->admin->alert_rules, &alert,
                       NULL, 0, 0, way, &is_new, &err, ask->pool);
    cg_alert_entry_t entry;
    ask->id = apr_pstrdup(ask->pool, alert.id);
    if (rv != APR_SUCCESS) {
        refuse(ask, rv, &err);
    }
    else if (read_entry(ask, &entry)) {
        cg_json_t *object = entry_json(ask, &entry);
        cg_json_set_str(object, "audit_id", audit_id);
        cg_admin_json(ask, 202, object);
    }
}
