/* API keys: is this the secret of a key we issued, and what may its holder do?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   vk_k3n7w2px_yW1...43 characters of base64url..._0x9Q2c
 *      id       256 random bits                     CRC-32 of all before,
 * base62
 *
 * Fixed widths, because base64url has '_' of its own. The checksum lets a
 * typing error, or a scanner of repositories, be told from a key without asking
 * anyone. Kept is only HMAC-SHA-256(pepper, secret): the secret has 256 random
 * bits, so a slow hash would buy nothing; the pepper makes a stolen Redis
 * useless.
 *
 * The hot path reads a cache that all children share. An entry is asked again
 * when older than stale_for; when the store is away it goes on being served,
 * and what cannot be told to be right then is CG_KEY_STORE_AWAY. What is not right
 * costs one question to the store, however it is wrong, so that the time of an
 * answer tells nothing. A change is published on the channel "cg:keys" as the key's
 * id: whoever listens calls cg_keyring_forget; who lost the connection, doubt_all.
 *
 * A key's life: active, suspended and active again, revoked for good; these are
 * kept. Expired and rotating (the secret before the last rotation still opens it)
 * follow from the clock: cg_key_state_at.
 */
#ifndef CG_AUTH_APIKEY_H
#define CG_AUTH_APIKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/share.h"
#include "base/text.h"
#include "base/zone.h"
#include "policy/limit.h"
#include "store/store.h"

#define CG_KEY_CHANNEL "cg:keys"
#define CG_KEY_SPELLED_LEN 62 /* without the NUL */
#define CG_KEY_LIMITS_MAX 8
#define CG_KEY_GRACE apr_time_from_sec(86400) /* unless said otherwise */
#define CG_KEY_GRACE_MAX apr_time_from_sec(90 * 86400)
/* From then on a key's end is announced. */
#define CG_KEY_EXPIRES_SOON apr_time_from_sec(14 * 86400)

/* The server's pepper; wiped when its pool goes. */
typedef struct cg_pepper_t cg_pepper_t;

/* Copies bytes; NULL and words if fewer than 32. */
cg_pepper_t *cg_pepper_make(const void *bytes, size_t len, cg_error_t *err,
                            apr_pool_t *pool);
/* The same from a file that is closed to everybody; one newline at its end does not
 * count. */
cg_pepper_t *cg_pepper_load(const char *path, cg_error_t *err,
                            apr_pool_t *pool);

/* A key of 32 bytes for another purpose, which label names (not of 32 bytes); the
 * same on every server that has this pepper, and telling nothing of it. */
void cg_pepper_derive(const cg_pepper_t *pepper, const char *label,
                      unsigned char out[32]);

typedef enum cg_key_state_t {
    CG_KEY_STATE_ACTIVE,
    CG_KEY_STATE_SUSPENDED,
    CG_KEY_STATE_REVOKED,
    CG_KEY_STATE_COUNT
} cg_key_state_t;

/* "active", "suspended", "revoked"; "" for no such state. */
const char *cg_key_state_name(int state);
bool cg_key_state_find(cg_str_t name, cg_key_state_t *out);

/* Plain and of fixed size: it stands in the shared cache. Texts are UTF-8,
 * NUL-terminated, without control characters. */
typedef struct cg_key_t {
    char id[12];   /* 8 characters */
    char name[64]; /* what people call it; the only text that must not be "" */
    char owner[64];
    char user[64];
    char team[64];
    char prefix[16]; /* first characters of the spelled key, for people */
    char last4[5];   /* its last four */
    unsigned char digest[32];
    uint8_t state; /* cg_key_state_t */
    uint8_t limits_count;
    apr_time_t created_at;
    apr_time_t expires_at; /* 0: never */
    char models[512]; /* names or patterns with *, commas between; "": all */
    char redact[256]; /* what it demands beyond its place (redact/demand.h) */
    char tags[128];   /* words, commas between */
    char endpoints[256]; /* where, when and for what: keyplace.h */
    char addresses[512];
    char vhosts[256];
    char hours[128];
    /* The secret before the last rotation: opens the key before this moment. */
    unsigned char previous_digest[32];
    char previous_last4[5];
    apr_time_t previous_until; /* 0: there is none */
    /* About when each was used last (keyuse.h); 0: never. Not in the cache. */
    apr_time_t last_used_at;
    apr_time_t previous_used_at;
    cg_limit_t limits[CG_KEY_LIMITS_MAX]; /* dimension and store_down count */
    int64_t version;                      /* 1, 2, … with each change */
    /* Not kept: */
    bool is_by_previous; /* verified by the previous secret */
    cg_zone_span_t zone; /* of hours; cg_key_hours_prepare */
} cg_key_t;

/* "active", "rotating", "suspended", "expired" or "revoked". */
const char *cg_key_state_at(const cg_key_t *key, apr_time_t now);
/* When it ends for the holder of the secret it was verified by; 0: never. */
apr_time_t cg_key_ends_at(const cg_key_t *key);

