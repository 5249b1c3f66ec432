/* Issuers: whose tokens are accepted, for whom, and with which keys.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   ChatGPTIssuer corp issuer=https://idp.example audience=gateway
 *                 jwks=https://idp.example/keys algorithms=RS256
 *
 * The rows are of the configuration. The keys of an issuer with an URL come and
 * go (flow/keysets.h); so what is in force is a set of rows and keys that is swapped
 * whole (flow/gateway.h).
 */
#ifndef CG_AUTH_ISSUERS_H
#define CG_AUTH_ISSUERS_H

#include <apr_tables.h>
#include <apr_time.h>

#include "auth/jwk.h"
#include "base/share.h"

#define CG_ISSUERS_MAX 32
#define CG_ISSUER_LEEWAY_DEFAULT apr_time_from_sec(60)
#define CG_ISSUER_LEEWAY_MAX apr_time_from_sec(300)

/* lives in: configuration pool · const */
typedef struct cg_issuer_t {
    int index;
    const char *name;
    const char *issuer; /* iss, to the letter */
    const char *const *audiences;
    size_t audiences_count;
    cg_sig_alg_t algs[CG_SIG_COUNT]; /* preferred first, CG_SIG_NONE behind */
    apr_time_t leeway;
    const char *from; /* as it was written: "https://…", "file:/…" */
    bool is_fetched;  /* from is an URL */
    bool is_secret;   /* secret=, for HS algorithms */
    const cg_jwk_set_t *fixed; /* of a file; NULL when it is fetched */
} cg_issuer_t;

/* lives in: configuration pool · const */
typedef struct cg_issuer_rows_t {
    const cg_issuer_t *rows;
    size_t count;
    unsigned char digest[32]; /* of all that was written, and of the files */
} cg_issuer_rows_t;

/* What the children share of one issuer: atomic words. Zeroed at first. */
typedef struct cg_issuer_shared_t {
    volatile int64_t serial; /* moves when there is another set on the disk */
    volatile int64_t wanted_at; /* when a token named a key that is not there */
    volatile int64_t ordered_at;  /* when an operator wanted them fetched */
    volatile int64_t tried_at;    /* when they were last fetched, or not */
    volatile int64_t required_at; /* the same, because of wanted_at */
} cg_issuer_shared_t;

/* What is in force. lives in: a pool of its own · const once swapped in */
typedef struct cg_issuers_t {
    const cg_issuer_rows_t *of;
    const cg_jwk_set_t **sets;       /* by row; NULL: none was ever had */
    int64_t serials[CG_ISSUERS_MAX]; /* of what is in sets */
    /* Of rows and keys, the same in every child that has the same: what was
     * verified under another one is verified again. */
    uint64_t mark;
    cg_issuer_shared_t *shared; /* by row; NULL: nobody else (tools, tests) */
    cg_cache_t *verified;       /* shared by all children; NULL: none */
} cg_issuers_t;

/* Reads the rows of ChatGPTIssuer (arrays of words) and the files they name.
 * root_of makes a path absolute. False, and words naming the issuer. */
bool cg_issuers_read(const apr_array_header_t *rows,
                     const char *(*root_of)(const char *path, apr_pool_t *pool),
                     cg_issuer_rows_t *out, cg_error_t *err, apr_pool_t *pool);
const cg_issuer_t *cg_issuers_find(const cg_issuer_rows_t *rows,
                                   const char *name);

/* Rows and their fixed keys; those that are fetched have none yet. Keeps what it
 * is given. */
cg_issuers_t *cg_issuers_make(const cg_issuer_rows_t *rows,
                              cg_issuer_shared_t *shared, cg_cache_t *verified,
                              apr_pool_t *pool);

/* Size of a value in the cache of verified tokens. */
size_t cg_issuers_value_bytes(void);

#endif
