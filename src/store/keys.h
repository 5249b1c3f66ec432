/* All families of keys that the gateway keeps in Redis, and how they are built.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One row says: what the key looks like, how long it lives, which room owns it,
 * and what it holds about a person (for the register of processing and for
 * erasure). Every key begins with "cg:". Quota's keys share the hash tag of their
 * organization, {cg} where none is named: they lie in one slot of a cluster, so
 * that one script may decide over all.
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
    X(WINDOW,     "cg:{cg<:organization>}:window:<dimension>:<quantity>:<window>:<subject>", \
      "one to two windows after the last", "quota",                               \
      "the subject: key id, user, team, client address; how much, when")        \
    X(BUDGET,     "cg:{cg<:organization>}:budget:<dimension>:<quantity>:<period>:<subject>", \
      "40 days after the period", "quota",                                      \
      "the subject: key id, user, team; what was used and held in a calendar period") \
    X(CONCURRENT, "cg:{cg<:organization>}:concurrent:<dimension>:<subject>",    \
      "24 h after the last", "quota",                                           \
      "the subject: key id, user, team, client address; how many are under way") \
    X(HOLD,       "cg:{cg<:organization>}:hold:<request>",                      \
      "until settled and 30 s more; 24 h after it expired unsettled", "quota",  \
      "the subjects of one request's limits")                                   \
    X(HOLD_INDEX, "cg:{cg<:organization>}:holds", "for ever", "quota",          \
      "a sorted set: request ids and when their holds expire; nothing")         \
    X(REPORT,     "cg:{cg<:organization>}:report:<id>", "24 h", "quota",        \
      "the mark of what was counted during an outage and brought back; nothing") \
    X(ORGANIZATIONS, "cg:organizations", "for ever", "quota",                   \
      "a set: names of organizations")                                          \
    X(OVERRIDES,  "cg:{limits}:by-object", "for ever", "quota",                 \
      "a hash: limits of teams, users, keys and others, and who changed them")  \
    X(OVERRIDE_CHANNEL, "cg:limits", "a channel, not kept", "quota",            \
      "whose limits have changed: the subject")                                 \
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
    X(ALERT_FEED, "cg:{alert}:feed", "for ever", "alert",                       \
      "a sorted set: ids of the newest 10,000 alerts; nothing")                 \
    X(ALERT,      "cg:{alert}:by-id:<id>", "until 10,000 newer ones came; 400 days", "alert", \
      "a hash: an alert about a key, user or team; operators who have seen it") \
    X(ALERT_ONCE, "cg:{alert}:once:<mark>", "until the period ends, or as long as its cause goes on", "alert", \
      "which alert was raised already: key id, user, team")                     \
    X(ALERT_QUEUE, "cg:{alert}:queue:<way>", "until they are sent", "alert",    \
      "a sorted set: ids of alerts that wait; nothing")                         \
    X(ALERT_DEAD, "cg:{alert}:dead", "until 1,000 newer ones came", "alert",    \
      "a sorted set: ids of alerts that could not be sent; nothing")            \
    X(ALERT_BURN, "cg:{alert}:burn:<counter>", "9 days after the last; 60 of yearly limits", "alert", \
      "a hash: how much of a limit was used when; the subject: key id, user, team") \
    X(ALERT_USE,  "cg:{alert}:use:<hour>", "3 days", "alert",                   \
      "a hash: sums of one hour by key id and team")                            \
    X(ALERT_BASE, "cg:{alert}:base:<kind>:<subject>", "60 days after the last", "alert", \
      "how much a key or team uses by hour of the last five weeks")             \
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
