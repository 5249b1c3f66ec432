/* Keys issued and changed by lines of CSV.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyimport.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/apikey_int.h"
#include "auth/keyrecord.h"
#include "auth/versioned.h"
#include "base/digest.h"
#include "store/keys.h"

const char *cg_key_result_name(cg_key_result_t result)
{
    static const char *const names[CG_KEY_RESULT_COUNT] = {
        [CG_KEY_CREATED] = "created", [CG_KEY_UPDATED] = "updated",
        [CG_KEY_ENDED] = "revoked",   [CG_KEY_UNCHANGED] = "unchanged",
        [CG_KEY_FAILED] = "failed",
    };
    return names[result];
}

/* ---- one line --------------------------------------------------------------- */

static void fail(cg_key_import_t *out, const char *words)
{
    out->result = CG_KEY_FAILED;
    cg_error_set(&out->err, "%.300s", words);
}

static bool is_same(const cg_key_t *a, const cg_key_t *b, apr_pool_t *pool)
{
    cg_str_t of_a[2 * CG_KEYRECORD_FIELDS], of_b[2 * CG_KEYRECORD_FIELDS];
    size_t count = cg_keyrecord_write(a, of_a, pool);
    cg_keyrecord_write(b, of_b, pool);
    for (size_t i = 0; i < count; i++) {
        if (!cg_str_equal(of_a[i], of_b[i])) {
            return false;
        }
    }
    return true;
}

/* Rotating and expired follow from the clock: they say nothing to be done. */
static bool take_state(const char *state, cg_key_t *key, cg_error_t *err)
{
    cg_key_state_t found;
    if (!state || !state[0] || strcmp(state, "expired") == 0) {
        return true;
    }
    if (strcmp(state, "rotating") == 0) {
        state = "active";
    }
    if (!cg_key_state_find(cg_str(state), &found)) {
        cg_error_set(err, "state must be active, suspended or revoked");
        return false;
    }
    key->state = (uint8_t)found;
    return true;
}

static void plan_new(const cg_keycsv_t *csv, const cg_keycsv_row_t *row,
                     apr_time_t now, cg_key_import_t *out, apr_pool_t *pool)
{
    cg_key_t *key = &out->after;
    key->state = CG_KEY_STATE_ACTIVE;
    if (!cg_keycsv_apply(csv, row, key, &out->err, pool) ||
        !take_state(row->state, key, &out->err)) {
        return;
    }
    if (key->state == CG_KEY_STATE_REVOKED) {
        fail(out, "a new key is active or suspended");
        return;
    }
    if (key->expires_at && key->expires_at <= now) {
        fail(out, "expires_at must lie in the future");
        return;
    }
    out->result = CG_KEY_CREATED;
}

static void plan_change(const cg_keycsv_t *csv, const cg_keycsv_row_t *row,
                        cg_key_import_t *out, apr_pool_t *pool)
{
    cg_key_t *key = &out->after;
    *key = out->before;
    if (!cg_keycsv_apply(csv, row, key, &out->err, pool) ||
        !take_state(row->state, key, &out->err)) {
        return;
    }
    if (is_same(&out->before, key, pool)) {
        out->result = CG_KEY_UNCHANGED;
        return;
    }
    if (out->before.state == CG_KEY_STATE_REVOKED) {
        fail(out, "the key is revoked for good");
        return;
    }
    out->result =
        key->state == CG_KEY_STATE_REVOKED ? CG_KEY_ENDED : CG_KEY_UPDATED;
}

void cg_keyimport_plan(cg_keyring_t *ring, const cg_keycsv_t *csv,
                       const cg_keycsv_row_t *row, apr_time_t now,
                       cg_key_import_t *out, apr_pool_t *pool)
{
    memset(out, 0, sizeof *out);
    out->result = CG_KEY_FAILED;
    if (row->fault) {
        fail(out, row->fault);
        return;
    }
    if (!row->id[0]) {
        plan_new(csv, row, now, out, pool);
        return;
    }
    apr_status_t rv =
        cg_apikey_get(ring, row->id, &out->before, &out->err, pool);
    if (rv == APR_SUCCESS) {
        out->has_before = true;
        plan_change(csv, row, out, pool);
    }
    else if (APR_STATUS_IS_NOTFOUND(rv)) {
        fail(out, "there is no key with this id; leave it empty to make one");
    }
}

void cg_keyimport_do(cg_keyring_t *ring, apr_time_t now, cg_key_import_t *plan,
                     apr_pool_t *pool)
{
    cg_key_t wanted = plan->after;
    apr_status_t rv = APR_SUCCESS;
    switch (plan->result) {
    case CG_KEY_CREATED:
        rv = cg_apikey_create(ring, &wanted, now, &plan->after, plan->spelled,
                              &plan->err, pool);
        break;
    case CG_KEY_UPDATED:
        rv = cg_apikey_update(ring, &wanted, &plan->after, &plan->err, pool);
        break;
    case CG_KEY_ENDED:
        rv = cg_apikey_revoke(ring, wanted.id, &plan->after, &plan->err, pool);
        break;
    default:
        break;
    }
    if (rv != APR_SUCCESS) {
        plan->result = CG_KEY_FAILED;
    }
}

