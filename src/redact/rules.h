/* What to look for beside the built-in types, and what to do with a finding.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two things are kept apart, so that many <Location>s share the costly one:
 * cg_rules_t   words and regular expressions, compiled; immutable; one may be
 *              used by any number of threads at once
 * cg_actions_t what to do for each type, a plain value, one per direction
 */
#ifndef CG_REDACT_RULES_H
#define CG_REDACT_RULES_H

#include <apr_errno.h>

#include "base/error.h"
#include "base/text.h"
#include "redact/detectors.h"

/* In order of strictness: a merge that may only tighten takes the larger. */
typedef enum cg_action_t {
    CG_ACTION_ALLOW,     /* not looked at */
    CG_ACTION_LOG,       /* counted, passed on as it is */
    CG_ACTION_MASK,      /* replaced by [TYPE] */
    CG_ACTION_PSEUDONYM, /* place kept for reversible placeholders; acts as
                            MASK until then */
    CG_ACTION_BLOCK      /* the whole text is refused */
} cg_action_t;

typedef struct cg_actions_t {
    uint8_t by_type[CG_DETECTORS_MAX]; /* cg_action_t by type number */
} cg_actions_t;

/* MASK for every type. */
void cg_actions_default(cg_actions_t *out);
void cg_actions_all(cg_actions_t *out, cg_action_t action);
/* Sets the action of one type by name; "SECRET_*" sets the family, "*" all.
 * False if there is no such type. */
bool cg_actions_set(cg_actions_t *actions, const char *type,
                    cg_action_t action);
/* "allow" "log" "mask" "pseudonym" "block", any case. */
bool cg_action_parse(const char *name, cg_action_t *out);
const char *cg_action_name(cg_action_t action);

/* A list of words. Text is compared in its normalised form (full-width and
 * invisible characters make no difference, one space stands for any run). */
typedef struct cg_word_list_t {
    const char *name; /* appears as rule; e.g. the file's base name */
    const cg_str_t *words;
    size_t count;
    bool is_caseless;   /* ASCII, Latin, Greek, Cyrillic letters */
    bool is_whole_word; /* a word that begins or ends with an ASCII letter or
                           digit must not stand inside a longer one; Chinese
                           text has no such boundary */
} cg_word_list_t;

typedef struct cg_regex_t {
    const char *name;  /* letters, digits, - _ ; written CUSTOM:<name> */
    const char *regex; /* PCRE syntax as Hyperscan takes it, bytes, no
                          look-around, no back-references */
    bool is_caseless;
} cg_regex_t;

typedef struct cg_rules_spec_t {
    const cg_word_list_t *lists;
    size_t list_count;
    const cg_regex_t *regexes;
    size_t regex_count;
    const cg_str_t *allowed; /* values never found: "@example.com" allows every
                                address of the domain, anything else is
                                compared with the finding as a whole */
    size_t allowed_count;
} cg_rules_spec_t;

typedef struct cg_rules_t cg_rules_t;

/* The built-in types and nothing else; never fails. */
const cg_rules_t *cg_rules_builtin(void);

/* Compiles; copies what it keeps. On failure err names the regex or list and
 * what is wrong. The result lives in pool (a compiled database is freed with
 * it). spec may be NULL. */
apr_status_t cg_rules_create(const cg_rules_spec_t *spec, cg_rules_t **out,
                             cg_error_t *err, apr_pool_t *pool);

/* Reads a rule file (docs/manual) into spec; err says "file:line: what is
 * wrong". One thing a line, # comments:
 *   list NAME [exact] [whole-word]   begins a list (caseless unless exact);
 *                                    the lines that follow, indented, are its
 *                                    words
 *   words NAME FILE [exact] [whole-word]   a list from a file, a word a line
 *   regex NAME [caseless] PATTERN    the rest of the line
 *   allow VALUE
 *   action TYPE NAME                 into actions, if that is not NULL
 */
apr_status_t cg_rules_read(const char *path, cg_rules_spec_t *out_spec,
                           cg_actions_t *actions, cg_error_t *err,
                           apr_pool_t *pool);
/* A file of words, one a line; # comments and blank lines are skipped. */
apr_status_t cg_words_read(const char *path, cg_str_t **out_words,
                           size_t *out_count, cg_error_t *err,
                           apr_pool_t *pool);

/* Name of the list or regex a finding's rule number stands for; "" if none. */
const char *cg_rules_name(const cg_rules_t *rules, int type, int rule);

#endif
