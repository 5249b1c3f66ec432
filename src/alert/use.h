/* Use: sums of what keys and teams use, on the way from requests to the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * At its end a request adds to the words of its key, its team and of all, in memory
 * that all children share. One thread of the server takes what came together and
 * adds it to the sums of the hour in the store, which all servers share; what the
 * sums are then comes back in the same answer. What a server had not handed on when
 * its machine died is lost: some seconds of statistics.
 *
 * Bounded: CG_USE_SUBJECTS at once; one that was not used for an hour gives up its
 * place. While all are in use a further one is not summed up here.
 */
#ifndef CG_ALERT_USE_H
#define CG_ALERT_USE_H

#include "alert/baseline.h"
#include "store/store.h"

#define CG_USE_SUBJECTS 8192
#define CG_USE_NAME_MAX 64

typedef enum cg_use_kind_t {
    CG_USE_OF_KEY,
    CG_USE_OF_TEAM,
    CG_USE_OF_ALL /* the name is empty */
} cg_use_kind_t;

typedef struct cg_use_table_t cg_use_table_t;

size_t cg_use_bytes(void);
/* Over zeroed memory, 64-byte aligned, or what an earlier attach left. */
cg_use_table_t *cg_use_attach(void *memory, apr_pool_t *pool);

/* Longer names than CG_USE_NAME_MAX and empty ones are not summed up. */
void cg_use_note(cg_use_table_t *table, cg_use_kind_t kind, cg_str_t name,
                 const cg_use_sums_t *sums, apr_time_t now);

/* What was taken of one subject: the sums of its hour now, on all servers. */
typedef struct cg_used_t {
    size_t index; /* the place in the table, below CG_USE_SUBJECTS */
    cg_use_kind_t kind;
    char name[CG_USE_NAME_MAX + 1];
    cg_use_sums_t hour_sums;
} cg_used_t;

/* Hands on what came together, from place *from on; moves it. out has room for most.
 * What could not be handed on stays. */
apr_status_t cg_use_flush(cg_use_table_t *table, cg_store_t *store,
                          int64_t hour, size_t *from, cg_used_t *out,
                          size_t most, size_t *out_count, cg_error_t *err,
                          apr_pool_t *pool);

/* ---- in the store ----------------------------------------------------------- */

/* "k", "t" and "a" in the names of fields and keys. */
char cg_use_kind_letter(cg_use_kind_t kind);

/* Baselines of subjects, an empty one where none is kept. */
apr_status_t cg_use_load(cg_store_t *store, const cg_used_t *subjects,
                         size_t count, cg_baseline_t *out, cg_error_t *err,
                         apr_pool_t *pool);
apr_status_t cg_use_save(cg_store_t *store, const cg_used_t *subjects,
                         size_t count, const cg_baseline_t *baselines,
                         cg_error_t *err, apr_pool_t *pool);
/* Some of the subjects of an hour with their sums; *cursor "0" begins, and is "0"
 * when all were given. A subject may be given twice. out: of cg_used_t. */
apr_status_t cg_use_scan(cg_store_t *store, int64_t hour, const char **cursor,
                         apr_array_header_t **out, cg_error_t *err,
                         apr_pool_t *pool);

#endif
