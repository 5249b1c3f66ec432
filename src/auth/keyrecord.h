/* An API key as a Redis hash: fields that a person can read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For auth's own files.
 */
#ifndef CG_AUTH_KEYRECORD_H
#define CG_AUTH_KEYRECORD_H

#include "auth/apikey.h"

#define CG_KEYRECORD_FIELDS 23

/* Names and values in turn, as HSET takes them. Returns how many. When the
 * secrets were used is not among them: that is written by keyuse.c alone. */
size_t cg_keyrecord_write(const cg_key_t *key,
                          cg_str_t out[2 * CG_KEYRECORD_FIELDS],
                          apr_pool_t *pool);
/* Reads an answer of HGETALL. APR_NOTFOUND for none; APR_EINVAL, with words, for a
 * hash that is no key: it must not let anybody in. APR_EGENERAL: no hash came. */
apr_status_t cg_keyrecord_read(const cg_reply_t *reply, const char *id,
                               cg_key_t *out, cg_error_t *err);

#endif
