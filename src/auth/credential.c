/* Credentials of upstreams, kept in the store, sealed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/credential.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "auth/sealed.h"
#include "base/digest.h"
#include "store/keys.h"

#define TRIES 5
#define FIELDS 4

enum { SAVED = 1, OTHER_VERSION = 0 };

/* KEYS: the hash, the names. ARGV: name, version before, mark, channel, then
 * fields and values. A mark that is there already: it was done, its answer lost. */
static const char save_source[] =
    "if redis.call('HGET', KEYS[1], 'mark') == ARGV[3] then return 1 end\n"
    "local have = redis.call('HGET', KEYS[1], 'version') or '0'\n"
    "if have ~= ARGV[2] then return 0 end\n"
    "redis.call('HSET', KEYS[1], 'mark', ARGV[3], unpack(ARGV, 5))\n"
    "redis.call('SADD', KEYS[2], ARGV[1])\n"
    "redis.call('PUBLISH', ARGV[4], ARGV[1])\n"
    "return 1\n";

bool cg_credential_is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                              "WXYZ0123456789-_.");
    return len > 0 && len <= CG_CREDENTIAL_NAME_MAX && !name[len];
}

bool cg_credential_is_value(cg_str_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c >= 0x7F) {
            return false;
        }
    }
    return value.len > 0 && value.len <= CG_SEAL_PLAIN_MAX;
}

static const char *owner_of(const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "credential:", name, NULL);
}

static cg_str_t key_of(const char *name, apr_pool_t *pool)
{
    cg_str_t part = cg_str(name);
    return cg_keys_make(CG_KEYS_CREDENTIAL, &part, 1, pool);
}

static cg_str_t number(int64_t value, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, value));
}

static bool check_name(const char *name, cg_error_t *err)
{
    if (!cg_credential_is_name(name)) {
        cg_error_set(err,
                     "the name of a credential has 1 to %d letters, digits, "
                     "- _ .",
                     CG_CREDENTIAL_NAME_MAX);
        return false;
    }
    return true;
}

/* ---- reading ------------------------------------------------------------- */

static int64_t number_of(const cg_reply_t *reply)
{
    int64_t value = 0;
    return reply->kind == CG_REPLY_TEXT && cg_parse_count(reply->text, &value)
               ? value
               : 0;
}

static void read_record(const char *name, const cg_reply_t *reply,
                        cg_credential_t *out, apr_pool_t *pool)
{
    *out = (cg_credential_t){.name = name, .sealed = ""};
    if (reply->kind != CG_REPLY_ARRAY || reply->count != FIELDS) {
        return;
    }
    const cg_reply_t *at = reply->items;
    out->version = number_of(&at[1]);
    out->created_at = number_of(&at[2]);
    out->changed_at = number_of(&at[3]);
    if (at[0].kind == CG_REPLY_TEXT && at[0].text.len > 0) {
        out->sealed = at[0].text.ptr;
        out->key_id = cg_seal_key_id(at[0].text, pool);
    }
}

static cg_store_command_t command_for(const char *name, apr_pool_t *pool)
{
    static const char *const fields[FIELDS] = {CG_SEALED_FIELD, "version",
                                               "created_at", "changed_at"};
    cg_str_t *argv = apr_palloc(pool, (2 + FIELDS) * sizeof *argv);
    argv[0] = CG_STR("HMGET");
    argv[1] = key_of(name, pool);
    for (size_t i = 0; i < FIELDS; i++) {
        argv[2 + i] = cg_str(fields[i]);
    }
    return (cg_store_command_t){argv, 2 + FIELDS};
}

apr_status_t cg_credential_fetch(cg_store_t *store, const char *const *names,
                                 size_t count, cg_credential_t *out,
                                 cg_error_t *err, apr_pool_t *pool)
{
    cg_store_command_t *commands =
        apr_pcalloc(pool, (count + 1) * sizeof *commands);
    cg_reply_t *replies = apr_pcalloc(pool, (count + 1) * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        commands[i] = command_for(names[i], pool);
    }
    apr_status_t rv =
        count ? cg_store_pipeline(store, commands, count, replies, err, pool)
              : APR_SUCCESS;
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        if (replies[i].kind == CG_REPLY_ERROR) {
            cg_error_set(err, "a credential cannot be read: %.200s",
                         replies[i].text.ptr);
            return APR_EGENERAL;
        }
        read_record(names[i], &replies[i], &out[i], pool);
    }
    return rv;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const cg_credential_t *)a)->name,
                  ((const cg_credential_t *)b)->name);
}

apr_status_t cg_credential_list(cg_store_t *store, apr_array_header_t **out,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("SMEMBERS"),
                       cg_keys_make(CG_KEYS_CREDENTIAL_NAMES, NULL, 0, pool)};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(store, argv, 2, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_ARRAY) {
        cg_error_set(err, "the names of credentials cannot be read: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no list came back");
        return APR_EGENERAL;
    }
    const char **names = apr_pcalloc(pool, (reply.count + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < reply.count; i++) {
        const char *name = reply.items[i].text.ptr;
        if (name && cg_credential_is_name(name)) {
            names[count++] = name;
        }
    }
    cg_credential_t *all = apr_pcalloc(pool, (count + 1) * sizeof *all);
    rv = cg_credential_fetch(store, names, count, all, err, pool);
    *out = apr_array_make(pool, (int)count + 1, sizeof *all);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        if (all[i].sealed[0]) {
            APR_ARRAY_PUSH(*out, cg_credential_t) = all[i];
        }
    }
    qsort((*out)->elts, (size_t)(*out)->nelts, sizeof *all, by_name);
    return rv;
}

