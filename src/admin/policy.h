/* What the policy_*.c files of this room share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * policy_store.c keeps versions in Redis, policy_check.c reads a document and
 * tells what it changes, policy_versions.c answers for versions, and
 * policy_catalogue.c says what a document may speak of.
 */
#ifndef CG_ADMIN_POLICY_H
#define CG_ADMIN_POLICY_H

#include "admin/admin_int.h"
#include "redact/document.h"

/* lives in: the call's pool */
typedef struct cg_version_t {
    int64_t version;
    int64_t base_version; /* 0: none */
    int64_t restores;     /* of what version it has the document; 0: its own */
    int64_t revision;     /* of this record; its ETag */
    const char *state;
    const char *author;
    const char *note;
    const char *decided_by; /* "": nobody */
    const char *decision_note;
    bool loosens;
    apr_time_t created_at;
    apr_time_t decided_at;   /* 0: not yet */
    apr_time_t published_at; /* 0: never */
    const char *token;       /* of the call that is made now */
    cg_str_t digest;         /* hex */
    cg_str_t document;       /* JSON */
    cg_str_t changes;        /* JSON, against its base */
} cg_version_t;

/* ---- policy_store.c: each answers the problem itself when it says false ---- */

/* The version in force by the store; 0: none was published. */
bool cg_admin_policy_current(cg_ask_t *ask, int64_t *out_version);
/* is_whole: with document and changes. *out_found false: there is none. */
bool cg_admin_policy_load(cg_ask_t *ask, int64_t version, bool is_whole,
                          cg_version_t *out, bool *out_found);
/* Newest first, before a number (0: from the newest). */
bool cg_admin_policy_list(cg_ask_t *ask, int64_t before, size_t limit,
                          cg_version_t **out, size_t *out_count);
/* Fills version->version; state must be published or pending. */
bool cg_admin_policy_create(cg_ask_t *ask, cg_version_t *version);
/* decision: approved, rejected, withdrawn. Fills version->token. */
bool cg_admin_policy_decide(cg_ask_t *ask, cg_version_t *version,
                            const char *decision, const char *note);
/* Takes back what token did; the reply stays as it is. */
void cg_admin_policy_undo(cg_ask_t *ask, const cg_version_t *version);

/* ---- policy_check.c ---- */

/* What is known here of packs and rules: of the configuration. */
const cg_rules_t *cg_admin_policy_known(const cg_ask_t *ask);
/* The document of a version; the empty one when there is none or it cannot be
 * read any more. */
void cg_admin_policy_document(cg_ask_t *ask, const cg_version_t *version,
                              cg_document_t *out);
/* Each of the three: false, and why in faults. Reads a document. */
bool cg_admin_policy_read(cg_ask_t *ask, const cg_json_t *json,
                          cg_document_t *out, apr_array_header_t *faults);
/* Can each list and pattern be compiled? In bounded time. */
bool cg_admin_policy_prove(cg_ask_t *ask, const cg_document_t *document,
                           apr_array_header_t *faults);
/* Compiles with the rules of the configuration. Of few patterns each one is
 * looked at alone only when that fails. */
bool cg_admin_policy_compile(cg_ask_t *ask, const cg_document_t *document,
                             cg_rules_t **out, apr_array_header_t *faults);
/* Puts faults into ask->errors, their pointers below "/document", and answers
 * 400. */
void cg_admin_policy_refuse(cg_ask_t *ask, const apr_array_header_t *faults);

#endif
