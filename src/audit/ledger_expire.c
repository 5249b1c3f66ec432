/* The ledger that keeps the audit records: removing what has outlived its keep.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/ledger.h"
#include "audit/ledger_int.h"

#include <inttypes.h>

#include <apr_strings.h>

#include "store/keys.h"

#define BATCH 500 /* entries in one script: about a millisecond */
#define BATCHES 4 /* of one list in one call */
#define LISTS_MAX 512

cg_str_t cg_ledger_keep_key(cg_str_t node, cg_str_t seconds, apr_pool_t *pool)
{
    cg_str_t parts[] = {node, seconds};
    return cg_keys_make(CG_KEYS_AUDIT_KEEP, parts, 2, pool);
}

cg_str_t cg_ledger_keep_name(cg_str_t node, cg_str_t seconds, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%.*s:%.*s", (int)node.len, node.ptr,
                               (int)seconds.len, seconds.ptr));
}

/* "<node>:<seconds>" */
static bool read_name(cg_str_t name, cg_str_t *out_node, cg_str_t *out_seconds)
{
    size_t skip = CG_JOURNAL_NODE_LEN + 1;
    int64_t seconds;
    if (name.len <= skip || name.ptr[CG_JOURNAL_NODE_LEN] != ':') {
        return false;
    }
    *out_node = (cg_str_t){name.ptr, CG_JOURNAL_NODE_LEN};
    *out_seconds = (cg_str_t){name.ptr + skip, name.len - skip};
    return cg_ledger_is_node(*out_node) &&
           cg_parse_count(*out_seconds, &seconds);
}

static apr_status_t expire_list(cg_ledger_t *ledger, cg_str_t name,
                                apr_time_t now, size_t *out_removed,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t node, seconds;
    if (!read_name(name, &node, &seconds)) {
        return APR_SUCCESS; /* not ours */
    }
    cg_str_t keys[] = {cg_ledger_stream_key(node, pool),
                       cg_ledger_keep_key(node, seconds, pool),
                       cg_keys_make(CG_KEYS_AUDIT_KEEPS, NULL, 0, pool)};
    cg_str_t args[] = {cg_str(apr_psprintf(pool, "%" PRId64, now)),
                       cg_str(apr_itoa(pool, BATCH)), name};
    int64_t left = BATCH;
    for (int i = 0; i < BATCHES && left == BATCH; i++) {
        cg_reply_t reply;
        apr_status_t status =
            cg_store_script(ledger->store, &ledger->expire, keys, 3, args, 3,
                            &reply, err, pool);
        if (status != APR_SUCCESS) {
            return status;
        }
        if (reply.kind != CG_REPLY_ARRAY || reply.count != 2) {
            cg_error_set(err, "audit ledger: the store does not let records "
                              "expire");
            return APR_EGENERAL;
        }
        left = reply.items[0].number;
        *out_removed += (size_t)reply.items[1].number;
    }
    return APR_SUCCESS;
}

apr_status_t cg_ledger_expire(cg_ledger_t *ledger, apr_time_t now,
                              bool is_of_all, size_t *out_removed,
                              cg_error_t *err, apr_pool_t *pool)
{
    *out_removed = 0;
    cg_str_t argv[] = {CG_STR("SMEMBERS"),
                       cg_keys_make(CG_KEYS_AUDIT_KEEPS, NULL, 0, pool)};
    cg_reply_t lists;
    apr_status_t status = cg_ledger_call(ledger, argv, 2, &lists, err, pool);
    for (size_t i = 0;
         status == APR_SUCCESS && i < lists.count && i < LISTS_MAX; i++) {
        cg_str_t name = lists.items[i].text;
        bool is_own = ledger->node && cg_str_has_prefix(name, ledger->node);
        if (is_of_all || is_own) {
            status = expire_list(ledger, name, now, out_removed, err, pool);
        }
    }
    return status;
}
