/* Which limits are in force, and for whom?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A limit is known for as many subjects as can be named: every key that may
 * still be used, the users and teams of keys, the models of the models file, the
 * endpoints, virtual hosts and organizations, and whatever the console limits.
 * Addresses, pairs, and users that come by a token, are too many to list; ask for
 * one by dimension and subject. As at admission, a key's own limit stands in the
 * place of the configured one of the same quantity, and what the console says of a
 * subject in the place of both.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "admin/limits.h"
#include "auth/apikey.h"
#include "chat/endpoint.h"
#include "store/keys.h"

#define KEYS_MAX 10000 /* read for one answer */
#define KEYS_PAGE 500
#define DEFAULT_ORGANIZATION "default" /* as flow/admit.c calls it */

/* What is being gathered. */
typedef struct gathering_t {
    cg_ask_t *ask;
    const cg_limit_wish_t *wish;
    const cg_overrides_t *overrides;
    apr_hash_t *names; /* of keys, by id */
    apr_array_header_t *rows;
} gathering_t;

const char *cg_admin_limit_by_name(cg_limit_by_t by)
{
    static const char *const names[CG_LIMIT_BY_COUNT] = {
        [CG_LIMIT_BY_DIRECTIVE] = "directive",
        [CG_LIMIT_BY_KEY] = "key",
        [CG_LIMIT_BY_CONSOLE] = "console"};
    return names[by];
}

/* ---- one row ------------------------------------------------------------- */

static bool is_same_scope(const cg_limit_t *a, const cg_limit_t *b)
{
    return a->dimension == b->dimension && a->with == b->with;
}

static bool has_kind(const cg_limit_t *limits, size_t count,
                     const cg_limit_t *limit)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_scope(&limits[i], limit) &&
            limits[i].quantity == limit->quantity) {
            return true;
        }
    }
    return false;
}

static bool is_of_kind(const cg_limit_t *limit, cg_limit_kind_t kind)
{
    bool is_money = limit->quantity == CG_QUANTITY_MICROS;
    return kind == CG_LIMIT_KIND_ANY ||
           is_money == (kind == CG_LIMIT_KIND_BUDGET);
}