typedef enum cg_key_verdict_t {
    CG_KEY_OK,
    CG_KEY_MALFORMED, /* no such shape or checksum: nobody was asked */
    CG_KEY_UNKNOWN,
    CG_KEY_WRONG_SECRET, /* to the caller the same as unknown */
    CG_KEY_REVOKED,
    CG_KEY_EXPIRED,
    CG_KEY_SUSPENDED,
    CG_KEY_STORE_AWAY /* never seen and nobody to ask, or its record is damaged */
} cg_key_verdict_t;

typedef struct cg_keyring_t cg_keyring_t;

/* Shared memory for that many remembered keys, and for when they were used. */
size_t cg_keyring_shared_bytes(size_t entries);
/* Keeps all it is given. memory, 64-byte aligned and zeroed or used for as many
 * entries before, may be NULL (tools): then each look-up asks. */
cg_keyring_t *cg_keyring_open(cg_store_t *store, const cg_pepper_t *pepper,
                              void *memory, size_t entries,
                              apr_time_t stale_for, apr_pool_t *pool);
void cg_keyring_forget(cg_keyring_t *ring, const char *id);
/* All are asked again, but served meanwhile if the store is away. */
void cg_keyring_doubt_all(cg_keyring_t *ring);

/* Judges a spelled key. out is filled for OK, REVOKED, EXPIRED and SUSPENDED
 * (the secret was right); else it is zeroed. now is the wall clock. err has
 * words for STORE_AWAY. OK is noted as a use. */
cg_key_verdict_t cg_apikey_verify(cg_keyring_t *ring, cg_str_t spelled,
                                  apr_time_t now, cg_key_t *out,
                                  cg_error_t *err, apr_pool_t *pool);
/* Has it the shape and checksum of a key? */
bool cg_apikey_is_spelled(cg_str_t text);
bool cg_key_may_use(const cg_key_t *key, cg_str_t model);

/* Reads a list of limits as the console and the tool write them into a key:
 * dimension KEY, at most CG_KEY_LIMITS_MAX. */
bool cg_key_add_limit(cg_key_t *key, cg_str_t text, cg_error_t *err);
/* Are all texts in bounds? For people's input; err names the member. */
bool cg_key_check(const cg_key_t *key, cg_error_t *err);

/* Of an operator. wanted gives name, owner, user, team, state, models, redact,
 * tags, endpoints, addresses, vhosts, hours, limits and expires_at; the rest is
 * made. out_spelled is the only time that the secret is told. */
apr_status_t cg_apikey_create(cg_keyring_t *ring, const cg_key_t *wanted,
                              apr_time_t now, cg_key_t *out,
                              char out_spelled[CG_KEY_SPELLED_LEN + 1],
                              cg_error_t *err, apr_pool_t *pool);
/* Newest first. cursor NULL: from the start; *out_next NULL: no more. out:
 * array of cg_key_t. Stable under inserts. */
apr_status_t cg_apikey_list(cg_keyring_t *ring, const char *cursor, int limit,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool);
/* APR_NOTFOUND if there is none, APR_EINVAL if its record is damaged. Asks the
 * store, not the cache. */
apr_status_t cg_apikey_get(cg_keyring_t *ring, const char *id, cg_key_t *out,
                           cg_error_t *err, apr_pool_t *pool);
/* Writes what create takes from wanted, if the stored version is
 * wanted->version; else APR_EMISMATCH (someone was faster: read again).
 * APR_NOTFOUND if there is none. A revoked key stays revoked: APR_EINVAL. */
apr_status_t cg_apikey_update(cg_keyring_t *ring, const cg_key_t *wanted,
                              cg_key_t *out, cg_error_t *err, apr_pool_t *pool);
/* For good. Revoking twice is no failure. */
apr_status_t cg_apikey_revoke(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              cg_error_t *err, apr_pool_t *pool);
/* A new secret for the same key; the old one opens it for grace_for more, 0: not
 * any more. The one before it, if there was one, ends. version: of the key as it was
 * seen, 0: as it is; APR_EMISMATCH when it is another by now, or when somebody else
 * gave the key a new secret at the same time. The next and end_grace do the same. */
apr_status_t cg_apikey_rotate(cg_keyring_t *ring, const char *id,
                              int64_t version, apr_time_t now,
                              apr_time_t grace_for, cg_key_t *out,
                              char out_spelled[CG_KEY_SPELLED_LEN + 1],
                              cg_error_t *err, apr_pool_t *pool);
/* A new secret in the place of the one of now, which ends; the previous one goes
 * on until its grace is over. For a secret that was lost on its way: to rotate
 * once more would end the one in use. APR_EINVAL if there is no previous one. */
apr_status_t cg_apikey_replace(cg_keyring_t *ring, const char *id,
                               int64_t version, apr_time_t now, cg_key_t *out,
                               char out_spelled[CG_KEY_SPELLED_LEN + 1],
                               cg_error_t *err, apr_pool_t *pool);
/* Takes a rotation of before back: its secrets are what they were, if it was the
 * next change and the last one. */
apr_status_t cg_apikey_put_back(cg_keyring_t *ring, const cg_key_t *before,
                                cg_error_t *err, apr_pool_t *pool);
/* Ends the previous secret now. APR_EINVAL if there is none. */
apr_status_t cg_apikey_end_grace(cg_keyring_t *ring, const char *id,
                                 int64_t version, apr_time_t now, cg_key_t *out,
                                 cg_error_t *err, apr_pool_t *pool);

#endif