apr_status_t cg_credential_unseal(const cg_sealer_t *sealer,
                                  const cg_credential_t *of, cg_secret_t **out,
                                  cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = cg_unseal(sealer, owner_of(of->name, pool), of->version,
                                cg_str(of->sealed), out, err, pool);
    if (rv == APR_SUCCESS && !cg_credential_is_value(cg_secret_open(*out))) {
        *out = NULL; /* it would end a header early */
        cg_error_set(err, "it is not one line of printable ASCII");
        return APR_EINVAL;
    }
    return rv;
}

/* ---- writing ------------------------------------------------------------- */

/* Writes what out holds in the place of version before. */
static apr_status_t save(cg_store_t *store, const cg_credential_t *record,
                         int64_t before, int64_t *out_answer, cg_error_t *err,
                         apr_pool_t *pool)
{
    unsigned char dice[12];
    char mark[2 * sizeof dice + 1];
    cg_script_t script;
    cg_reply_t reply;
    cg_random(dice, sizeof dice);
    cg_hex_encode(dice, sizeof dice, mark);
    cg_script_init(&script, "save credential", save_source);
    cg_str_t keys[] = {key_of(record->name, pool),
                       cg_keys_make(CG_KEYS_CREDENTIAL_NAMES, NULL, 0, pool)};
    cg_str_t args[] = {cg_str(record->name),
                       number(before, pool),
                       cg_str(mark),
                       cg_keys_make(CG_KEYS_CREDENTIAL_CHANNEL, NULL, 0, pool),
                       CG_STR(CG_SEALED_FIELD),
                       cg_str(record->sealed),
                       CG_STR("version"),
                       number(record->version, pool),
                       CG_STR("created_at"),
                       number(record->created_at, pool),
                       CG_STR("changed_at"),
                       number(record->changed_at, pool)};
    apr_status_t rv =
        cg_store_script(store, &script, keys, 2, args,
                        sizeof args / sizeof args[0], &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind != CG_REPLY_INT) {
        cg_error_set(err, "the script that saves a credential failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no number came back");
        return APR_EGENERAL;
    }
    *out_answer = rv == APR_SUCCESS ? reply.number : OTHER_VERSION;
    return rv;
}

/* Reads, lets apply say what the next version is, and saves; anew when somebody
 * was faster. */
static apr_status_t
change(cg_store_t *store, const char *name,
       apr_status_t (*apply)(cg_credential_t *next, const void *baton,
                             cg_error_t *err, apr_pool_t *pool),
       const void *baton, apr_time_t now, cg_credential_t *out, cg_error_t *err,
       apr_pool_t *pool)
{
    if (!check_name(name, err)) {
        return APR_EINVAL;
    }
    apr_status_t rv = cg_sealed_note(store, key_of(name, pool), err, pool);
    for (int i = 0; i < TRIES && rv == APR_SUCCESS; i++) {
        int64_t answer = OTHER_VERSION;
        rv = cg_credential_fetch(store, &name, 1, out, err, pool);
        int64_t before = out->version;
        if (rv == APR_SUCCESS) {
            out->version = before + 1;
            out->changed_at = now;
            rv = apply(out, baton, err, pool);
        }
        if (rv == APR_SUCCESS) {
            rv = save(store, out, before, &answer, err, pool);
        }
        if (rv != APR_SUCCESS || answer == SAVED) {
            return rv;
        }
    }
    if (rv == APR_SUCCESS) {
        cg_error_set(err,
                     "the credential %s is being changed by others; try "
                     "again",
                     name);
        return APR_EMISMATCH;
    }
    return rv;
}

typedef struct wanted_t {
    const cg_sealer_t *sealer;
    cg_str_t value;
} wanted_t;

static apr_status_t apply_set(cg_credential_t *next, const void *baton,
                              cg_error_t *err, apr_pool_t *pool)
{
    const wanted_t *wanted = baton;
    if (!next->sealed[0]) {
        next->created_at = next->changed_at;
    }
    next->key_id = cg_sealer_key_id(wanted->sealer, 0);
    return cg_seal(wanted->sealer, owner_of(next->name, pool), next->version,
                   wanted->value, &next->sealed, err, pool);
}

apr_status_t cg_credential_set(cg_store_t *store, const cg_sealer_t *sealer,
                               const char *name, cg_str_t value, apr_time_t now,
                               cg_credential_t *out, cg_error_t *err,
                               apr_pool_t *pool)
{
    wanted_t wanted = {sealer, value};
    if (!cg_credential_is_value(value)) {
        cg_error_set(err, "a credential is one line of printable ASCII "
                          "without blanks");
        return APR_EINVAL;
    }
    if (!sealer) { /* before anything is written */
        const char *unused;
        return cg_seal(NULL, "credential", 1, value, &unused, err, pool);
    }
    return change(store, name, apply_set, &wanted, now, out, err, pool);
}

static apr_status_t apply_delete(cg_credential_t *next, const void *baton,
                                 cg_error_t *err, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    if (!next->sealed[0]) {
        cg_error_set(err, "there is no credential %s", next->name);
        return APR_NOTFOUND;
    }
    next->sealed = "";
    next->key_id = NULL;
    return APR_SUCCESS;
}

apr_status_t cg_credential_delete(cg_store_t *store, const char *name,
                                  apr_time_t now, cg_credential_t *out,
                                  cg_error_t *err, apr_pool_t *pool)
{
    return change(store, name, apply_delete, NULL, now, out, err, pool);
}
