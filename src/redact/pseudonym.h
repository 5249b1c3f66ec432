/* Pseudonyms: tokens that stand for values, [[EMAIL_k7q2x]].
 * SPDX-License-Identifier: Apache-2.0
 *
 * A token is the type's short name and some characters of
 * HMAC-SHA-256(key, type | value in its canonical form): the same value has the
 * same token in every message, turn, child and server, and nothing need be kept.
 * Callers send the conversation whole every time, so what tokens stand for is
 * found anew in each request and forgotten with it.
 *
 * Only tokens issued in a request are put back in its answer. What a caller has
 * typed that looks like a token is noted before any is issued, and no token is
 * issued that equals it: it passes and comes back as it was typed.
 *
 * One token may stand for several spellings (4111 1111…, 4111-1111-…): the first
 * of the request is put back.
 */
#ifndef CG_REDACT_PSEUDONYM_H
#define CG_REDACT_PSEUDONYM_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"

#define CG_PSEUDONYM_KEYS_MAX 8 /* the current one and seven old ones */
#define CG_PSEUDONYM_KEY_BYTES_MIN 32
#define CG_PSEUDONYM_NAME_MAX 16 /* EMAIL, CN_RESIDENT_ID */
#define CG_PSEUDONYM_CODE_MIN 5  /* characters of base32 */
#define CG_PSEUDONYM_CODE_MAX 9  /* where shorter ones are taken */

/* The keys of a server, the current one first; read-only, for any number of
 * threads. */
typedef struct cg_pseudonym_keys_t cg_pseudonym_keys_t;

/* One key of at least 32 bytes; NULL and words if it is shorter. Copies it. */
cg_pseudonym_keys_t *cg_pseudonym_keys_make(cg_str_t key, cg_error_t *err,
                                            apr_pool_t *pool);
/* A file with a key on each line that is not empty: the first is current, the
 * others are old ones, whose tokens answers may still cite. */
apr_status_t cg_pseudonym_keys_load(const char *path, cg_pseudonym_keys_t **out,
                                    cg_error_t *err, apr_pool_t *pool);

/* The type that a token's name stands for: EMAIL for EMAIL_ADDRESS; -1: none. */
int cg_pseudonym_type(cg_str_t name);

/* What one request has issued. lives in: its pool · one thread at a time */
typedef struct cg_pseudonyms_t cg_pseudonyms_t;

/* Keeps keys. */
cg_pseudonyms_t *cg_pseudonyms_open(const cg_pseudonym_keys_t *keys,
                                    apr_pool_t *pool);
/* Notes what looks like a token in source, a document as it came: in any case,
 * escaped as JSON, HTML, Markdown or percent text, however deep, or in
 * full-width characters; also halves of one, where a text ends and the next may
 * have the rest. Before anything is issued; where a request comes in parts, before
 * each: a token that was issued and is then seen to be typed is not put back any
 * more. */
void cg_pseudonyms_note_typed(cg_pseudonyms_t *pseudonyms, cg_str_t source);
/* From here on values are those of the answer: they get tokens, but what these
 * stand for is not put back. Secrets get none: a stream that swallows a key has
 * never seen it whole. */
void cg_pseudonyms_end_request(cg_pseudonyms_t *pseudonyms);

/* Appends the token of a value, its bytes as they were found, which are copied.
 * False: there is none that would not equal something typed, or there are too many
 * of either; nothing was appended. */
bool cg_pseudonyms_issue(cg_pseudonyms_t *pseudonyms, int type, cg_str_t value,
                         cg_buf_t *out);
/* Has the request issued any? If not, there is nothing to put back. NULL has
 * none. */
bool cg_pseudonyms_has_any(const cg_pseudonyms_t *pseudonyms);

/* One value. */
typedef struct cg_pseudonym_t {
    cg_str_t token;
    cg_str_t value;
    uint32_t stand_in; /* restore.c's; 0: none yet */
    bool is_restored;  /* of the request: is put back */
} cg_pseudonym_t;

/* For restore.c. What a token's inside in lower case, "email_k7q2x", stands for;
 * NULL: not issued here. */
cg_pseudonym_t *cg_pseudonyms_find(const cg_pseudonyms_t *pseudonyms,
                                   cg_str_t inside);
/* Does an issued token's inside begin so, as far as its name goes? */
bool cg_pseudonyms_may_be(const cg_pseudonyms_t *pseudonyms, cg_str_t inside);
/* The n-th stand-in from 1 on; NULL: there is none. */
const cg_pseudonym_t *cg_pseudonyms_stand_in(const cg_pseudonyms_t *pseudonyms,
                                             uint32_t n);
/* Gives what a stand-in; false when there are no more. */
bool cg_pseudonyms_take_stand_in(cg_pseudonyms_t *pseudonyms,
                                 cg_pseudonym_t *what);
/* A text that stands for itself, so that it can have a stand-in; NULL: no more. */
cg_pseudonym_t *cg_pseudonyms_literal(cg_pseudonyms_t *pseudonyms,
                                      cg_str_t text);

#endif
