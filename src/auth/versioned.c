/* A record of the store that is changed only by who has seen its last version.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/versioned.h"

#include <apr_strings.h>

#include "auth/apikey.h"
#include "base/clock.h"
#include "base/digest.h"

#define MARK_BYTES 12

enum {
    SAVED = 1,
    NOT_THERE = 0,
    OTHER_VERSION = -2
}; /* else: the id is taken */

const char cg_versioned_source[] =
    "local have = redis.call('HGET', KEYS[1], 'version')\n"
    "if redis.call('HGET', KEYS[1], 'mark') == ARGV[3] then return 1 end\n"
    "if ARGV[2] == '0' and have then return -1 end\n"
    "if ARGV[2] ~= '0' and not have then return 0 end\n"
    "if have and have ~= ARGV[2] then return -2 end\n"
    "redis.call('HSET', KEYS[1], 'mark', ARGV[3], unpack(ARGV, 5))\n"
    "redis.call('PUBLISH', ARGV[4], ARGV[1])\n"
    "return 1\n";

void cg_versioned_begin(cg_str_t args[CG_VERSIONED_ARGS], const char *id,
                        int64_t before, apr_pool_t *pool)
{
    unsigned char dice[MARK_BYTES];
    char *mark = apr_palloc(pool, 2 * sizeof dice + 1);
    cg_random_id(dice, sizeof dice);
    cg_hex_encode(dice, sizeof dice, mark);
    args[0] = cg_str(id);
    args[1] = cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, before));
    args[2] = cg_str(mark);
    args[3] = CG_STR(CG_KEY_CHANNEL);
}

cg_str_t cg_versioned_time(apr_time_t at, apr_pool_t *pool)
{
    char *text = apr_pcalloc(pool, 25);
    if (at) {
        cg_clock_rfc3339(at, text);
    }
    return cg_str(text);
}

size_t cg_versioned_put(cg_str_t *out, size_t at, const char *name,
                        cg_str_t value)
{
    out[at] = cg_str(name);
    out[at + 1] = value;
    return at + 2;
}

apr_status_t cg_versioned_stale(const char *what, const char *id,
                                cg_error_t *err)
{
    cg_error_set(err, "the %s %.64s was changed meanwhile; read it again", what,
                 id);
    return APR_EMISMATCH;
}

static apr_status_t status_of(int64_t answer, const char *what, const char *id,
                              cg_error_t *err)
{
    switch (answer) {
    case SAVED:
        return APR_SUCCESS;
    case NOT_THERE:
        cg_error_set(err, "there is no %s with the id %.64s", what, id);
        return APR_NOTFOUND;
    case OTHER_VERSION:
        return cg_versioned_stale(what, id, err);
    default:
        cg_error_set(err, "there is a %s with the id %.64s already", what, id);
        return APR_EEXIST;
    }
}

apr_status_t cg_versioned_save(cg_store_t *store, const cg_script_t *script,
                               cg_str_t hash, const cg_str_t *args,
                               size_t count, const char *what, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_reply_t reply;
    apr_status_t rv = cg_store_script(store, script, &hash, 1, args, count,
                                      &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_INT) {
        cg_error_set(err, "the script that saves a %s failed: %.200s", what,
                     reply.text.ptr ? reply.text.ptr : "no number came back");
        return APR_EGENERAL;
    }
    return status_of(reply.number, what, args[0].ptr, err);
}
