/* What the files that make a vocabulary share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TOKEN_COMPILE_INT_H
#define CG_TOKEN_COMPILE_INT_H

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"

/* All tokens, by their rank. lives in: the pool of the compilation */
typedef struct cg_ranks_t {
    cg_str_t *tokens;
    uint32_t count;
    unsigned char digest[CG_SHA256_BYTES];
    cg_digester_t *digester; /* while they are read */
} cg_ranks_t;

/* Exactly as many ranks as there are to be; tokens of at most CG_TOKEN_BYTES_MAX
 * bytes. */
bool cg_ranks_read(cg_str_t json, uint32_t most, cg_ranks_t *out,
                   cg_error_t *err, apr_pool_t *pool);

/* lives in: the pool of the compilation */
typedef struct cg_trie_t {
    uint32_t *nodes;
    uint32_t *ids; /* of nodes at which a token ends */
    uint32_t count;
} cg_trie_t;

void cg_trie_build(const cg_ranks_t *ranks, cg_trie_t *out, apr_pool_t *pool);

#endif
