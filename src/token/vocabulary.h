/* A vocabulary of OpenAI's: a file that is mapped once and shared.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files are made from the npm package tiktoken when the module is built (see
 * compile.h). A vocabulary is never changed, so any number of threads may ask it.
 */
#ifndef CG_TOKEN_VOCABULARY_H
#define CG_TOKEN_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/error.h"
#include "base/text.h"

/* o200k_harmony has further special tokens, but cuts ordinary text as o200k_base
 * does: they are one vocabulary here. */
typedef enum cg_encoding_t {
    CG_ENCODING_CL100K,
    CG_ENCODING_O200K,
    CG_ENCODING_COUNT,
    CG_ENCODING_NONE = CG_ENCODING_COUNT
} cg_encoding_t;

typedef struct cg_encoding_row_t {
    const char *name;   /* as tiktoken calls it */
    const char *sha256; /* of the ranks, as tiktoken publishes it */
    uint32_t tokens;
} cg_encoding_row_t;

extern const cg_encoding_row_t cg_encodings[CG_ENCODING_COUNT];

/* By name; o200k_harmony is o200k_base. */
cg_encoding_t cg_encoding_find(cg_str_t name);

typedef struct cg_vocabulary_t cg_vocabulary_t;

/* Those that could be opened; NULL for the others. */
typedef struct cg_vocabularies_t {
    const cg_vocabulary_t *of[CG_ENCODING_COUNT];
} cg_vocabularies_t;

/* Maps <folder>/<name>.tokens. Fails when it is missing, cut short, or made from
 * other ranks than the published ones; the words say which and what to do. What
 * stands in it is believed: cg_vocabulary_is_sound reads all of it. */
apr_status_t cg_vocabulary_open(const char *folder, cg_encoding_t encoding,
                                const cg_vocabulary_t **out, cg_error_t *err,
                                apr_pool_t *pool);
/* Are the bytes of the file those that were written? Takes some 20 ms. */
bool cg_vocabulary_is_sound(const cg_vocabulary_t *vocabulary);
cg_encoding_t cg_vocabulary_encoding(const cg_vocabulary_t *vocabulary);

#endif
