/* How an API key is spelled: vk_<id>_<secret>_<checksum>.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth's own files.
 */
#ifndef CG_AUTH_KEYSPELL_H
#define CG_AUTH_KEYSPELL_H

#include <stdbool.h>

#include "auth/apikey.h"

#define CG_KEY_ID_LEN 8
#define CG_KEY_SECRET_BYTES 32

/* The parts of a key of the right shape and checksum. */
typedef struct cg_key_parts_t {
    char id[CG_KEY_ID_LEN + 1];
    unsigned char secret[CG_KEY_SECRET_BYTES];
} cg_key_parts_t;

bool cg_keyspell_parse(cg_str_t text, cg_key_parts_t *out);
void cg_keyspell_write(const cg_key_parts_t *parts,
                       char out[CG_KEY_SPELLED_LEN + 1]);
/* A new secret, and a new id unless parts->id is one already. */
void cg_keyspell_make(cg_key_parts_t *parts);
bool cg_keyspell_is_id(cg_str_t text);

#endif
