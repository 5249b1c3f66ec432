/* The endpoints of the API that the gateway understands, one row each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A path that is no row here is 404: nothing passes uninspected.
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
    CG_ENDPOINT_COUNT,
    CG_ENDPOINT_NONE = CG_ENDPOINT_COUNT
} cg_endpoint_t;

typedef struct cg_endpoint_row_t {
    const char *name;      /* in metrics, records and key policies */
    const char *path;      /* below the API's root, e.g. "/chat/completions" */
    const char *method;    /* the only one allowed */
    const char *operation; /* gen_ai.operation.name of OpenTelemetry */
    bool has_body;
    bool can_stream;
    bool has_tail; /* the path goes on with an id: /models/{id} */
} cg_endpoint_row_t;

extern const cg_endpoint_row_t cg_endpoints[CG_ENDPOINT_COUNT];

/* path starts below the API's root ("/models/acme%2Fx" of /v1/models/acme%2Fx).
 * out_tail is the raw rest after the row's path, or empty. */
cg_endpoint_t cg_chat_endpoint_find(cg_str_t path, cg_str_t *out_tail);

#endif
