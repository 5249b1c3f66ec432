/* What the alerts do to the world: they are raised, and a key is suspended.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A suspension has the shape of an operator's act (admin/change.c), by the name of
 * the gateway itself, so that one list shows both.
 */
#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "audit/record.h"
#include "base/clock.h"
#include "flow/unusual.h"

#define BY "mod_chatgpt"
#define OPERATION "keys.suspend-unusual"
#define TRIES 3

bool cg_flow_raise(const cg_gateway_t *gateway, const cg_keeper_watch_t *watch,
                   cg_alert_t *alert, const cg_str_t *marks, size_t count,
                   apr_time_t mark_life, bool *out_is_away, apr_pool_t *pool)
{
    cg_error_t err;
    bool is_new = false;
    alert->node = gateway->node;
    apr_status_t rv =
        cg_alert_raise(gateway->alerts, gateway->alert_rules, alert, marks,
                       count, mark_life, NULL, &is_new, &err, pool);
    *out_is_away = rv != APR_SUCCESS;
    if (rv != APR_SUCCESS) {
        cg_meter_store_error(gateway->meter, "alert");
        return false;
    }
    if (is_new) {
        cg_meter_alert(gateway->meter, cg_alert_kind_name(alert->kind));
        if (watch->on_alert) {
            watch->on_alert(watch->baton, alert->id,
                            cg_alert_line(alert, CG_LANGUAGE_EN, pool));
        }
    }
    return is_new;
}

const char *cg_flow_key_name(const cg_gateway_t *gateway, const char *id,
                             apr_pool_t *pool)
{
    cg_key_t key;
    cg_error_t err;
    if (!gateway->keyring ||
        cg_apikey_get(gateway->keyring, id, &key, &err, pool) != APR_SUCCESS) {
        return "";
    }
    return apr_pstrdup(pool, key.name);
}

static void write_record(const cg_gateway_t *gateway, const cg_key_t *key,
                         apr_time_t now, apr_pool_t *pool)
{
    char id[37];
    cg_buf_t text;
    cg_error_t err;
    cg_journal_entry_t entry = {.at = 0};
    cg_clock_uuid7(now, id);
    cg_record_t record = {.id = id,
                          .at = now,
                          .user = BY,
                          .endpoint = "admin",
                          .model_asked = CG_STR(""),
                          .model_served = CG_STR(""),
                          .decision = "changed",
                          .reason = OPERATION,
                          .status = 200,
                          .tokens_from = "none"};
    cg_buf_init(&text, 1024, pool);
    cg_record_write(&record, &text);
    text.len--; /* the closing brace */
    cg_buf_fmt(&text,
               ",\"request_id\":\"\",\"subject\":\"keys/%s\",\"change\":"
               "{\"state\":{\"before\":\"active\",\"after\":\"suspended\"}}}",
               key->id);
    cg_journal_entry_make(&record, (cg_str_t){text.ptr, text.len}, &entry);
    if (!gateway->journal ||
        cg_journal_append(gateway->journal, &entry, &err) != APR_SUCCESS) {
        cg_meter_journal_error(gateway->meter);
    }
}

/* Somebody may change the key at the same time: it is read anew then. */
bool cg_flow_suspend(const cg_gateway_t *gateway, const char *id,
                     apr_time_t now, apr_pool_t *pool)
{
    cg_error_t err;
    cg_key_t key, after;
    for (int i = 0; gateway->keyring && i < TRIES; i++) {
        if (cg_apikey_get(gateway->keyring, id, &key, &err, pool) !=
                APR_SUCCESS ||
            key.state != CG_KEY_STATE_ACTIVE) {
            return false;
        }
        key.state = CG_KEY_STATE_SUSPENDED;
        apr_status_t rv =
            cg_apikey_update(gateway->keyring, &key, &after, &err, pool);
        if (rv == APR_SUCCESS) {
            write_record(gateway, &after, now, pool);
            return true;
        }
        if (rv != APR_EMISMATCH) {
            return false;
        }
    }
    return false;
}
