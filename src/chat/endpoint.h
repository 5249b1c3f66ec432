/* The endpoints of the API that the gateway understands, one row each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A path that is no row here is 404: nothing passes uninspected. The same path may
 * have a row for each method. Left out on purpose: POST /uploads and its parts,
 * where a file's size is said before and a value may be cut between two requests.
 */
#ifndef CG_CHAT_ENDPOINT_H
#define CG_CHAT_ENDPOINT_H

#include <stdbool.h>

#include "base/text.h"

typedef enum cg_endpoint_t {
    CG_ENDPOINT_CHAT,
    CG_ENDPOINT_COMPLETIONS,
    CG_ENDPOINT_RESPONSES,
    CG_ENDPOINT_EMBEDDINGS,
    CG_ENDPOINT_MODELS,
    CG_ENDPOINT_MODEL,
    CG_ENDPOINT_MODERATIONS,
    CG_ENDPOINT_SPEECH,
    CG_ENDPOINT_TRANSCRIPTIONS,
    CG_ENDPOINT_TRANSLATIONS,
    CG_ENDPOINT_IMAGES,
    CG_ENDPOINT_IMAGE_EDITS,
    CG_ENDPOINT_IMAGE_VARIATIONS,
    CG_ENDPOINT_FILE_UPLOAD,
    CG_ENDPOINT_FILES,
    CG_ENDPOINT_FILE,
    CG_ENDPOINT_FILE_DELETE,
    CG_ENDPOINT_FILE_CONTENT,
    CG_ENDPOINT_BATCH_CREATE,
    CG_ENDPOINT_BATCHES,
    CG_ENDPOINT_BATCH,
    CG_ENDPOINT_BATCH_CANCEL,
    CG_ENDPOINT_COUNT,
    CG_ENDPOINT_NONE = CG_ENDPOINT_COUNT
} cg_endpoint_t;

typedef struct cg_endpoint_row_t {
    const char *name;      /* in metrics, records and key policies */
    const char *path;      /* below the API's root, e.g. "/chat/completions" */
    const char *method;    /* the only one of this row */
    const char *operation; /* gen_ai.operation.name of OpenTelemetry */
    const char *suffix;    /* behind the id: "/content"; NULL: nothing */
    const char *model;     /* the API's own when a request names none */
    const char *query;     /* names that may go on, "limit|after"; NULL none */
    bool has_body;
    bool is_upload; /* ... of multipart/form-data, not JSON */
    bool can_stream;
    bool has_tail;    /* the path goes on with an id: /models/{id} */
    bool has_model;   /* a request says which model it is for */
    bool has_tokens;  /* it costs tokens; else only requests are counted */
    bool may_be_file; /* its answers need not be JSON */
    bool can_batch;   /* lines of a batch may ask for it */
} cg_endpoint_row_t;

extern const cg_endpoint_row_t cg_endpoints[CG_ENDPOINT_COUNT];

/* path starts below the API's root ("/models/acme%2Fx" of /v1/models/acme%2Fx).
 * The row of this method; when only other methods have this path, one of theirs.
 * out_tail is the raw id in the path, or empty. */
cg_endpoint_t cg_chat_endpoint_find(cg_str_t path, const char *method,
                                    cg_str_t *out_tail);
/* Have these two the same path, for different methods? */
bool cg_chat_endpoint_is_beside(cg_endpoint_t a, cg_endpoint_t b);
/* The endpoint that a line of a batch names, "/v1/chat/completions"; none if a
 * batch may not ask for it. */
cg_endpoint_t cg_chat_endpoint_of_batch(cg_str_t url);

#endif
