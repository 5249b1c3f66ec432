/* Which vocabulary does a model read with, and what does its chat add to the texts?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CHAT_VOCABULARY_H
#define CG_CHAT_VOCABULARY_H

#include "token/vocabulary.h"

/* One row per beginning of a model's name. */
typedef struct cg_chat_model_t {
    const char *prefix;
    cg_encoding_t encoding;
    int per_answer;  /* tokens before the answer ... */
    int per_message; /* ... around each message */
    int per_name;    /* of a message's author, beside its text */
    bool is_known;   /* that these are what the API counts was published */
} cg_chat_model_t;

/* By the longest row that fits; of "openai/gpt-4o" what follows the last slash
 * counts too. Never NULL: of a model that is in no row nothing is known, and it is
 * counted as o200k_base. */
const cg_chat_model_t *cg_chat_model_find(cg_str_t model);

#endif
