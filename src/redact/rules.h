/* What to look for beside the built-in types, and what to do with a finding.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two things are kept apart, so that many <Location>s share the costly one:
 * cg_rules_t   words, regular expressions and packs, compiled; immutable; one
 *              may be used by any number of threads at once
 * cg_actions_t what to do for each type, a plain value, one per direction
 *
 * A pack is a rule file with a name: types, lists, regexes, values that are
 * allowed, and what a region asks for. All packs of a server are compiled once,
 * together; a place chooses some of them by a mask (bit n for pack n), and what
 * belongs to no chosen pack is as if it were not there.
 */
#ifndef CG_REDACT_RULES_H
#define CG_REDACT_RULES_H

#include <apr_errno.h>

#include "base/error.h"
#include "base/text.h"
#include "redact/detectors.h"

/* In order of strictness: a merge that may only tighten takes the larger. */
typedef enum cg_action_t {
    CG_ACTION_ALLOW,   /* not looked at */
    CG_ACTION_LOG,     /* counted, passed on as it is */
    CG_ACTION_PARTIAL, /* all but its last four letters or digits is starred */
    CG_ACTION_PSEUDONYM, /* replaced by a token that the answer gives back */
    CG_ACTION_MASK,      /* replaced by [TYPE] */
    CG_ACTION_BLOCK      /* the whole text is refused */
} cg_action_t;

typedef struct cg_actions_t {
    uint8_t by_type[CG_DETECTORS_MAX]; /* cg_action_t by type number */
    /* A list or a regex may have an action of its own, which then goes before
     * its type's; but not below these. */
    uint8_t least_keyword;
    uint8_t least_custom;
} cg_actions_t;

/* MASK for every type. */
void cg_actions_default(cg_actions_t *out);
void cg_actions_all(cg_actions_t *out, cg_action_t action);
/* Sets the action of one type by name; "SECRET_*" sets the family, "*" all.
 * False if there is no such type. */
bool cg_actions_set(cg_actions_t *actions, const char *type,
                    cg_action_t action);
/* "allow" "log" "partial" "pseudonym" "mask" "block", any case. */
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
    uint64_t packs;     /* bits of the packs it belongs to; 0: every place */
    uint8_t action;     /* 0: the type's; else 1 + cg_action_t */
} cg_word_list_t;

typedef enum cg_regex_fit_t {
    CG_REGEX_UNKNOWN,    /* cg_regex_check has not had it */
    CG_REGEX_CHARACTERS, /* a character is a character */
    CG_REGEX_BYTES       /* a repeat of any character counts its bytes: for long
                            ones of expressions that are ASCII themselves */
} cg_regex_fit_t;

typedef struct cg_regex_t {
    const char *name;  /* letters, digits, - _ ; written CUSTOM:<name> */
    const char *regex; /* PCRE syntax as Hyperscan takes it, UTF-8, no
                          look-around, no back-references */
    bool is_caseless;
    uint64_t packs; /* as of a list */
    uint8_t action;
    uint8_t fit; /* cg_regex_fit_t; written by cg_regex_check */
} cg_regex_t;

/* Whether answers must say that a machine wrote them. */
typedef enum cg_label_t {
    CG_LABEL_UNSAID,
    CG_LABEL_NONE,
    CG_LABEL_REQUIRED
} cg_label_t;

#define CG_PACKS_MAX 62
#define CG_PACK_LANGUAGES_MAX 8

typedef struct cg_pack_t {
    const char *name;
    const char *title;
    const char *path;                 /* of the file it was read from */
    uint8_t action[CG_DETECTORS_MAX]; /* 0: not in the pack; 1 + cg_action_t */
    bool has_types;     /* it says which types it wants; else it says nothing of
                       types, and does not take the built-in ones away */
    const char *region; /* that it speaks for; NULL: none */
    const char *const *upstreams; /* regions an upstream may be in */
    size_t upstream_count;        /* 0: any */
    int64_t keep_for; /* microseconds that records live; 0: as elsewhere */
    cg_label_t label;
    size_t label_count;
    struct {
        const char *language; /* "en", "zh" */
        const char *text;
    } labels[CG_PACK_LANGUAGES_MAX];
} cg_pack_t;

typedef struct cg_rules_spec_t {
    const cg_word_list_t *lists;
    size_t list_count;
    const cg_regex_t *regexes;
    size_t regex_count;
    const cg_str_t *allowed; /* values never found, see allow.h */
    size_t allowed_count;
    const uint64_t *allowed_packs; /* of each; NULL: all for every place */
    const cg_pack_t *packs;
    size_t pack_count;
} cg_rules_spec_t;

typedef struct cg_rules_t cg_rules_t;

/* The built-in types and nothing else; never fails. */
const cg_rules_t *cg_rules_builtin(void);

/* Compiles; copies what it keeps. On failure err names the regex or list and
 * what is wrong. The result lives in pool (a compiled database is freed with
 * it). spec may be NULL. */
apr_status_t cg_rules_create(const cg_rules_spec_t *spec, cg_rules_t **out,
                             cg_error_t *err, apr_pool_t *pool);

/* Can it be compiled, and does it find something, but not everything? */
apr_status_t cg_regex_check(cg_regex_t *regex, cg_error_t *err);

