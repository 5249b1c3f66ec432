/* The vocabularies that the build has made, and texts with their tokens.
 * SPDX-License-Identifier: Apache-2.0
 *
 * CG_TOKENS names their folder; make unit sets it.
 */
#ifndef CG_TESTS_TOKEN_FIXTURE_H
#define CG_TESTS_TOKEN_FIXTURE_H

#include "rows.h"
#include "token/count.h"

static inline const cg_vocabulary_t *open_vocabulary(cg_encoding_t encoding,
                                                     apr_pool_t *pool)
{
    const cg_vocabulary_t *vocabulary = NULL;
    const char *folder = getenv("CG_TOKENS");
    cg_error_t err = {""};
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    CU_ASSERT_EQUAL_FATAL(
        cg_vocabulary_open(folder, encoding, &vocabulary, &err, pool),
        APR_SUCCESS);
    return vocabulary;
}

/* A small generator: the same texts in every run. */
static inline uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % below);
}

#endif
