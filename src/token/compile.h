/* Makes the file of a vocabulary from the ranks that OpenAI publishes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs when the module is built, never on a server.
 */
#ifndef CG_TOKEN_COMPILE_H
#define CG_TOKEN_COMPILE_H

#include "token/vocabulary.h"

/* json: encoders/<name>.json of the npm package tiktoken. Its ranks, written as
 * OpenAI writes them, must have the published SHA-256; else nothing is made. */
apr_status_t cg_vocabulary_compile(cg_encoding_t encoding, cg_str_t json,
                                   cg_buf_t *out, cg_error_t *err,
                                   apr_pool_t *pool);

#endif
