/* Use: what is kept of it in the store, sums of hours and baselines.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/use.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "store/keys.h"

#define LIFE_SECONDS "5184000" /* of a baseline: 60 days */
#define SCAN_COUNT "500"

static cg_str_t base_key(const cg_used_t *used, apr_pool_t *pool)
{
    char letter[2] = {cg_use_kind_letter(used->kind), '\0'};
    cg_str_t parts[] = {cg_str(apr_pstrdup(pool, letter)), cg_str(used->name)};
    return cg_keys_make(CG_KEYS_ALERT_BASE, parts, 2, pool);
}

apr_status_t cg_use_load(cg_store_t *store, const cg_used_t *subjects,
                         size_t count, cg_baseline_t *out, cg_error_t *err,
                         apr_pool_t *pool)
{
    cg_reply_t reply;
    cg_str_t *argv = apr_palloc(pool, (count + 1) * sizeof *argv);
    argv[0] = CG_STR("MGET");
    for (size_t i = 0; i < count; i++) {
        argv[1 + i] = base_key(&subjects[i], pool);
    }
    apr_status_t rv = cg_store_call(store, argv, count + 1, &reply, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        bool is_kept = reply.kind == CG_REPLY_ARRAY && i < reply.count &&
                       reply.items[i].kind == CG_REPLY_TEXT;
        if (!is_kept || !cg_baseline_unpack(reply.items[i].text, &out[i])) {
            out[i] = (cg_baseline_t){.first_hour = 0};
        }
    }
    return rv;
}

apr_status_t cg_use_save(cg_store_t *store, const cg_used_t *subjects,
                         size_t count, const cg_baseline_t *baselines,
                         cg_error_t *err, apr_pool_t *pool)
{
    cg_store_command_t *commands = apr_palloc(pool, count * sizeof *commands);
    cg_reply_t *replies = apr_palloc(pool, count * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        unsigned char *bytes = apr_palloc(pool, CG_BASELINE_BYTES_MAX);
        cg_str_t *argv = apr_palloc(pool, 5 * sizeof *argv);
        argv[0] = CG_STR("SET");
        argv[1] = base_key(&subjects[i], pool);
        argv[2] = (cg_str_t){(const char *)bytes,
                             cg_baseline_pack(&baselines[i], bytes)};
        argv[3] = CG_STR("EX");
        argv[4] = CG_STR(LIFE_SECONDS);
        commands[i] = (cg_store_command_t){argv, 5};
    }
    return cg_store_pipeline(store, commands, count, replies, err, pool);
}

/* "k:<id>:2" taken apart. */
static bool read_field(cg_str_t field, cg_used_t *out, int *use)
{
    static const char letters[] = "kta";
    const char *letter =
        field.len > 4 || (field.len == 4 && field.ptr[0] == 'a')
            ? memchr(letters, field.ptr[0], 3)
            : NULL;
    size_t len = field.len >= 4 ? field.len - 4 : 0;
    if (!letter || len > CG_USE_NAME_MAX || field.ptr[1] != ':' ||
        field.ptr[field.len - 2] != ':') {
        return false;
    }
    *out = (cg_used_t){.kind = (cg_use_kind_t)(letter - letters)};
    memcpy(out->name, field.ptr + 2, len);
    *use = field.ptr[field.len - 1] - '0';
    return *use == 0;
}

/* The sums of one subject. */
static cg_str_t *ask_for(cg_str_t key, const cg_used_t *used, apr_pool_t *pool)
{
    cg_str_t *argv = apr_palloc(pool, (2 + CG_USE_COUNT) * sizeof *argv);
    argv[0] = CG_STR("HMGET");
    argv[1] = key;
    for (int use = 0; use < CG_USE_COUNT; use++) {
        argv[2 + use] = cg_str(apr_psprintf(
            pool, "%c:%s:%d", cg_use_kind_letter(used->kind), used->name, use));
    }
    return argv;
}

static apr_status_t read_sums(cg_store_t *store, cg_str_t key,
                              apr_array_header_t *subjects, cg_error_t *err,
                              apr_pool_t *pool)
{
    size_t count = (size_t)subjects->nelts;
    cg_store_command_t *commands = apr_palloc(pool, count * sizeof *commands);
    cg_reply_t *replies = apr_palloc(pool, count * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        commands[i] = (cg_store_command_t){
            ask_for(key, &APR_ARRAY_IDX(subjects, (int)i, cg_used_t), pool),
            2 + CG_USE_COUNT};
    }
    apr_status_t rv =
        cg_store_pipeline(store, commands, count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_used_t *used = &APR_ARRAY_IDX(subjects, (int)i, cg_used_t);
        for (size_t use = 0; use < replies[i].count && use < CG_USE_COUNT;
             use++) {
            cg_parse_count(replies[i].items[use].text,
                           &used->hour_sums.of[use]);
        }
    }
    return rv;
}

/* Each subject has a field of its first sum: by it a subject is found once. */
apr_status_t cg_use_scan(cg_store_t *store, int64_t hour, const char **cursor,
                         apr_array_header_t **out, cg_error_t *err,
                         apr_pool_t *pool)
{
    cg_reply_t reply;
    cg_str_t part = cg_str(apr_psprintf(pool, "%" PRId64, hour));
    cg_str_t key = cg_keys_make(CG_KEYS_ALERT_USE, &part, 1, pool);
    cg_str_t argv[] = {CG_STR("HSCAN"),   key,           cg_str(*cursor),
                       CG_STR("MATCH"),   CG_STR("*:0"), CG_STR("COUNT"),
                       CG_STR(SCAN_COUNT)};
    *out = apr_array_make(pool, 64, sizeof(cg_used_t));
    apr_status_t rv = cg_store_call(store, argv, 7, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    bool is_right = reply.kind == CG_REPLY_ARRAY && reply.count == 2;
    *cursor = is_right ? cg_str_dup(reply.items[0].text, pool) : "0";
    for (size_t i = 0; is_right && i + 1 < reply.items[1].count; i += 2) {
        cg_used_t used;
        int use;
        if (read_field(reply.items[1].items[i].text, &used, &use)) {
            *(cg_used_t *)apr_array_push(*out) = used;
        }
    }
    return (*out)->nelts ? read_sums(store, key, *out, err, pool) : APR_SUCCESS;
}
