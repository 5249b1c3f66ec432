/* A detector outside: a service that finds names and addresses in texts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All texts of a request that nothing is known of go to it in one call, or a few
 * if they are large; docs/manual/detector.md is the contract. An answer that is
 * late, broken or speaks of places that are not there is no answer: the place says
 * whether the request is then refused or goes on with our own findings. A service
 * that is dead is not asked again by each request: a breaker (store/breaker.h),
 * shared by all children, lets one through now and then.
 */
#ifndef CG_FLOW_EXTERNAL_H
#define CG_FLOW_EXTERNAL_H

#include <apr_tables.h>

#include "base/error.h"
#include "redact/scan.h"
#include "store/breaker.h"

#define CG_EXTERNAL_BREAKERS 16 /* services, by their URL */
#define CG_EXTERNAL_POST_MAX ((size_t)512 * 1024)
#define CG_EXTERNAL_BYTES_MAX ((size_t)8 * 1024 * 1024) /* of a request */

/* ChatGPTDetector, read. */
typedef struct cg_external_spec_t {
    const char *url;    /* NULL: off */
    const char *socket; /* path of a socket; NULL: none */
    apr_time_t wait;
    bool is_open; /* what it does not answer for passes on our own findings */
} cg_external_spec_t;

/* Reads the words of the directive; they live in pool. NULL or "off": off. */
bool cg_external_read(const apr_array_header_t *words, cg_external_spec_t *out,
                      cg_error_t *err, apr_pool_t *pool);

/* lives in: the request's pool */
typedef struct cg_external_t cg_external_t;

/* breakers: CG_EXTERNAL_BREAKERS of them in shared memory, or NULL. */
cg_external_t *cg_external_open(const cg_external_spec_t *spec,
                                cg_breaker_t *breakers, const char *request_id,
                                apr_pool_t *pool);
/* What tells its findings from those of another service, or of none. */
uint64_t cg_external_id(const cg_external_t *external);

/* Notes what is known of a text already; copies. */
void cg_external_know(cg_external_t *external, cg_str_t name, cg_str_t text,
                      const cg_findings_t *findings);
/* Notes a text that has to be asked about; borrows it. */
void cg_external_want(cg_external_t *external, cg_str_t name, cg_str_t text);

typedef enum cg_external_status_t {
    CG_EXTERNAL_OK,      /* answered, or there was nothing to ask */
    CG_EXTERNAL_ERROR,   /* err tells, without a word of the texts */
    CG_EXTERNAL_TIMEOUT, /* likewise */
    CG_EXTERNAL_SKIPPED  /* the breaker is open: it was not asked */
} cg_external_status_t;

/* Asks. *out_asked: how many calls were made. */
cg_external_status_t cg_external_ask(cg_external_t *external, int *out_asked,
                                     cg_error_t *err);

/* All findings of a text as noted with know; NULL: nothing was. */
const cg_findings_t *cg_external_known(const cg_external_t *external,
                                       cg_str_t name, cg_str_t text);
/* The detector's findings in a text, ascending; NULL: it was not asked. */
const cg_findings_t *cg_external_found(const cg_external_t *external,
                                       cg_str_t name, cg_str_t text);

#endif