static bool is_found(const char *text, const char *q)
{
    size_t len = strlen(q);
    for (; *text; text++) {
        if (strncasecmp(text, q, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const gathering_t *all, const cg_limit_row_t *row)
{
    const cg_limit_wish_t *wish = all->wish;
    return *row->subject && is_of_kind(&row->limit, wish->kind) &&
           (!wish->has_scope || is_same_scope(&row->limit, &wish->scope)) &&
           (!wish->subject || strcmp(wish->subject, row->subject) == 0) &&
           (!wish->q || is_found(row->subject, wish->q) ||
            is_found(row->label, wish->q) || is_found(row->source, wish->q) ||
            is_found(cg_limit_format(&row->limit, all->ask->pool), wish->q));
}

/* In whose books it is counted. Of a pair with an organization that half of it. */
static const char *organization_of(const gathering_t *all,
                                   const cg_limit_row_t *row)
{
    const cg_limit_t *limit = &row->limit;
    const char *plus = strchr(row->subject, '+');
    bool is_first = limit->dimension == CG_DIMENSION_ORGANIZATION;
    bool is_second = limit->with == 1 + CG_DIMENSION_ORGANIZATION;
    apr_pool_t *pool = all->ask->pool;
    const char *name = NULL;
    if (is_first && !limit->with) {
        name = row->subject;
    }
    else if ((is_first || is_second) && plus) {
        cg_str_t half =
            is_first ? (cg_str_t){row->subject, (size_t)(plus - row->subject)}
                     : cg_str(plus + 1);
        name = cg_admin_decode(half, false, pool);
    }
    if (!name) {
        return all->wish->organization ? all->wish->organization : "";
    }
    return strcmp(name, DEFAULT_ORGANIZATION) == 0 ? "" : name;
}

static const char *place_of(const cg_limit_row_t *row, apr_pool_t *pool)
{
    return apr_psprintf(
        pool,
        "%02d %s\x1f%d %020" APR_INT64_T_FMT " %020" APR_INT64_T_FMT " %s %d",
        cg_limit_scope_index(&row->limit), row->subject, row->limit.quantity,
        row->limit.window_for, row->limit.amount,
        cg_limit_spell(&row->limit, pool), row->is_replaced);
}

static void add_row(gathering_t *all, const cg_limit_t *limit,
                    const char *subject, const char *label, const char *source,
                    cg_limit_by_t by)
{
    apr_pool_t *pool = all->ask->pool;
    cg_limit_row_t row = {.limit = *limit,
                          .subject = subject,
                          .label = label,
                          .source = source,
                          .by = by};
    const cg_override_t *override =
        by == CG_LIMIT_BY_CONSOLE
            ? NULL
            : cg_overrides_find(all->overrides, limit, cg_str(subject));
    row.is_replaced =
        override && has_kind(override->limits, override->count, limit);
    if (!is_wanted(all, &row) ||
        (row.is_replaced && !all->wish->with_replaced)) {
        return;
    }
    row.subject = apr_pstrdup(pool, subject);
    row.label = apr_pstrdup(pool, label);
    row.organization = organization_of(all, &row);
    row.place = place_of(&row, pool);
    APR_ARRAY_PUSH(all->rows, cg_limit_row_t) = row;
}

/* ---- keys, and the people and teams they name ------------------------------ */

/* Whom a configured limit counts when this key is used; "": nobody. */
static const char *subject_of(const cg_key_t *key, const cg_limit_t *limit)
{
    if (limit->with) {
        return "";
    }
    switch ((cg_dimension_t)limit->dimension) {
    case CG_DIMENSION_KEY:
        return has_kind(key->limits, key->limits_count, limit) ? "" : key->id;
    case CG_DIMENSION_USER:
        return key->user;
    case CG_DIMENSION_TEAM:
        return key->team;
    default:
        return "";
    }
}

static void add_key(gathering_t *all, const cg_key_t *key)
{
    const cg_admin_t *admin = all->ask->admin;
    apr_pool_t *pool = all->ask->pool;
    apr_hash_set(all->names, apr_pstrdup(pool, key->id), APR_HASH_KEY_STRING,
                 apr_pstrdup(pool, key->name));
    bool is_over = key->state == CG_KEY_STATE_REVOKED ||
                   (key->expires_at && key->expires_at <= all->ask->call->now);
    if (is_over) {
        return;
    }
    for (int i = 0; i < key->limits_count; i++) {
        add_row(all, &key->limits[i], key->id, key->name,
                apr_pstrcat(pool, "key ", key->id, NULL), CG_LIMIT_BY_KEY);
    }
    for (size_t i = 0; i < admin->default_limits_count; i++) {
        const cg_admin_limit_t *row = &admin->default_limits[i];
        const char *subject = subject_of(key, &row->limit);
        bool is_key = row->limit.dimension == CG_DIMENSION_KEY;
        add_row(all, &row->limit, subject, is_key ? key->name : subject,
                row->where, CG_LIMIT_BY_DIRECTIVE);
    }
}

static apr_status_t add_keys(gathering_t *all, cg_error_t *err)
{
    const char *cursor = NULL;
    cg_keyring_t *ring = all->ask->admin->keyring;
    for (int read = 0; ring && read < KEYS_MAX; read += KEYS_PAGE) {
        apr_array_header_t *keys = NULL;
        const char *next = NULL;
        apr_status_t rv = cg_apikey_list(ring, cursor, KEYS_PAGE, &keys, &next,
                                         err, all->ask->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (int i = 0; i < keys->nelts; i++) {
            add_key(all, &APR_ARRAY_IDX(keys, i, cg_key_t));
        }
        if (!next) {
            break;
        }
        cursor = next;
    }
    return APR_SUCCESS;
}

/* One key is asked for: the others need not be read. */
static apr_status_t add_one_key(gathering_t *all, cg_error_t *err)
{
    cg_key_t key;
    cg_keyring_t *ring = all->ask->admin->keyring;
    apr_status_t rv = ring ? cg_apikey_get(ring, all->wish->subject, &key, err,
                                           all->ask->pool)
                           : APR_NOTFOUND;
    if (rv == APR_SUCCESS) {
        add_key(all, &key);
    }
    return APR_STATUS_IS_NOTFOUND(rv) ? APR_SUCCESS : rv;
}

/* ---- what needs no key ------------------------------------------------------ */

static void add_names(gathering_t *all, const cg_admin_limit_t *row,
                      const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_row(all, &row->limit, names[i], names[i], row->where,
                CG_LIMIT_BY_DIRECTIVE);
    }
}

static void add_endpoints(gathering_t *all, const cg_admin_limit_t *row)
{
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        add_names(all, row, &cg_endpoints[i].name, 1);
    }
}

static void add_organizations(gathering_t *all, const cg_admin_limit_t *row)
{
    static const char *const none = DEFAULT_ORGANIZATION;
    cg_reply_t reply;
    apr_pool_t *pool = all->ask->pool;
    cg_str_t argv[] = {CG_STR("SMEMBERS"),
                       cg_keys_make(CG_KEYS_ORGANIZATIONS, NULL, 0, pool)};
    add_names(all, row, &none, 1);
    if (!all->ask->admin->store ||
        cg_store_call(all->ask->admin->store, argv, 2, &reply, NULL, pool) !=
            APR_SUCCESS ||
        reply.kind != CG_REPLY_ARRAY) {
        return;
    }
    for (size_t i = 0; i < reply.count; i++) {
        const char *name = cg_str_dup(reply.items[i].text, pool);
        add_names(all, row, &name, 1);
    }
}

/* What can be named without a key, and the one subject that was asked for. */
static void add_named(gathering_t *all)
{
    const cg_admin_t *admin = all->ask->admin;
    const char *only = all->wish->subject;
    for (size_t i = 0; i < admin->default_limits_count; i++) {
        const cg_admin_limit_t *row = &admin->default_limits[i];
        bool is_key = row->limit.dimension == CG_DIMENSION_KEY;
        if (only && (!is_key || row->limit.with || strchr(only, ':'))) {
            add_names(all, row, &only, 1);
        }
        if (row->limit.with || only) {
            continue;
        }
        switch ((cg_dimension_t)row->limit.dimension) {
        case CG_DIMENSION_MODEL:
            add_names(all, row, admin->models, admin->models_count);
            break;
        case CG_DIMENSION_VHOST:
            add_names(all, row, admin->vhosts, admin->vhosts_count);
            break;
        case CG_DIMENSION_ENDPOINT:
            add_endpoints(all, row);
            break;
        case CG_DIMENSION_ORGANIZATION:
            add_organizations(all, row);
            break;
        default:
            break;
        }
    }
}

static void add_override(gathering_t *all, const cg_override_t *override)
{
    bool is_key =
        override->scope.dimension == CG_DIMENSION_KEY && !override->scope.with;
    const char *name = is_key ? apr_hash_get(all->names, override->subject,
                                             APR_HASH_KEY_STRING)
                              : NULL;
    for (size_t i = 0; i < override->count; i++) {
        add_row(all, &override->limits[i], override->subject,
                name ? name : override->subject, "console",
                CG_LIMIT_BY_CONSOLE);
    }
}

static void add_overrides(gathering_t *all)
{
    const cg_limit_wish_t *wish = all->wish;
    if (wish->has_scope && wish->subject) {
        const cg_override_t *one = cg_overrides_find(
            all->overrides, &wish->scope, cg_str(wish->subject));
        if (one) {
            add_override(all, one);
        }
        return;
    }
    for (size_t i = 0; i < cg_overrides_count(all->overrides); i++) {
        add_override(all, cg_overrides_at(all->overrides, i));
    }
}

/* ---- all of them ------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(((const cg_limit_row_t *)a)->place,
                  ((const cg_limit_row_t *)b)->place);
}

/* Two keys of one team, or two locations, give the same row twice. */
static void sort_rows(apr_array_header_t *rows)
{
    qsort(rows->elts, (size_t)rows->nelts, sizeof(cg_limit_row_t), compare);
    int kept = 0;
    for (int i = 0; i < rows->nelts; i++) {
        cg_limit_row_t *row = &APR_ARRAY_IDX(rows, i, cg_limit_row_t);
        if (kept == 0 ||
            strcmp(APR_ARRAY_IDX(rows, kept - 1, cg_limit_row_t).place,
                   row->place) != 0) {
            APR_ARRAY_IDX(rows, kept, cg_limit_row_t) = *row;
            kept++;
        }
    }
    rows->nelts = kept;
}

/* Keys must be read for keys, users and teams; for one of these by its name only
 * the key itself. */
static apr_status_t add_people(gathering_t *all, cg_error_t *err)
{
    const cg_limit_wish_t *wish = all->wish;
    bool is_one = wish->has_scope && wish->subject;
    bool is_key = wish->has_scope && !wish->scope.with &&
                  wish->scope.dimension == CG_DIMENSION_KEY;
    if (is_one) {
        return is_key ? add_one_key(all, err) : APR_SUCCESS;
    }
    bool is_theirs =
        is_key || !wish->has_scope ||
        (!wish->scope.with && (wish->scope.dimension == CG_DIMENSION_USER ||
                               wish->scope.dimension == CG_DIMENSION_TEAM));
    return is_theirs ? add_keys(all, err) : APR_SUCCESS;
}

apr_array_header_t *cg_admin_limits_gather(cg_ask_t *ask,
                                           const cg_limit_wish_t *wish)
{
    cg_error_t err = {""};
    gathering_t all = {
        .ask = ask,
        .wish = wish,
        .overrides = cg_admin_overrides(ask),
        .names = apr_hash_make(ask->pool),
        .rows = apr_array_make(ask->pool, 64, sizeof(cg_limit_row_t))};
    if (!all.overrides) {
        return NULL;
    }
    if (add_people(&all, &err) != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return NULL;
    }
    add_named(&all);
    add_overrides(&all);
    sort_rows(all.rows);
    return all.rows;
}
