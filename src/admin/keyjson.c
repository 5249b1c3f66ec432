/* A key as JSON, and JSON into a key.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/keyjson.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/members.h"
#include "auth/keyplace.h"
#include "base/clock.h"
#include "redact/demand.h"

/* The members of a key that are plain words. */
static const cg_admin_word_t WORDS[] = {
    CG_ADMIN_WORD(cg_key_t, name),   CG_ADMIN_WORD(cg_key_t, owner),
    CG_ADMIN_WORD(cg_key_t, user),   CG_ADMIN_WORD(cg_key_t, team),
    CG_ADMIN_WORD(cg_key_t, redact), CG_ADMIN_WORD(cg_key_t, hours),
};
#define WORDS_COUNT (sizeof WORDS / sizeof WORDS[0])

/* The members that are lists: texts with commas between, in JSON arrays. */
static const struct {
    const char *name;
    size_t offset;
    size_t size; /* with the NUL */
    const char *bad;
    bool (*check)(const char *text, cg_error_t *err); /* NULL: of any kind */
} LISTS[] = {
    {"models", offsetof(cg_key_t, models), sizeof((cg_key_t *)0)->models,
     "bad_model", NULL},
    {"tags", offsetof(cg_key_t, tags), sizeof((cg_key_t *)0)->tags, "bad_tag",
     cg_key_tags_check},
    {"endpoints", offsetof(cg_key_t, endpoints),
     sizeof((cg_key_t *)0)->endpoints, "bad_endpoint", cg_key_endpoints_check},
    {"addresses", offsetof(cg_key_t, addresses),
     sizeof((cg_key_t *)0)->addresses, "bad_address", cg_key_addresses_check},
    {"vhosts", offsetof(cg_key_t, vhosts), sizeof((cg_key_t *)0)->vhosts,
     "bad_vhost", cg_key_vhosts_check},
};
#define LISTS_COUNT (sizeof LISTS / sizeof LISTS[0])

/* ---- a key as JSON ------------------------------------------------------ */

static cg_json_t *list_json(const char *list, apr_pool_t *pool)
{
    cg_json_t *items = cg_json_array(pool);
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ",");
        cg_json_add_str(items, apr_pstrmemdup(pool, p, len));
        p += len + (p[len] == ',');
    }
    return items;
}

static void set_limits(cg_json_t *object, const cg_key_t *key, apr_pool_t *pool)
{
    cg_json_t *limits = cg_json_array(pool);
    cg_json_set_null(object, "budget");
    for (int i = 0; i < key->limits_count; i++) {
        const char *text = cg_limit_format(&key->limits[i], pool);
        if (key->limits[i].quantity == CG_QUANTITY_MICROS) {
            cg_json_set_str(object, "budget", text);
        }
        else {
            cg_json_add_str(limits, text);
        }
    }
    cg_json_set(object, "limits", limits);
}

cg_json_t *cg_admin_key_json(const cg_ask_t *ask, const cg_key_t *key)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "id", key->id);
    cg_admin_set_words(object, key, WORDS, WORDS_COUNT);
    cg_json_set_str(object, "prefix", key->prefix);
    cg_json_set_str(object, "last4", key->last4);
    cg_json_set_str(object, "state", cg_key_state_at(key, ask->call->now));
    for (size_t i = 0; i < LISTS_COUNT; i++) {
        cg_json_set(object, LISTS[i].name,
                    list_json((const char *)key + LISTS[i].offset, ask->pool));
    }
    set_limits(object, key, ask->pool);
    cg_admin_set_time(object, "created_at", key->created_at);
    cg_admin_set_time(object, "expires_at", key->expires_at);
    cg_admin_set_time(object, "last_used_at", key->last_used_at);
    bool has_previous = ask->call->now < key->previous_until;
    cg_admin_set_time(object, "previous_until",
                      has_previous ? key->previous_until : 0);
    cg_admin_set_time(object, "previous_used_at",
                      has_previous ? key->previous_used_at : 0);
    cg_json_set_str(object, "previous_last4",
                    has_previous ? key->previous_last4 : "");
    cg_json_set_int(object, "version", key->version);
    return object;
}

/* ---- a body into a key -------------------------------------------------- */

/* A blank would be trimmed away or part a name: no entry of any list has one. */
static void check_entries(cg_ask_t *ask, size_t list, const cg_json_t *items)
{
    for (size_t i = 0; i < cg_json_size(items); i++) {
        const char *entry = cg_json_text(cg_json_at(items, i));
        const char *pointer = apr_psprintf(ask->pool, "/%s/%" APR_SIZE_T_FMT,
                                           LISTS[list].name, i);
        cg_error_t err = {""};
        if (strpbrk(entry, ", ")) {
            cg_admin_fault(ask, "body", pointer, LISTS[list].bad,
                           "no comma or blank in an entry");
        }
        else if (LISTS[list].check && !LISTS[list].check(entry, &err)) {
            cg_admin_fault(ask, "body", pointer, LISTS[list].bad, err.text);
        }
    }
}

