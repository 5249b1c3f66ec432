/* Reading audit records for those files of this room that show them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ADMIN_RECORDS_H
#define CG_ADMIN_RECORDS_H

#include "admin/admin_int.h"
#include "audit/ledger.h"

/* NULL: the problem is answered. */
cg_ledger_t *cg_admin_ledger(cg_ask_t *ask);
/* Answers a failure of the ledger; pointer: the parameter that APR_EINVAL means. */
void cg_admin_ledger_refuse(cg_ask_t *ask, apr_status_t rv,
                            const cg_error_t *err, const char *pointer);
/* From the parameters of the same names. */
cg_ledger_filter_t cg_admin_filter(const cg_ask_t *ask);
/* Is it the record of an operator's act? */
bool cg_admin_is_event(const cg_json_t *record);
/* Answers a page. show gives what is shown of a record, NULL leaves it out. */
void cg_admin_list_records(cg_ask_t *ask, cg_ledger_filter_t filter,
                           cg_json_t *(*show)(cg_ask_t *, cg_json_t *));
/* Answers the one record that ask->id names. */
void cg_admin_get_record(cg_ask_t *ask,
                         cg_json_t *(*show)(cg_ask_t *, cg_json_t *));

#endif
