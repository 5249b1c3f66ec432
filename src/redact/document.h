/* A policy document: what an operator publishes from the console.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   {"packs": ["cn"] or null, "locked": false,
 *    "types":    [{"type", "action", "direction": "both|request|answer"}],
 *    "lists":    [{"name", "words", "exact", "whole_word", "action" or null}],
 *    "patterns": [{"name", "regex", "caseless", "action" or null}],
 *    "allowed":  ["@example.com"]}
 *
 * This file reads one and says all that is wrong with it, each fault with a JSON
 * pointer; compiles its rules together with those of the configuration; and tells
 * two of them apart: for each difference, does it make the policy stricter or
 * looser? Where that cannot be known (a regex was rewritten), it is looser: a
 * second person looks at what might loosen.
 */
#ifndef CG_REDACT_DOCUMENT_H
#define CG_REDACT_DOCUMENT_H

#include <apr_tables.h>

#include "base/json.h"
#include "redact/rules.h"

#define CG_DOCUMENT_BYTES_MAX ((size_t)4 << 20)
#define CG_DOCUMENT_LISTS_MAX 100
#define CG_DOCUMENT_WORDS_MAX 200000 /* of all lists */
#define CG_DOCUMENT_PATTERNS_MAX 200
#define CG_DOCUMENT_REGEX_BYTES_MAX 1000
#define CG_DOCUMENT_ALLOWED_MAX 10000
#define CG_DOCUMENT_VALUE_BYTES_MAX 256
#define CG_DOCUMENT_TYPES_MAX 512
#define CG_DOCUMENT_FAULTS_MAX 100
#define CG_DOCUMENT_CHANGES_MAX 500

typedef struct cg_document_fault_t {
    const char *pointer; /* RFC 6901, into the document */
    const char *code;
    const char *detail; /* for people; never a word or a value */
} cg_document_fault_t;

/* lives in: the pool given to cg_document_read, and as long as its JSON */
typedef struct cg_document_t {
    bool is_locked;
    bool has_packs; /* else those that the configuration chooses */
    uint64_t packs; /* bit by number in the rules it was read for */
    uint8_t said_request[CG_DETECTORS_MAX]; /* 0: not said, else 1 + action */
    uint8_t said_answer[CG_DETECTORS_MAX];
    cg_rules_spec_t spec; /* lists, regexes, allowed values */
    const cg_json_t *json;
} cg_document_t;

/* The document that says nothing. */
void cg_document_empty(cg_document_t *out);
/* known: the rules of the configuration, whose packs it may name. Adds
 * cg_document_fault_t to faults, CG_DOCUMENT_FAULTS_MAX at most; true when
 * there are none. Does not compile. */
bool cg_document_read(const cg_json_t *json, const cg_rules_t *known,
                      cg_document_t *out, apr_array_header_t *faults,
                      apr_pool_t *pool);
/* Compiles each list and regex of a document alone, so that a fault has a place;
 * stops, with a fault, when it has taken longer than most_for. */
bool cg_document_prove(const cg_document_t *document, apr_time_t most_for,
                       apr_array_header_t *faults, apr_pool_t *pool);
/* The set in force: the rules of the configuration and those of the document,
 * compiled together. configured: may be NULL. */
apr_status_t cg_document_compile(const cg_document_t *document,
                                 const cg_rules_spec_t *configured,
                                 cg_rules_t **out, cg_error_t *err,
                                 apr_pool_t *pool);

typedef enum cg_effect_t {
    CG_EFFECT_NEUTRAL,
    CG_EFFECT_STRICTER,
    CG_EFFECT_LOOSER
} cg_effect_t;

const char *cg_effect_name(cg_effect_t effect);

/* What differs, from before to after: an array of {pointer, what, before, after,
 * effect}, as the admin API shows it. *out_loosens: is any of it looser, also of
 * those beyond CG_DOCUMENT_CHANGES_MAX? known as above. */
cg_json_t *cg_document_compare(const cg_document_t *before,
                               const cg_document_t *after,
                               const cg_rules_t *known, bool *out_loosens,
                               apr_pool_t *pool);

#endif
