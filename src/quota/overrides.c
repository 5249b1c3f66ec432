/* Limits of single objects: reading, finding and setting them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/overrides.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "store/keys.h"

#include "gen/override_lua.h"

#define SCAN_COUNT "1000"
#define SCANS_MAX 100000
#define FIELD_MAX (64 + CG_OVERRIDE_SUBJECT_MAX)

struct cg_overrides_t {
    apr_pool_t *pool;
    apr_hash_t *by_field;
    apr_array_header_t *rows; /* of cg_override_t *, as they came */
    uint64_t scopes;
    int64_t serial;
};

cg_overrides_t *cg_overrides_create(apr_pool_t *pool)
{
    cg_overrides_t *set = apr_pcalloc(pool, sizeof *set);
    set->pool = pool;
    set->by_field = apr_hash_make(pool);
    set->rows = apr_array_make(pool, 64, sizeof(cg_override_t *));
    return set;
}

/* ---- reading ------------------------------------------------------------------ */

static bool read_field(cg_str_t field, cg_override_t *row, cg_error_t *err,
                       apr_pool_t *pool)
{
    const char *colon = field.len ? memchr(field.ptr, ':', field.len) : NULL;
    size_t scope_len = colon ? (size_t)(colon - field.ptr) : 0;
    size_t subject_len = colon ? field.len - scope_len - 1 : 0;
    if (!colon || subject_len == 0 || subject_len > CG_OVERRIDE_SUBJECT_MAX ||
        !cg_limit_scope_read((cg_str_t){field.ptr, scope_len}, &row->scope)) {
        cg_error_set(err, "'%.*s' names no object",
                     field.len > 80 ? 80 : (int)field.len, field.ptr);
        return false;
    }
    row->subject = apr_pstrmemdup(pool, colon + 1, subject_len);
    return true;
}

static bool read_limits(const cg_json_t *array, bool is_money,
                        cg_override_t *row, cg_error_t *err)
{
    for (size_t i = 0; array && i < cg_json_size(array); i++) {
        cg_limit_t *limit = &row->limits[row->count];
        *limit = row->scope;
        if (row->count == CG_OVERRIDE_LIMITS_MAX) {
            cg_error_set(err, "more than %d limits", CG_OVERRIDE_LIMITS_MAX);
            return false;
        }
        if (!cg_limit_parse(cg_str(cg_json_text(cg_json_at(array, i))), limit,
                            err)) {
            return false;
        }
        if ((limit->quantity == CG_QUANTITY_MICROS) != is_money) {
            cg_error_set(err, "money stands in budgets, all else in limits");
            return false;
        }
        row->count++;
    }
    return true;
}

static bool read_row(cg_override_t *row, const cg_json_t *json, cg_error_t *err,
                     apr_pool_t *pool)
{
    cg_limit_t limits[CG_OVERRIDE_LIMITS_MAX + 1];
    row->limits = limits;
    row->version = cg_json_get_int(json, "version", 0);
    row->changed_by =
        apr_pstrdup(pool, cg_json_get_str(json, "changed_by", ""));
    cg_clock_parse_rfc3339(cg_str(cg_json_get_str(json, "changed_at", "")),
                           &row->changed_at);
    if (!read_limits(cg_json_get(json, "limits"), false, row, err) ||
        !read_limits(cg_json_get(json, "budgets"), true, row, err)) {
        return false;
    }
    row->limits = apr_pmemdup(pool, limits, (row->count + 1) * sizeof *limits);
    return true;
}

static void keep(cg_overrides_t *set, cg_str_t field, cg_override_t *row)
{
    char *key = cg_str_dup(field, set->pool);
    cg_override_t *old =
        apr_hash_get(set->by_field, key, (apr_ssize_t)field.len);
    if (old) { /* a scan may tell a field twice */
        *old = *row;
        return;
    }
    apr_hash_set(set->by_field, key, (apr_ssize_t)field.len, row);
    APR_ARRAY_PUSH(set->rows, cg_override_t *) = row;
    set->scopes |= UINT64_C(1) << cg_limit_scope_index(&row->scope);
}

bool cg_overrides_add(cg_overrides_t *set, cg_str_t field, cg_str_t json,
                      cg_error_t *err)
{
    apr_pool_t *temp;
    cg_override_t *row = apr_pcalloc(set->pool, sizeof *row);
    if (set->rows->nelts >= CG_OVERRIDES_MAX ||
        !read_field(field, row, err, set->pool)) {
        return false;
    }
    apr_pool_create(&temp, set->pool);
    const cg_json_t *value = cg_json_parse(json.ptr, json.len, err, temp);
    bool is_read = value && read_row(row, value, err, set->pool);
    apr_pool_destroy(temp);
    if (is_read) {
        keep(set, field, row);
    }
    return is_read;
}

static bool is_page(const cg_reply_t *reply)
{
    return reply->kind == CG_REPLY_ARRAY && reply->count == 2 &&
           reply->items[1].kind == CG_REPLY_ARRAY;
}

static void add_page(cg_overrides_t *set, const cg_reply_t *page)
{
    cg_error_t unused;
    for (size_t i = 0; i + 1 < page->count; i += 2) {
        cg_overrides_add(set, page->items[i].text, page->items[i + 1].text,
                         &unused);
    }
}

