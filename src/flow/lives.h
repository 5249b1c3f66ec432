/* A request's place in the live table, on its walk.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From before it is admitted until its record is written, what is known of a request
 * stands where other processes find it: if this one is killed, one of them settles
 * and records it (keeper_quota.c). A request without a limit has no place.
 */
#ifndef CG_FLOW_LIVES_H
#define CG_FLOW_LIVES_H

#include "flow/txn.h"
#include "quota/live.h"

/* Who asks, as it stands in the place: short, and cut where it is too long. */
typedef struct cg_lives_note_t {
    apr_time_t at;         /* wall clock */
    apr_time_t started_at; /* monotonic */
    uint8_t endpoint;      /* cg_endpoint_t */
    bool is_stream;
    char id[CG_QUOTA_ID_MAX + 1];
    char key_id[40];
    char key_name[64];
    char team[64];
    char user[96];
    char address[48];
    char vhost[72];
    char model[72];
} cg_lives_note_t;

/* Before the store is asked; what an earlier asking took is left. */
void cg_lives_begin(cg_txn_t *txn);
/* Refused. */
void cg_lives_leave(cg_txn_t *txn);
/* An upstream is about to get it. */
void cg_lives_sent(cg_txn_t *txn);
/* More of the answer has come. */
void cg_lives_heard(cg_txn_t *txn);
/* Its bill is known, and not recorded yet. */
void cg_lives_billed(cg_txn_t *txn, const cg_quota_bill_t *bill);
void cg_lives_recorded(cg_txn_t *txn, bool is_journaled);

#endif
