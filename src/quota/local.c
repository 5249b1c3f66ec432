/* The memory of this server: its size, and how its places are found.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/local_int.h"

#include "base/digest.h"

size_t cg_local_bytes(void)
{
    return sizeof(cg_local_t);
}

cg_tag_t cg_local_tag(cg_str_t text)
{
    return (cg_tag_t){{cg_hash64(0x9e3779b97f4a7c15, text.ptr, text.len),
                       cg_hash64(0xc2b2ae3d27d4eb4f, text.ptr, text.len)}};
}

bool cg_local_is_tag(const cg_tag_t *a, const cg_tag_t *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}
