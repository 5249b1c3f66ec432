/* People and teams: who has keys, who calls, and when they last did.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nobody keeps a list of people here. They are gathered for each answer: from
 * the keys (their user, owner and team), and from the newest audit records, so
 * that those are there too who come by a token or by httpd's own sign-in. Both
 * are bounded; is_cut says that there was more than was read.
 *
 * A cursor holds the name of the last row shown: what comes or goes meanwhile
 * moves nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "admin/records.h"
#include "auth/apikey.h"
#include "base/clock.h"

#define KEYS_MAX 20000 /* read for one answer */
#define KEYS_PAGE 500
#define RECORDS_MAX 5000 /* read for one answer */
#define RECORDS_PAGE CG_LEDGER_LIMIT_MAX
#define RECORDS_FOR apr_time_from_sec(30 * 86400)
#define GROUPS_MAX 10000 /* people, or teams, of one answer */
#define TEAMS_MAX 20     /* told of one person */

/* A person, or a team. */
typedef struct group_t {
    const char *name;
    apr_int64_t keys;
    apr_int64_t active_keys;
    apr_int64_t owned_keys;
    apr_int64_t requests;
    apr_int64_t cost_micros;
    apr_hash_t *others; /* names of a person's teams, of a team's people */
    apr_time_t last_used_at;
    apr_time_t expires_at; /* the next of its keys; 0: none will */
} group_t;

/* lives in: the call's pool */
typedef struct gathering_t {
    cg_ask_t *ask;
    const char *kind; /* "people" or "teams"; also begins a cursor */
    bool is_teams;
    apr_hash_t *groups; /* name to group_t */
    apr_int64_t keys_read;
    apr_int64_t records_read;
    apr_time_t since; /* the oldest record read */
    bool is_cut;
} gathering_t;

/* ---- gathering ---------------------------------------------------------- */

/* NULL for no name, and when there are too many. */
static group_t *group_of(gathering_t *all, const char *name)
{
    group_t *group =
        *name ? apr_hash_get(all->groups, name, APR_HASH_KEY_STRING) : NULL;
    if (group || !*name) {
        return group;
    }
    if (apr_hash_count(all->groups) >= GROUPS_MAX) {
        all->is_cut = true;
        return NULL;
    }
    apr_pool_t *pool = all->ask->pool;
    group = apr_pcalloc(pool, sizeof *group);
    group->name = apr_pstrdup(pool, name);
    group->others = apr_hash_make(pool);
    apr_hash_set(all->groups, group->name, APR_HASH_KEY_STRING, group);
    return group;
}

static void add_other(group_t *group, const char *name, apr_pool_t *pool)
{
    if (*name && !apr_hash_get(group->others, name, APR_HASH_KEY_STRING)) {
        const char *kept = apr_pstrdup(pool, name);
        apr_hash_set(group->others, kept, APR_HASH_KEY_STRING, kept);
    }
}

static void add_use(group_t *group, apr_time_t at)
{
    if (at > group->last_used_at) {
        group->last_used_at = at;
    }
}

static void add_active(group_t *group, const cg_key_t *key)
{
    group->active_keys++;
    if (key->expires_at &&
        (!group->expires_at || key->expires_at < group->expires_at)) {
        group->expires_at = key->expires_at;
    }
}

static void add_key(gathering_t *all, const cg_key_t *key)
{
    apr_time_t now = all->ask->call->now;
    bool is_active = key->state == CG_KEY_STATE_ACTIVE &&
                     (!key->expires_at || key->expires_at > now);
    group_t *group = group_of(all, all->is_teams ? key->team : key->user);
    if (group) {
        group->keys++;
        add_other(group, all->is_teams ? key->user : key->team, all->ask->pool);
        add_use(group, key->last_used_at);
        add_use(group, key->previous_used_at);
    }
    if (group && is_active) {
        add_active(group, key);
    }
    group_t *owner = all->is_teams ? NULL : group_of(all, key->owner);
    if (owner) {
        owner->owned_keys++;
    }
}