/* Reads a rule file (docs/manual/rules.md) as the one pack of spec; err says
 * "file:line: what is wrong". One thing a line, # comments:
 *   pack NAME [TITLE]       else the pack is called as its file, less .rules
 *   type TYPE|FAMILY [ACTION]    into the pack; mask unless it says otherwise
 *   action TYPE|FAMILY ACTION    the same for types in the pack or not in it;
 *                           the others stay as they are elsewhere
 *   list NAME [exact|caseless] [whole-word] [action=ACTION]
 *                           begins a list; the lines that follow, indented, are
 *                           its words
 *   words NAME FILE [...]   a list from a file, a word a line; the same options
 *   regex NAME [caseless] [action=ACTION] PATTERN    the rest of the line
 *   allow VALUE
 *   region NAME [upstreams REGION,REGION...]
 *   keep DURATION           how long records live
 *   label required|none
 *   label-text LANGUAGE "TEXT"
 */
apr_status_t cg_rules_read(const char *path, cg_rules_spec_t *out_spec,
                           cg_error_t *err, apr_pool_t *pool);
/* The same of a text that stands, or could stand, in the file at path. */
apr_status_t cg_rules_parse(const char *path, cg_str_t text,
                            cg_rules_spec_t *out_spec, cg_error_t *err,
                            apr_pool_t *pool);
/* Reads on after a fault and tells each: "file:line: what is wrong". Returns how
 * many there were. */
typedef void cg_on_fault_t(void *baton, const char *words);
int cg_rules_check(const char *path, cg_on_fault_t *on_fault, void *baton,
                   apr_pool_t *pool);
/* Appends what is in more: its packs get the next numbers (two of one name are
 * refused), what belonged to every place still does. Borrows. */
apr_status_t cg_rules_spec_add(cg_rules_spec_t *spec,
                               const cg_rules_spec_t *more, cg_error_t *err,
                               apr_pool_t *pool);
/* A file of words, one a line; # comments and blank lines are skipped. err says
 * "file:line: what is wrong". */
apr_status_t cg_words_read(const char *path, cg_str_t **out_words,
                           size_t *out_count, cg_error_t *err,
                           apr_pool_t *pool);

/* Name of the list or regex a finding's rule number stands for; "" if none. */
const char *cg_rules_name(const cg_rules_t *rules, int type, int rule);
/* What is to be done with a finding: its list's or regex's action if it has one
 * (not below actions' least), else its type's. */
cg_action_t cg_rules_action(const cg_rules_t *rules,
                            const cg_actions_t *actions, int type, int rule);
/* Is this what is to be done with anything these rules can find? */
bool cg_rules_has_action(const cg_rules_t *rules, const cg_actions_t *actions,
                         cg_action_t action);
/* Can anything found by these rules change or refuse a text? */
bool cg_rules_can_change(const cg_rules_t *rules, const cg_actions_t *actions);

/* ---- packs ---- */

#define CG_PACKS_ALL (~UINT64_C(0))
/* Stands among the packs for the values that the published document allows. */
#define CG_PACK_PUBLISHED (UINT64_C(1) << CG_PACKS_MAX)

/* Number of a pack by name, or by the path of its file; -1: there is none. */
int cg_rules_pack_find(const cg_rules_t *rules, const char *name);
size_t cg_rules_pack_count(const cg_rules_t *rules);
const cg_pack_t *cg_rules_pack(const cg_rules_t *rules, int number);

/* A cheap view that shares all that is compiled, in which only the lists,
 * regexes and allowed values of these packs, and those of every place, count.
 * It lives in pool, and as long as all. */
const cg_rules_t *cg_rules_select(const cg_rules_t *all, uint64_t packs,
                                  apr_pool_t *pool);
/* The same view with further values that are never found. */
const cg_rules_t *cg_rules_allow_more(const cg_rules_t *rules,
                                      const cg_str_t *values, size_t count,
                                      apr_pool_t *pool);
/* The same view for texts with which this is done: where what a list or regex
 * finds overlaps another finding, the stricter counts. So a keyword within an
 * address is found where addresses are let pass or logged, and a regex that is
 * logged hides no card. */
const cg_rules_t *cg_rules_look_for(const cg_rules_t *rules,
                                    const cg_actions_t *actions,
                                    apr_pool_t *pool);
uint64_t cg_rules_packs(const cg_rules_t *rules); /* the chosen ones' bits */
/* False for types that only an administrator's own means find: lists, regexes,
 * the external detector. They are masked where no pack names them. */
bool cg_rules_needs_pack(int type);
/* What the chosen packs want done with each type: the strictest of them; allow
 * for another type that none of them has. All is masked when none says anything of
 * types. */
void cg_rules_pack_actions(const cg_rules_t *rules, cg_actions_t *out);

/* Identity of what is looked for and how: the same rules and choice give the
 * same number in every process of one version of this library. */
uint64_t cg_rules_version(const cg_rules_t *rules);

/* ---- image: compiled rules as a file (image.c) ---- */

/* Writes all of the rules, whatever the view has chosen: beside path first,
 * then renamed over it. Readable by its owner only. */
apr_status_t cg_rules_save(const cg_rules_t *rules, const char *path,
                           cg_error_t *err, apr_pool_t *pool);
/* Maps a file so written, read-only; the mapping goes with pool. All packs are
 * chosen. APR_EINVAL: damaged, or of another version, library or processor;
 * the caller goes on with the rules it has. */
apr_status_t cg_rules_map(const char *path, const cg_rules_t **out,
                          cg_error_t *err, apr_pool_t *pool);

#endif
