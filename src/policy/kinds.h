/* The kinds of value a directive can have: how each is read and merged.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kind is a C type, a reader of words and a rule of merging. policy.h lists
 * the directives; each names its kind, and everything else follows.
 *
 * Merging is from outside in: <VirtualHost>, <Directory>, <Location>, .htaccess. A
 * value set further in replaces the outer one, save where the kind says it adds.
 * In a .htaccess, and below ChatGPTRedactLock, a value may only make the policy
 * stricter; which way that is says the row (cg_stricter_t), or else the kind.
 */
#ifndef CG_POLICY_KINDS_H
#define CG_POLICY_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/error.h"
#include "policy/limit.h"

#define CG_POLICY_LIMITS_MAX 16
#define CG_POLICY_TYPES_MAX 128 /* at least CG_DETECTORS_MAX of redact */

typedef bool cg_kind_FLAG_t;
typedef int64_t cg_kind_COUNT_t;
typedef int64_t cg_kind_SIZE_t;        /* bytes */
typedef apr_time_t cg_kind_DURATION_t; /* microseconds */
typedef const char *cg_kind_TEXT_t;
typedef int cg_kind_CHOICE_t; /* index into the row's words */

/* Limits by scope. In one place, another window adds a limit, the same window
 * replaces it; a place further in replaces by (scope, quantity). */
typedef struct cg_kind_LIMITS_t {
    uint8_t count;
    uint64_t none; /* bit per cg_limit_scope_index: "none" was said here */
    bool is_full; /* more limits meet here than there is room for: refuse */
    cg_limit_t items[CG_POLICY_LIMITS_MAX];
} cg_kind_LIMITS_t;

/* What a limit does without the store, by quantity. */
typedef struct cg_kind_STOREDOWN_t {
    uint8_t mode[CG_QUANTITY_COUNT]; /* cg_store_down_t */
} cg_kind_STOREDOWN_t;

/* Redaction by entity type and direction; 0 is "not said", else 1 + action. Types
 * are looked up by name through a callback, since the table of detectors belongs
 * to a room beside this one. What is not said is for the chosen packs to say; the
 * least_* hold whatever anybody says, and come from what may only tighten. */
typedef struct cg_kind_ACTIONS_t {
    uint8_t request[CG_POLICY_TYPES_MAX];
    uint8_t answer[CG_POLICY_TYPES_MAX];
    uint8_t least_request[CG_POLICY_TYPES_MAX];
    uint8_t least_answer[CG_POLICY_TYPES_MAX];
} cg_kind_ACTIONS_t;

/* A list of words; a list set further in replaces the outer one. Not said is
 * everything. Where it may only tighten, a row of LESS takes the words for
 * patterns and keeps those that an outer one covers; a row of MORE adds them. */
typedef const apr_array_header_t *cg_kind_LIST_t; /* of const char * */
/* Packs of rules, by name or file; "*" stands for those of the rules folder, and
 * so does what is not said. A list set further in replaces the outer one; where it
 * may only tighten, it adds. */
typedef const apr_array_header_t *cg_kind_PACKS_t; /* of const char * */
/* Values that are never found. A list set further in adds to the outer one; where
 * it may only tighten, it adds nothing. */
typedef const apr_array_header_t *cg_kind_VALUES_t; /* of const char * */
/* A list of word rows (a directive that may be repeated), each an array. */
typedef apr_array_header_t *cg_kind_ROWS_t; /* of apr_array_header_t * */

/* What can be said of a caller: name in ChatGPTIdentity, and Require chatgpt-… */
// clang-format off
#define CG_TRAITS(X)                                             \
    X(USER,  "user",  "the person or program, for limits and records") \
    X(TEAM,  "team",  "the team, for limits and records")        \
    X(ROLE,  "role",  "roles, as the company calls them")        \
    X(SCOPE, "scope", "scopes that were granted")                \
    X(MODEL, "model", "models that may be used")                 \
    X(LIMIT, "limit", "limits of its own, such as 100/60s")      \
    X(ORGANIZATION, "organization", "the organization, whose limits stand apart")