/* Pages are read into scratch, as a key takes kilobytes and a name does not. */
static apr_status_t add_keys(gathering_t *all, cg_error_t *err,
                             apr_pool_t *scratch)
{
    cg_keyring_t *ring = all->ask->admin->keyring;
    const char *cursor = NULL;
    for (int page = 0; ring && page < KEYS_MAX / KEYS_PAGE; page++) {
        apr_array_header_t *keys = NULL;
        const char *next = NULL;
        apr_pool_clear(scratch);
        apr_status_t rv =
            cg_apikey_list(ring, cursor, KEYS_PAGE, &keys, &next, err, scratch);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (int i = 0; i < keys->nelts; i++) {
            add_key(all, &APR_ARRAY_IDX(keys, i, cg_key_t));
        }
        all->keys_read += keys->nelts;
        if (!next) {
            return APR_SUCCESS;
        }
        cursor = apr_pstrdup(all->ask->pool, next);
    }
    all->is_cut |= ring != NULL;
    return APR_SUCCESS;
}

static void add_record(gathering_t *all, const cg_json_t *record)
{
    const char *user = cg_json_get_str(record, "user", "");
    const char *team = cg_json_get_str(record, "team", "");
    apr_time_t at = 0;
    if (cg_admin_is_event(record) ||
        !cg_clock_parse_rfc3339(cg_str(cg_json_get_str(record, "at", "")),
                                &at)) {
        return;
    }
    /* A key without a user of its own stands as its own user: no person. */
    if (strcmp(user, cg_json_get_str(record, "key_id", "")) == 0) {
        user = "";
    }
    all->since = all->since && all->since < at ? all->since : at;
    group_t *group = group_of(all, all->is_teams ? team : user);
    if (group) {
        group->requests++;
        group->cost_micros += cg_json_get_int(record, "cost_micros", 0);
        add_other(group, all->is_teams ? user : team, all->ask->pool);
        add_use(group, at);
    }
}

static apr_status_t add_records(gathering_t *all, cg_ledger_t *ledger,
                                cg_error_t *err, apr_pool_t *scratch)
{
    cg_ledger_filter_t filter = {.from = all->ask->call->now - RECORDS_FOR,
                                 .limit = RECORDS_PAGE};
    for (int i = 0; i < RECORDS_MAX / RECORDS_PAGE; i++) {
        cg_buf_t page;
        const char *next = NULL;
        apr_pool_clear(scratch);
        cg_buf_init(&page, 4096, scratch);
        apr_status_t rv =
            cg_ledger_list(ledger, &filter, &page, &next, err, scratch);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        const cg_json_t *records =
            cg_json_parse(page.ptr, page.len, NULL, scratch);
        for (size_t n = 0; n < cg_json_size(records); n++) {
            add_record(all, cg_json_at(records, n));
        }
        all->records_read += (apr_int64_t)cg_json_size(records);
        if (!next) {
            return APR_SUCCESS;
        }
        filter.cursor = apr_pstrdup(all->ask->pool, next);
    }
    all->is_cut = true;
    return APR_SUCCESS;
}

static bool gather(gathering_t *all)
{
    cg_ask_t *ask = all->ask;
    cg_ledger_t *ledger = cg_admin_ledger(ask);
    if (!ledger) {
        return false;
    }
    cg_error_t err = {""};
    apr_pool_t *scratch = NULL;
    apr_pool_create(&scratch, ask->pool);
    apr_status_t rv = add_keys(all, &err, scratch);
    if (rv == APR_SUCCESS) {
        rv = add_records(all, ledger, &err, scratch);
    }
    apr_pool_destroy(scratch);
    if (rv != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
    }
    return rv == APR_SUCCESS;
}

/* ---- the page ----------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp((*(const group_t *const *)a)->name,
                  (*(const group_t *const *)b)->name);
}

/* ASCII case apart. */
static bool has(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < len && apr_tolower(text[i]) == apr_tolower(part[i])) {
            i++;
        }
        if (i == len) {
            return true;
        }
    }
    return len == 0;
}

/* Those that are wanted, by name. */
static apr_array_header_t *sorted(const gathering_t *all)
{
    apr_pool_t *pool = all->ask->pool;
    const char *q = cg_admin_param(all->ask, "q");
    apr_array_header_t *rows = apr_array_make(pool, 64, sizeof(group_t *));
    for (apr_hash_index_t *at = apr_hash_first(pool, all->groups); at;
         at = apr_hash_next(at)) {
        void *group = NULL;
        apr_hash_this(at, NULL, NULL, &group);
        if (!q || has(((group_t *)group)->name, q)) {
            APR_ARRAY_PUSH(rows, group_t *) = group;
        }
    }
    qsort(rows->elts, (size_t)rows->nelts, sizeof(group_t *), compare);
    return rows;
}