apr_status_t cg_overrides_fetch(cg_store_t *store, cg_overrides_t **out,
                                cg_error_t *err, apr_pool_t *pool)
{
    apr_pool_t *temp;
    cg_overrides_t *set = cg_overrides_create(pool);
    cg_str_t cursor = CG_STR("0");
    apr_status_t rv = APR_SUCCESS;
    apr_pool_create(&temp, pool);
    for (int i = 0; i < SCANS_MAX && rv == APR_SUCCESS; i++) {
        cg_reply_t reply;
        cg_str_t argv[] = {CG_STR("HSCAN"),
                           cg_keys_make(CG_KEYS_OVERRIDES, NULL, 0, temp),
                           cursor, CG_STR("COUNT"), CG_STR(SCAN_COUNT)};
        rv = cg_store_call(store, argv, 5, &reply, err, temp);
        if (rv == APR_SUCCESS && !is_page(&reply)) {
            cg_error_set(err, "the store gives no list of limits");
            rv = APR_EGENERAL;
        }
        if (rv != APR_SUCCESS) {
            break;
        }
        add_page(set, &reply.items[1]);
        cursor = cg_str(apr_pstrdup(pool, reply.items[0].text.ptr));
        apr_pool_clear(temp);
        if (cg_str_is(cursor, "0")) {
            break;
        }
    }
    apr_pool_destroy(temp);
    *out = set;
    return rv;
}

/* ---- finding ------------------------------------------------------------------- */

uint64_t cg_overrides_scopes(const cg_overrides_t *set)
{
    return set ? set->scopes : 0;
}

size_t cg_overrides_count(const cg_overrides_t *set)
{
    return set ? (size_t)set->rows->nelts : 0;
}

const cg_override_t *cg_overrides_at(const cg_overrides_t *set, size_t index)
{
    return APR_ARRAY_IDX(set->rows, index, cg_override_t *);
}

int64_t cg_overrides_serial(const cg_overrides_t *set)
{
    return set ? set->serial : 0;
}

void cg_overrides_set_serial(cg_overrides_t *set, int64_t serial)
{
    set->serial = serial;
}

/* "team+model:" into out; its length. */
static size_t write_scope(const cg_limit_t *scope, char *out, size_t size)
{
    const char *first =
        cg_limit_dimension_name((cg_dimension_t)scope->dimension);
    const char *second =
        scope->with ? cg_limit_dimension_name((cg_dimension_t)(scope->with - 1))
                    : "";
    return (size_t)apr_snprintf(out, size, "%s%s%s:", first,
                                scope->with ? "+" : "", second);
}

const cg_override_t *cg_overrides_find(const cg_overrides_t *set,
                                       const cg_limit_t *scope,
                                       cg_str_t subject)
{
    char field[FIELD_MAX];
    if (!set || !(set->scopes >> cg_limit_scope_index(scope) & 1) ||
        subject.len == 0 || subject.len > CG_OVERRIDE_SUBJECT_MAX) {
        return NULL;
    }
    size_t len = write_scope(scope, field, sizeof field);
    memcpy(field + len, subject.ptr, subject.len);
    return apr_hash_get(set->by_field, field, (apr_ssize_t)(len + subject.len));
}

/* ---- writing -------------------------------------------------------------------- */

const char *cg_override_field(const cg_override_t *row, apr_pool_t *pool)
{
    char scope[64];
    write_scope(&row->scope, scope, sizeof scope);
    return apr_pstrcat(pool, scope, row->subject, NULL);
}

static cg_json_t *limits_json(const cg_override_t *row, bool is_money,
                              apr_pool_t *pool)
{
    cg_json_t *array = cg_json_array(pool);
    for (size_t i = 0; i < row->count; i++) {
        bool is_budget = row->limits[i].quantity == CG_QUANTITY_MICROS;
        if (is_budget == is_money) {
            cg_json_add_str(array, cg_limit_format(&row->limits[i], pool));
        }
    }
    return array;
}

/* All but the version, which comes first. */
static const char *tail_of(const cg_override_t *row, apr_pool_t *pool)
{
    char at[25];
    size_t len;
    cg_json_t *object = cg_json_object(pool);
    cg_clock_rfc3339(row->changed_at, at);
    cg_json_set(object, "limits", limits_json(row, false, pool));
    cg_json_set(object, "budgets", limits_json(row, true, pool));
    cg_json_set_str(object, "changed_at", at);
    cg_json_set_str(object, "changed_by",
                    row->changed_by ? row->changed_by : "");
    const char *text = cg_json_dump(object, &len, pool);
    return apr_pstrcat(pool, ",", text + 1, NULL);
}

const char *cg_override_write(const cg_override_t *row, apr_pool_t *pool)
{
    return apr_psprintf(pool, "{\"version\":%" APR_INT64_T_FMT "%s",
                        row->version, tail_of(row, pool));
}

apr_status_t cg_override_put(cg_store_t *store, const cg_override_t *row,
                             int64_t wanted, cg_override_put_t *out,
                             int64_t *out_version, cg_error_t *err,
                             apr_pool_t *pool)
{
    cg_script_t script;
    cg_reply_t reply;
    cg_script_init(&script, "override", cg_lua_override);
    cg_str_t key = cg_keys_make(CG_KEYS_OVERRIDES, NULL, 0, pool);
    cg_str_t args[] = {cg_keys_make(CG_KEYS_OVERRIDE_CHANNEL, NULL, 0, pool),
                       cg_str(cg_override_field(row, pool)),
                       cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, wanted)),
                       cg_str(apr_itoa(pool, CG_OVERRIDES_MAX)),
                       CG_STR("{\"version\":"),
                       cg_str(row->count ? tail_of(row, pool) : "")};
    apr_status_t rv = cg_store_script(store, &script, &key, 1, args,
                                      row->count ? 6 : 4, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_ARRAY || reply.count != 2) {
        cg_error_set(err, "the override script failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no array came back");
        return APR_EGENERAL;
    }
    *out = reply.items[0].number == 1   ? CG_OVERRIDE_DONE
           : reply.items[0].number == 0 ? CG_OVERRIDE_CONFLICT
                                        : CG_OVERRIDE_FULL;
    *out_version = reply.items[1].number;
    return APR_SUCCESS;
}