static void take_list(cg_ask_t *ask, cg_key_t *key, size_t list)
{
    const cg_json_t *items = cg_json_get(ask->body, LISTS[list].name);
    if (!items) {
        return;
    }
    cg_buf_t text;
    cg_buf_init(&text, LISTS[list].size, ask->pool);
    check_entries(ask, list, items);
    for (size_t i = 0; i < cg_json_size(items); i++) {
        cg_buf_fmt(&text, "%s%s", i ? "," : "",
                   cg_json_text(cg_json_at(items, i)));
    }
    if (text.len >= LISTS[list].size) {
        cg_admin_fault(ask, "body",
                       apr_pstrcat(ask->pool, "/", LISTS[list].name, NULL),
                       "too_long",
                       apr_psprintf(ask->pool,
                                    "together at most %" APR_SIZE_T_FMT
                                    " bytes; use patterns with * or networks",
                                    LISTS[list].size - 1));
        return;
    }
    apr_cpystrn((char *)key + LISTS[list].offset, cg_buf_cstr(&text),
                LISTS[list].size);
}

/* Drops either the budget or all other limits. */
static void drop_limits(cg_key_t *key, bool is_budget)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < key->limits_count; i++) {
        bool is_money = key->limits[i].quantity == CG_QUANTITY_MICROS;
        if (is_money != is_budget) {
            key->limits[kept] = key->limits[i];
            kept++;
        }
    }
    key->limits_count = kept;
}

static void add_limit(cg_ask_t *ask, cg_key_t *key, const char *text,
                      const char *pointer)
{
    cg_error_t err = {""};
    if (!cg_key_add_limit(key, cg_str(text), &err)) {
        cg_admin_fault(ask, "body", pointer, "bad_limit", err.text);
    }
}

static void take_limits(cg_ask_t *ask, cg_key_t *key)
{
    const cg_json_t *limits = cg_json_get(ask->body, "limits");
    const cg_json_t *budget = cg_json_get(ask->body, "budget");
    if (limits) {
        drop_limits(key, false);
    }
    if (budget) {
        drop_limits(key, true);
    }
    for (size_t i = 0; limits && i < cg_json_size(limits); i++) {
        add_limit(ask, key, cg_json_text(cg_json_at(limits, i)),
                  apr_psprintf(ask->pool, "/limits/%" APR_SIZE_T_FMT, i));
    }
    if (cg_json_is_string(budget)) {
        add_limit(ask, key, cg_json_text(budget), "/budget");
    }
}

static void take_state(cg_ask_t *ask, cg_key_t *key)
{
    cg_key_state_t state = CG_KEY_STATE_ACTIVE;
    const char *name = cg_json_get_str(ask->body, "state", NULL);
    if (name && cg_key_state_find(cg_str(name), &state)) {
        key->state = (uint8_t)state;
    }
}

bool cg_admin_redact_check(const cg_ask_t *ask, const char *redact,
                           cg_error_t *err)
{
    cg_demand_t demand;
    if (!cg_demand_read(cg_str(redact), &demand, err)) {
        return false;
    }
    for (size_t i = 0; i < demand.packs_count; i++) {
        const char *pack = cg_str_dup(demand.packs[i], ask->pool);
        if (ask->admin->rules &&
            cg_rules_pack_find(ask->admin->rules, pack) < 0) {
            cg_error_set(err, "there is no pack %.64s here", pack);
            return false;
        }
    }
    return true;
}

static void check_redact(cg_ask_t *ask, const cg_key_t *key)
{
    cg_demand_t demand;
    cg_error_t err = {""};
    if (cg_admin_redact_check(ask, key->redact, &err)) {
        return;
    }
    bool is_read = cg_demand_read(cg_str(key->redact), &demand, NULL);
    cg_admin_fault(ask, "body", "/redact",
                   is_read ? "unknown_pack" : "bad_redact", err.text);
}

static void check_hours(cg_ask_t *ask, const cg_key_t *key)
{
    cg_error_t err = {""};
    if (!cg_key_hours_check(key->hours, &err)) {
        cg_admin_fault(ask, "body", "/hours", "bad_hours", err.text);
    }
}

bool cg_admin_take_key(cg_ask_t *ask, cg_key_t *key)
{
    cg_admin_take_words(ask, key, WORDS, WORDS_COUNT);
    for (size_t i = 0; i < LISTS_COUNT; i++) {
        take_list(ask, key, i);
    }
    take_limits(ask, key);
    cg_admin_take_expiry(ask, &key->expires_at);
    take_state(ask, key);
    check_redact(ask, key);
    check_hours(ask, key);
    cg_error_t err = {""};
    if (!cg_admin_has_faults(ask) && !cg_key_check(key, &err)) {
        cg_admin_fault(ask, "body", "", "bad_key", err.text);
    }
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    return true;
}
