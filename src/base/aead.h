/* Encryption that tells whether it was tampered with: AES-256-GCM.
 * SPDX-License-Identifier: Apache-2.0
 *
 * NIST SP 800-38D. A nonce must never come twice under one key; callers draw 96
 * random bits and use a key for few messages.
 */
#ifndef CG_BASE_AEAD_H
#define CG_BASE_AEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define CG_AEAD_KEY_BYTES 32
#define CG_AEAD_NONCE_BYTES 12
#define CG_AEAD_TAG_BYTES 16

/* Writes len + CG_AEAD_TAG_BYTES bytes to out, which may not overlap plain. The
 * associated data is authenticated, not kept. */
void cg_aead_seal(const unsigned char key[CG_AEAD_KEY_BYTES],
                  const unsigned char nonce[CG_AEAD_NONCE_BYTES],
                  cg_str_t associated, const void *plain, size_t len,
                  unsigned char *out);
/* Writes len - CG_AEAD_TAG_BYTES bytes to out. False: key, nonce, associated data
 * or a bit of it is not what it was; out is then wiped. */
bool cg_aead_open(const unsigned char key[CG_AEAD_KEY_BYTES],
                  const unsigned char nonce[CG_AEAD_NONCE_BYTES],
                  cg_str_t associated, const void *sealed, size_t len,
                  unsigned char *out);

#endif
