/* All families of keys that the gateway keeps in Redis, and how they are built.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One row says: what the key looks like, how long it lives, which room owns it,
 * and what it holds about a person (for the register of processing and for
 * erasure). Every key begins with "cg:". Quota's keys share the hash tag {cg}:
 * they lie in one slot of a cluster, so that one script may decide over all.
 */
#ifndef CG_STORE_KEYS_H
#define CG_STORE_KEYS_H

#include <stddef.h>

#include <apr_pools.h>

#include "base/text.h"

/* id, pattern (each <word> is a part, in order), life, room, about a person */
// clang-format off
#define CG_KEYS(X)                                                              \
    X(KEY,        "cg:key:<id>", "until deleted", "auth",                       \
      "a hash: name, owner, user and team of an API key; digest of its secret") \
    X(KEY_INDEX,  "cg:keys:by-time", "for ever", "auth",                        \
      "a sorted set: moments of creation and key ids; nothing")                 \
    X(KEY_EXPIRY, "cg:keys:by-expiry", "for ever", "auth",                      \
      "a sorted set: moments of expiry and key ids; nothing")                    \
    X(KEY_WARNED, "cg:keys:warned:<day>", "2 days", "auth",                     \
      "a set: ids of keys whose end was announced that day; nothing")           \
    X(KEY_CHANNEL, "cg:keys", "a channel, not kept", "auth",                    \
      "ids of changed keys; nothing")                                           \
    X(SEALED,     "cg:sealed", "for ever", "auth",                              \
      "a set: names of the records that hold a sealed secret; nothing")         \
    X(CREDENTIAL, "cg:{credential}:by-name:<name>", "for ever; without its secret once deleted", "auth", \
      "a hash: an upstream's credential, sealed; nothing")                      \
    X(CREDENTIAL_NAMES, "cg:{credential}:names", "for ever", "auth",            \
      "a set: names of credentials; nothing")                                   \
    X(CREDENTIAL_CHANNEL, "cg:credentials", "a channel, not kept", "auth",      \
      "names of changed credentials; nothing")                                  \
    X(WINDOW,     "cg:{cg}:window:<dimension>:<quantity>:<window>:<subject>",   \
      "one to two windows after the last", "quota",                               \
      "the subject: key id, user, team, client address; how much, when")        \
    X(BUDGET,     "cg:{cg}:budget:<dimension>:<quantity>:<month>:<subject>",  \
      "40 days after the month", "quota",                                       \
      "the subject: key id, user, team; money spent and held in the month")     \
    X(HOLD,       "cg:{cg}:hold:<request>",                                     \
      "until settled; 24 h after it expired unsettled", "quota",                \
      "the subjects of one request's limits")                                   \
    X(HOLD_INDEX, "cg:{cg}:holds", "for ever", "quota",                         \
      "a sorted set: request ids and when their holds expire; nothing")         \
    X(SIGNKEY,    "cg:auth:signkey:<id>", "until deleted", "auth",              \
      "a hash: name, user and team of a signing key; its public half, or its secret sealed") \
    X(SIGNKEY_INDEX, "cg:auth:signkeys:by-time", "for ever", "auth",            \
      "a sorted set: moments of creation and ids of signing keys; nothing")     \
    X(NONCE,      "cg:{cg}:nonce:<digest>", "15 minutes", "quota",              \
      "which request a nonce was used for; nothing")                            \
    X(NONCES,     "cg:{cg}:nonces:<signkey>", "15 minutes", "quota",            \
      "how many requests were signed with a key; nothing")                      \
    X(SIGNED,     "cg:{cg}:signed:<signkey>", "400 days after the last", "quota", \
      "when a signing key was used last; nothing")                              \
    X(SERVERS,    "cg:servers", "for ever", "flow",                             \
      "a sorted set: random names of servers, when each was last seen; nothing") \
    X(AUDIT_NODES, "cg:{audit}:nodes", "for ever", "audit",                     \
      "a set: random names of servers; nothing")                                \
    X(AUDIT_STREAM, "cg:{audit}:stream:<node>",                                 \
      "until as many newer records came as are kept", "audit",                  \
      "audit records: key, user, team, address, masked prompt and answer")      \
    X(AUDIT_KEEPS, "cg:{audit}:keeps", "for ever", "audit",                     \
      "a set: names of the lists of records that expire; nothing")              \
    X(AUDIT_KEEP, "cg:{audit}:keep:<node>:<seconds>",                           \
      "until its records have expired", "audit",                                \
      "a list: places of records in the stream, until when each is kept; nothing") \
    X(AUDIT_STATS, "cg:{audit}:stats:<step>:<epoch>",                           \
      "3 days by the minute, 100 days by the hour", "audit",                    \
      "a hash: sums over all requests; nothing")                                \
    X(POLICY_HEAD, "cg:{policy}:head", "for ever", "admin",                     \
      "a hash: number and digest of the published policy; nothing")             \
    X(POLICY_INDEX, "cg:{policy}:versions", "for ever", "admin",                \
      "a sorted set: numbers of policy versions; nothing")                      \
    X(POLICY_VERSION, "cg:{policy}:version:<version>",                          \
      "until 500 newer ones came", "admin",                                     \
      "operators' names: author and approver; words and values the policy names") \
    X(POLICY_CHANNEL, "cg:policy", "a channel, not kept", "admin",              \
      "number of the version just published; nothing")                          \
    X(ADMIN_ONCE, "cg:admin:once:<hash>", "24 h", "admin",                      \
      "an operator's name, hashed; the answer to a change, without its secret")
// clang-format on

typedef enum cg_keys_id_t {
#define CG_KEYS_ENUM(id, pattern, life, room, person) CG_KEYS_##id,
    CG_KEYS(CG_KEYS_ENUM)
#undef CG_KEYS_ENUM
        CG_KEYS_COUNT
} cg_keys_id_t;

typedef struct cg_keys_family_t {
    const char *pattern;
    const char *life;
    const char *room;
    const char *person;
} cg_keys_family_t;

const cg_keys_family_t *cg_keys_family(cg_keys_id_t id);

/* Builds a key in pool, NUL-terminated beyond its length; parts fill the
 * pattern's <words> in order. A part longer than 128 bytes, or one that holds a
 * control character, is replaced by "#" and the SHA-256 of it: callers choose
 * user names, and a key must stay short and printable. */
cg_str_t cg_keys_make(cg_keys_id_t id, const cg_str_t *parts, size_t count,
                      apr_pool_t *pool);

#endif
