/* Which vocabulary does a model read with, and what does its chat add to the texts?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The encodings are those of tiktoken (model.py of 0.14, model_to_encoding.json);
 * 3 and 1 are those of OpenAI's cookbook, "How to count tokens with tiktoken". For
 * models that think nothing was published; 5 and 4 were measured by others
 * (ai-tokenizer 1.0.6), and serve for models of which nothing is known.
 */
#include "chat/vocabulary.h"

#include <string.h>

#define CL CG_ENCODING_CL100K
#define O2 CG_ENCODING_O200K

// clang-format off
static const cg_chat_model_t MODELS[] = {
    { "gpt-3.5-turbo-0301",     CL, 3, 4, -1, true },
    { "gpt-3.5",                CL, 3, 3, 1, true },
    { "gpt-35-turbo",           CL, 3, 3, 1, true }, /* as Azure spells it */
    { "gpt-4o",                 O2, 3, 3, 1, true },
    { "gpt-4.1",                O2, 3, 3, 1, true },
    { "gpt-4.5",                O2, 3, 3, 1, true },
    { "gpt-4",                  CL, 3, 3, 1, true },
    { "chatgpt-4o",             O2, 3, 3, 1, true },
    { "ft:gpt-3.5-turbo",       CL, 3, 3, 1, true },
    { "ft:gpt-4o",              O2, 3, 3, 1, true },
    { "ft:gpt-4.1",             O2, 3, 3, 1, true },
    { "ft:gpt-4",               CL, 3, 3, 1, true },
    { "ft:davinci-002",         CL, 3, 3, 1, true },
    { "ft:babbage-002",         CL, 3, 3, 1, true },
    { "davinci-002",            CL, 3, 3, 1, true },
    { "babbage-002",            CL, 3, 3, 1, true },
    { "text-embedding-3-",      CL, 3, 3, 1, true },
    { "text-embedding-ada-002", CL, 3, 3, 1, true },
    { "gpt-5",                  O2, 5, 4, 1, false },
    { "o1",                     O2, 5, 4, 1, false },
    { "o3",                     O2, 5, 4, 1, false },
    { "o4-mini",                O2, 5, 4, 1, false },
    { "codex-mini",             O2, 5, 4, 1, false },
    { "computer-use-preview",   O2, 5, 4, 1, false },
    { "gpt-oss-",               O2, 5, 4, 1, false }, /* o200k_harmony */
    { "",                       O2, 5, 4, 1, false },
};
// clang-format on

#define MODELS_COUNT (sizeof MODELS / sizeof MODELS[0])

static const cg_chat_model_t *longest(cg_str_t model)
{
    const cg_chat_model_t *best = &MODELS[MODELS_COUNT - 1];
    for (size_t i = 0; i < MODELS_COUNT; i++) {
        if (cg_str_has_prefix(model, MODELS[i].prefix) &&
            strlen(MODELS[i].prefix) > strlen(best->prefix)) {
            best = &MODELS[i];
        }
    }
    return best;
}

const cg_chat_model_t *cg_chat_model_find(cg_str_t model)
{
    const cg_chat_model_t *best = longest(model);
    for (size_t at = model.len; at > 0 && best->prefix[0] == '\0'; at--) {
        if (model.ptr[at - 1] == '/') {
            return longest((cg_str_t){model.ptr + at, model.len - at});
        }
    }
    return best;
}