/* ---- many at once --------------------------------------------------------------- */

/* The places in both indexes, in one command each; they come before the keys. */
static apr_status_t index_all(cg_keyring_t *ring, const cg_key_t *keys,
                              size_t count, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t *time = apr_palloc(pool, (2 + 2 * count) * sizeof *time);
    cg_str_t *expiry = apr_palloc(pool, (2 + 2 * count) * sizeof *expiry);
    size_t times = 0, expiries = 0;
    time[times++] = CG_STR("ZADD");
    time[times++] = cg_keys_make(CG_KEYS_KEY_INDEX, NULL, 0, pool);
    expiry[expiries++] = CG_STR("ZADD");
    expiry[expiries++] = cg_keys_make(CG_KEYS_KEY_EXPIRY, NULL, 0, pool);
    for (size_t i = 0; i < count; i++) {
        time[times++] = CG_STR("0");
        time[times++] = cg_keyring_member(keys[i].created_at, keys[i].id, pool);
        if (keys[i].expires_at) {
            expiry[expiries++] = CG_STR("0");
            expiry[expiries++] =
                cg_keyring_member(keys[i].expires_at, keys[i].id, pool);
        }
    }
    cg_store_command_t commands[] = {{time, times}, {expiry, expiries}};
    cg_reply_t replies[2];
    size_t used = expiries > 2 ? 2 : 1;
    apr_status_t rv =
        cg_store_pipeline(ring->store, commands, used, replies, err, pool);
    for (size_t i = 0; i < used && rv == APR_SUCCESS; i++) {
        if (replies[i].kind == CG_REPLY_ERROR) {
            cg_error_set(err, "the index of keys cannot be written: %.200s",
                         replies[i].text.ptr);
            return APR_EGENERAL;
        }
    }
    return rv;
}

/* The run of the script that saves a new key. */
static void write_run(const cg_keyring_t *ring, cg_key_t *key,
                      cg_store_run_t *out, apr_pool_t *pool)
{
    cg_str_t *args = apr_palloc(
        pool, (CG_VERSIONED_ARGS + 2 * CG_KEYRECORD_FIELDS) * sizeof *args);
    cg_str_t *hash = apr_palloc(pool, sizeof *hash);
    cg_str_t id = cg_str(key->id);
    key->version = 1;
    *hash = cg_keys_make(CG_KEYS_KEY, &id, 1, pool);
    cg_versioned_begin(args, key->id, 0, pool);
    size_t count = CG_VERSIONED_ARGS;
    cg_str_t fields[2 * CG_KEYRECORD_FIELDS];
    size_t all = cg_keyrecord_write(key, fields, pool);
    for (size_t i = 0; i < all; i += 2) {
        if (fields[i + 1].len) { /* what is not there is empty */
            args[count++] = fields[i];
            args[count++] = fields[i + 1];
        }
    }
    *out = (cg_store_run_t){&ring->save, hash, 1, args, count};
}

/* Ids have 40 random bits: among a million keys some two would be the same. */
static apr_status_t save_all(cg_keyring_t *ring, cg_key_t *keys, size_t count,
                             bool *out_was_taken, cg_error_t *err,
                             apr_pool_t *pool)
{
    cg_store_run_t *runs = apr_palloc(pool, (count + 1) * sizeof *runs);
    cg_reply_t *replies = apr_palloc(pool, (count + 1) * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        write_run(ring, &keys[i], &runs[i], pool);
    }
    apr_status_t rv =
        cg_store_scripts(ring->store, runs, count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        const cg_reply_t *reply = &replies[i];
        if (reply->kind != CG_REPLY_INT) {
            cg_error_set(err, "a key was not saved: %.200s",
                         reply->text.ptr ? reply->text.ptr : "no number");
            return APR_EGENERAL;
        }
        out_was_taken[i] = reply->number != 1;
    }
    return rv;
}

apr_status_t cg_apikey_create_many(cg_keyring_t *ring, const cg_key_t *wanted,
                                   size_t count, apr_time_t now, cg_key_t *out,
                                   char (*out_spelled)[CG_KEY_SPELLED_LEN + 1],
                                   cg_error_t *err, apr_pool_t *pool)
{
    bool was_taken[CG_KEY_BULK_MAX] = {false};
    if (count > CG_KEY_BULK_MAX) {
        return APR_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        memset(&out[i], 0, sizeof out[i]);
        cg_key_copy_wanted(&out[i], &wanted[i]);
        out[i].created_at = now - now % 1000;
        cg_keyring_issue(ring, &out[i], out_spelled[i]);
    }
    apr_status_t rv = index_all(ring, out, count, err, pool);
    if (rv == APR_SUCCESS) {
        rv = save_all(ring, out, count, was_taken, err, pool);
    }
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        if (was_taken[i]) {
            rv = cg_apikey_create(ring, &wanted[i], now, &out[i],
                                  out_spelled[i], err, pool);
        }
    }
    if (rv != APR_SUCCESS) {
        cg_wipe(out_spelled, count * sizeof *out_spelled);
    }
    return rv;
}
