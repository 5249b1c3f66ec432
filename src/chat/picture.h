/* How many tokens is a picture?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_CHAT_PICTURE_H
#define CG_CHAT_PICTURE_H

#include "base/text.h"

/* A picture of width by height, by the model's rule; is_low: "detail":"low". 0 by 0:
 * its size is not known, and it is taken for the dearest. */
int64_t cg_chat_picture_tokens(cg_str_t model, uint32_t width, uint32_t height,
                               bool is_low);

/* The size that a data: URL of PNG, JPEG, GIF or WebP says; false when none of
 * them. Decodes what it needs of the base64: usually some dozen bytes. */
bool cg_chat_picture_size(cg_str_t url, uint32_t *out_width,
                          uint32_t *out_height);

#endif