static const char *cursor_of(const gathering_t *all, const group_t *group)
{
    apr_pool_t *pool = all->ask->pool;
    const char *place = apr_pstrcat(pool, all->kind, "\x1f", group->name, NULL);
    size_t len = strlen(place);
    char *out = apr_pcalloc(pool, (len * 4 + 2) / 3 + 1);
    cg_b64url_encode((const unsigned char *)place, len, out);
    return out;
}

/* The name after which the page begins, "" for the first; NULL: no cursor. */
static const char *name_before(const gathering_t *all)
{
    const char *cursor = cg_admin_param(all->ask, "cursor");
    if (!cursor) {
        return "";
    }
    size_t len = 0;
    size_t kind = strlen(all->kind);
    char *place = apr_pcalloc(all->ask->pool, strlen(cursor) + 1);
    bool is_one = cg_b64url_decode(cursor, strlen(cursor),
                                   (unsigned char *)place, &len) &&
                  len > kind && strncmp(place, all->kind, kind) == 0 &&
                  place[kind] == 0x1f;
    return is_one ? place + kind + 1 : NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static cg_json_t *others_json(const group_t *group, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 8, sizeof(char *));
    for (apr_hash_index_t *at = apr_hash_first(pool, group->others); at;
         at = apr_hash_next(at)) {
        void *name = NULL;
        apr_hash_this(at, NULL, NULL, &name);
        APR_ARRAY_PUSH(names, const char *) = name;
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(char *), compare_names);
    cg_json_t *told = cg_json_array(pool);
    for (int i = 0; i < names->nelts && i < TEAMS_MAX; i++) {
        cg_json_add_str(told, APR_ARRAY_IDX(names, i, const char *));
    }
    return told;
}

static cg_json_t *group_json(const gathering_t *all, const group_t *group)
{
    cg_json_t *object = cg_json_object(all->ask->pool);
    cg_json_set_str(object, "name", group->name);
    if (all->is_teams) {
        cg_json_set_int(object, "people",
                        (apr_int64_t)apr_hash_count(group->others));
    }
    else {
        cg_json_set(object, "teams", others_json(group, all->ask->pool));
        cg_json_set_int(object, "owned_keys", group->owned_keys);
    }
    cg_json_set_int(object, "keys", group->keys);
    cg_json_set_int(object, "active_keys", group->active_keys);
    cg_json_set_int(object, "requests", group->requests);
    cg_json_set_int(object, "cost_micros", group->cost_micros);
    cg_admin_set_time(object, "last_used_at", group->last_used_at);
    cg_admin_set_time(object, "expires_at", group->expires_at);
    return object;
}

static void reply(gathering_t *all, const char *before)
{
    const apr_array_header_t *rows = sorted(all);
    size_t limit = cg_admin_param_limit(all->ask);
    cg_json_t *items = cg_json_array(all->ask->pool);
    const char *next = NULL;
    for (int i = 0; i < rows->nelts && !next; i++) {
        const group_t *group = APR_ARRAY_IDX(rows, i, group_t *);
        if (strcmp(group->name, before) <= 0) {
            continue;
        }
        cg_json_add(items, group_json(all, group));
        if (cg_json_size(items) == limit && i + 1 < rows->nelts) {
            next = cursor_of(all, group);
        }
    }
    cg_json_t *answer = cg_json_object(all->ask->pool);
    cg_json_set(answer, "items", items);
    cg_json_set_str(answer, "next_cursor", next);
    cg_json_set_int(answer, "keys_read", all->keys_read);
    cg_json_set_int(answer, "records_read", all->records_read);
    cg_admin_set_time(answer, "since", all->since);
    cg_json_set_bool(answer, "is_cut", all->is_cut);
    cg_admin_json(all->ask, 200, answer);
}

static void list(cg_ask_t *ask, const char *kind, bool is_teams)
{
    gathering_t all = {.ask = ask,
                       .kind = kind,
                       .is_teams = is_teams,
                       .groups = apr_hash_make(ask->pool)};
    const char *before = name_before(&all);
    if (!before) {
        cg_admin_refuse_cursor(ask);
        return;
    }
    if (gather(&all)) {
        reply(&all, before);
    }
}

void cg_admin_people_list(cg_ask_t *ask)
{
    list(ask, "people", false);
}

void cg_admin_teams_list(cg_ask_t *ask)
{
    list(ask, "teams", true);
}