// clang-format on

typedef enum cg_trait_t {
#define CG_TRAIT_ENUM(id, name, words) CG_TRAIT_##id,
    CG_TRAITS(CG_TRAIT_ENUM)
#undef CG_TRAIT_ENUM
        CG_TRAIT_COUNT
} cg_trait_t;

const char *cg_trait_name(cg_trait_t trait); /* kinds_who.c */

/* One line of ChatGPTIdentity. What an expression is, only httpd knows. */
typedef struct cg_identity_line_t {
    cg_trait_t trait;
    const char *words;
    const void *expression;
    const void *condition; /* NULL: always */
} cg_identity_line_t;

/* Lines in order; said further in, they replace all outer ones. */
typedef apr_array_header_t *cg_kind_IDENTITY_t; /* of cg_identity_line_t */

/* Failures in a time; amount 0: not counted. */
typedef struct cg_kind_ATTEMPTS_t {
    int64_t amount;
    apr_time_t window_for;
} cg_kind_ATTEMPTS_t;

/* Which way is stricter? */
typedef enum cg_stricter_t {
    CG_STRICTER_NONE, /* as the kind has it; in a row: the lock leaves it alone */
    CG_STRICTER_MORE, /* the larger number, the later word of a choice, on */
    CG_STRICTER_LESS, /* the smaller number, off */
    CG_STRICTER_ONCE  /* whatever was said first */
} cg_stricter_t;

typedef struct cg_kind_ask_t {
    const char *directive; /* for words of error */
    const char *where;   /* file:line, kept for the lock's words; may be NULL */
    const char *choices; /* CHOICE: "a|b|c" */
    int64_t least, most; /* COUNT, SIZE, DURATION: bounds */
    bool is_tightening;  /* in a .htaccess */
    /* ACTIONS: puts value at the place of a type, a family or "*"; false when
     * there is no such type. */
    bool (*set_types)(uint8_t *by_type, const char *type, int value);
    int (*find_action)(const char *name); /* -1: no such action */
    /* PACKS, VALUES: is a word one that can be meant here? Words if not. NULL:
     * any is. */
    bool (*is_pack)(const char *word, cg_error_t *err);
    bool (*is_value)(const char *word, cg_error_t *err);
    /* IDENTITY: an expression made ready; NULL and words on error. May be NULL:
     * then it is only kept as text. */
    const void *(*parse_expression)(void *baton, const char *text,
                                    bool is_condition, cg_error_t *err);
    void *baton;
} cg_kind_ask_t;

typedef struct cg_kind_t {
    const char *name;
    int args_min, args_max;
    /* value is the member; false and words when the arguments are wrong. */
    bool (*read)(void *value, int argc, char *const argv[],
                 const cg_kind_ask_t *ask, cg_error_t *err, apr_pool_t *pool);
    /* merged holds the outer value and gets the inner one on top. */
    /* stricter NONE: it replaces. */
    void (*merge)(void *merged, const void *inner, cg_stricter_t stricter,
                  apr_pool_t *pool);
    /* Does inner ask for less than outer has? NULL: the lock knows no such kind.
     * ACTIONS: out_part is the type, + CG_POLICY_TYPES_MAX for answers. */
    bool (*loosens)(const void *outer, const void *inner,
                    cg_stricter_t stricter, int *out_part);
    size_t size;
    cg_stricter_t stricter; /* where the row does not say */
} cg_kind_t;

extern const cg_kind_t cg_kind_FLAG, cg_kind_COUNT, cg_kind_SIZE,
    cg_kind_DURATION, cg_kind_TEXT, cg_kind_CHOICE, cg_kind_LIMITS,
    cg_kind_BUDGETS, cg_kind_STOREDOWN, cg_kind_ACTIONS, cg_kind_LIST,
    cg_kind_PACKS, cg_kind_VALUES, cg_kind_ROWS, cg_kind_IDENTITY,
    cg_kind_ATTEMPTS;
typedef cg_kind_LIMITS_t cg_kind_BUDGETS_t;

#endif
