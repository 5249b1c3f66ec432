/* What cannot be read: pictures, sound, archives, and what else is no text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Such a part of a request is refused, counted or passed as ChatGPTOpaque says;
 * counted it is always, by kind, for the record. The same kinds serve files inside
 * a JSON body and the parts of an upload.
 */
#ifndef CG_FLOW_OPAQUE_H
#define CG_FLOW_OPAQUE_H

#include "base/text.h"

typedef enum cg_opaque_kind_t {
    CG_OPAQUE_IMAGE,
    CG_OPAQUE_AUDIO,
    CG_OPAQUE_VIDEO,
    CG_OPAQUE_DOCUMENT, /* PDF, office files */
    CG_OPAQUE_ARCHIVE,
    CG_OPAQUE_SEALED, /* made by the provider, who alone can open it */
    CG_OPAQUE_OTHER,
    CG_OPAQUE_KINDS
} cg_opaque_kind_t;

/* Values of ChatGPTOpaque, from lax to strict. */
typedef enum cg_opaque_mode_t {
    CG_OPAQUE_ALLOW,
    CG_OPAQUE_LOG,
    CG_OPAQUE_DENY
} cg_opaque_mode_t;

/* Parts of one request that could not be read, by kind. */
typedef struct cg_opaque_t {
    uint32_t by_kind[CG_OPAQUE_KINDS];
} cg_opaque_t;

/* Is this content text: without NUL and without the control characters that no
 * text has? Its coding need not be UTF-8, as long as ASCII stays ASCII in it. */
bool cg_opaque_is_text(cg_str_t content);
/* The kind of what is no text, by its first bytes, else by its media type, which
 * may be empty. */
cg_opaque_kind_t cg_opaque_kind(cg_str_t content, cg_str_t media_type);
/* Does the content begin as a file that no reader takes for text, though it may
 * hold nothing but letters: a PDF? */
bool cg_opaque_is_document(cg_str_t content);
/* Does it begin with the mark of a format that is known? So may a text. */
bool cg_opaque_is_known(cg_str_t content);
const char *cg_opaque_name(cg_opaque_kind_t kind); /* "image" */
uint32_t cg_opaque_total(const cg_opaque_t *opaque);
/* "image=2,audio=1"; appends nothing when there is none. */
void cg_opaque_write(const cg_opaque_t *opaque, cg_buf_t *out);

#endif
