/* What differs between two policy documents, and which way.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Things are known by their names, not by their places: a list that moved has not
 * changed. A type's action is compared as it comes out, with what the chosen packs
 * want where the document says nothing.
 *
 * A list or a pattern with an action below mask may find what a type would have
 * masked, and then it is its action that counts. So to add one, or a word to one,
 * loosens.
 */
#include "redact/document.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#define EXAMPLES_MAX 50 /* of words added and removed */

/* One of the two documents, with what follows from it. */
typedef struct side_t {
    const cg_document_t *document;
    cg_actions_t request; /* as they come out */
    cg_actions_t answer;
} side_t;

typedef struct comparison_t {
    side_t before;
    side_t after;
    const cg_rules_t *known;
    cg_json_t *changes;
    bool loosens;
    apr_pool_t *pool;
} comparison_t;

const char *cg_effect_name(cg_effect_t effect)
{
    static const char *const names[] = {[CG_EFFECT_NEUTRAL] = "neutral",
                                        [CG_EFFECT_STRICTER] = "stricter",
                                        [CG_EFFECT_LOOSER] = "looser"};
    return names[effect];
}

/* ---- one change --------------------------------------------------------- */

/* The change's object, to which before and after are set by the caller; it
 * stands in no list when there are too many already. */
static cg_json_t *add(comparison_t *c, const char *pointer, const char *name,
                      const char *of, cg_effect_t effect)
{
    cg_json_t *change = cg_json_object(c->pool);
    cg_json_set_str(change, "pointer", pointer);
    cg_json_set_str(change, "what",
                    *of ? apr_pstrcat(c->pool, name, " ", of, NULL) : name);
    cg_json_set_null(change, "before");
    cg_json_set_null(change, "after");
    cg_json_set_str(change, "effect", cg_effect_name(effect));
    c->loosens = c->loosens || effect == CG_EFFECT_LOOSER;
    if (cg_json_size(c->changes) < CG_DOCUMENT_CHANGES_MAX) {
        cg_json_add(c->changes, change);
    }
    return change;
}

static cg_effect_t effect_of(int before, int after)
{
    return after > before   ? CG_EFFECT_STRICTER
           : after < before ? CG_EFFECT_LOOSER
                            : CG_EFFECT_NEUTRAL;
}

/* Of two effects of one change: what loosens anywhere loosens. */
static cg_effect_t both_of(cg_effect_t a, cg_effect_t b)
{
    return a > b ? a : b;
}

static void set_copy(cg_json_t *change, const char *name,
                     const cg_json_t *value)
{
    if (value) {
        cg_json_set(change, name, (cg_json_t *)(uintptr_t)value);
    }
}

static const char *pointer_to(const comparison_t *c, const char *array,
                              size_t index, const char *member)
{
    return apr_psprintf(c->pool, "/%s/%" APR_SIZE_T_FMT "%s%s", array, index,
                        *member ? "/" : "", member);
}

/* ---- locked, packs ------------------------------------------------------ */

static void compare_locked(comparison_t *c)
{
    bool before = c->before.document->is_locked;
    bool after = c->after.document->is_locked;
    if (before != after) {
        cg_json_t *change =
            add(c, "/locked", "locked", "", effect_of(before, after));
        cg_json_set_bool(change, "before", before);
        cg_json_set_bool(change, "after", after);
    }
}

static uint64_t packs_of(const comparison_t *c, const cg_document_t *document)
{
    return document->has_packs ? document->packs : cg_rules_packs(c->known);
}

/* Does a type fare worse of which neither document says anything? */
static bool loses_types(const comparison_t *c)
{
    for (int t = 0; t < CG_TYPE_COUNT; t++) {
        bool is_unsaid = !c->before.document->said_request[t] ||
                         !c->after.document->said_request[t] ||
                         !c->before.document->said_answer[t] ||
                         !c->after.document->said_answer[t];
        if (is_unsaid &&
            (c->after.request.by_type[t] < c->before.request.by_type[t] ||
             c->after.answer.by_type[t] < c->before.answer.by_type[t])) {
            return true;
        }
    }
    return false;
}

/* A pack is more than its types: lists, upstream regions, labels. */
static void compare_packs(comparison_t *c)
{
    const cg_document_t *before = c->before.document;
    const cg_document_t *after = c->after.document;
    uint64_t had = packs_of(c, before);
    uint64_t has = packs_of(c, after);
    if (before->has_packs == after->has_packs && had == has) {
        return;
    }
    cg_effect_t effect = (had & ~has) || loses_types(c) ? CG_EFFECT_LOOSER
                         : had == has                   ? CG_EFFECT_NEUTRAL
                                                        : CG_EFFECT_STRICTER;
    cg_json_t *change = add(c, "/packs", "packs", "", effect);
    set_copy(change, "before", cg_json_get(before->json, "packs"));
    set_copy(change, "after", cg_json_get(after->json, "packs"));
}

/* ---- types -------------------------------------------------------------- */

/* Where the document speaks of the type: its own row, else the family's. */
static const char *row_of(const comparison_t *c, const cg_document_t *document,
                          int type, bool is_request)
{
    const char *name = cg_detector_name(type);
    const char *const wanted[] = {
        name, cg_detector_is_secret(type) ? "SECRET_*" : name, "*"};
    const cg_json_t *rows = cg_json_get(document->json, "types");
    size_t count = rows ? cg_json_size(rows) : 0;
    for (int w = 0; w < 3; w++) {
        for (size_t i = 0; i < count; i++) {
            const cg_json_t *row = cg_json_at(rows, i);
            const char *direction = cg_json_get_str(row, "direction", "both");
            bool is_there = strcmp(direction, "both") == 0 ||
                            (strcmp(direction, "request") == 0) == is_request;
            if (is_there &&
                strcmp(cg_json_get_str(row, "type", ""), wanted[w]) == 0) {
                return pointer_to(c, "types", i, "");
            }
        }
    }
    return "/types";
}

static void set_said(cg_json_t *change, const char *name, uint8_t said)
{
    if (said) {
        cg_json_set_str(change, name, cg_action_name((cg_action_t)(said - 1)));
    }
}

static void add_type(comparison_t *c, int type, const char *direction,
                     uint8_t before, uint8_t after, cg_effect_t effect)
{
    bool is_request = strcmp(direction, "answer") != 0;
    const cg_document_t *shown = after ? c->after.document : c->before.document;
    cg_json_t *change =
        add(c, row_of(c, shown, type, is_request), cg_detector_name(type),
            strcmp(direction, "both") == 0 ? "" : direction, effect);
    set_said(change, "before", before);
    set_said(change, "after", after);
    cg_json_set_str(change, "direction", direction);
}

static void compare_type(comparison_t *c, int t)
{
    const cg_document_t *before = c->before.document;
    const cg_document_t *after = c->after.document;
    uint8_t was[] = {before->said_request[t], before->said_answer[t]};
    uint8_t is[] = {after->said_request[t], after->said_answer[t]};
    cg_effect_t effect[] = {
        effect_of(c->before.request.by_type[t], c->after.request.by_type[t]),
        effect_of(c->before.answer.by_type[t], c->after.answer.by_type[t])};
    if (was[0] == was[1] && is[0] == is[1]) {
        if (was[0] != is[0]) {
            add_type(c, t, "both", was[0], is[0],
                     both_of(effect[0], effect[1]));
        }
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (was[i] != is[i]) {
            add_type(c, t, i == 0 ? "request" : "answer", was[i], is[i],
                     effect[i]);
        }
    }
}

/* ---- words -------------------------------------------------------------- */

static apr_hash_t *set_of(const cg_str_t *texts, size_t count, apr_pool_t *pool)
{
    apr_hash_t *set = apr_hash_make(pool);
    for (size_t i = 0; i < count; i++) {
        apr_hash_set(set, texts[i].ptr, (apr_ssize_t)texts[i].len, &texts[i]);
    }
    return set;
}

/* Those of texts that set has not; how many, and the first of them in order. */
static size_t missing(const cg_str_t *texts, size_t count, apr_hash_t *set,
                      cg_json_t *out_examples, apr_pool_t *pool)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (apr_hash_get(set, texts[i].ptr, (apr_ssize_t)texts[i].len)) {
            continue;
        }
        found++;
        if (found <= EXAMPLES_MAX) {
            cg_json_add_str(out_examples, cg_str_dup(texts[i], pool));
        }
    }
    return found;
}

/* on_added, on_removed: what each of them means here. */
static void compare_texts(comparison_t *c, const char *pointer,
                          const char *name, const char *of,
                          const cg_str_t *before, size_t before_count,
                          const cg_str_t *after, size_t after_count,
                          cg_effect_t on_added, cg_effect_t on_removed)
{
    cg_json_t *added = cg_json_array(c->pool);
    cg_json_t *removed = cg_json_array(c->pool);
    size_t more =
        missing(after, after_count, set_of(before, before_count, c->pool),
                added, c->pool);
    size_t less =
        missing(before, before_count, set_of(after, after_count, c->pool),
                removed, c->pool);
    if (more + less == 0) {
        return;
    }
    cg_effect_t effect = both_of(more ? on_added : CG_EFFECT_NEUTRAL,
                                 less ? on_removed : CG_EFFECT_NEUTRAL);
    cg_json_t *change = add(c, pointer, name, of, effect);
    cg_json_set_int(change, "before", (int64_t)before_count);
    cg_json_set_int(change, "after", (int64_t)after_count);
    cg_json_set(change, "added", added);
    cg_json_set(change, "removed", removed);
}

/* ---- lists and patterns -------------------------------------------------- */

/* The weaker of its two directions, of an action that may be the type's. */
static int action_of(const side_t *side, uint8_t own, int type)
{
    int request = side->request.by_type[type];
    int answer = side->answer.by_type[type];
    return own ? own - 1 : request < answer ? request : answer;
}

static cg_effect_t effect_of_new(int action)
{
    return action >= CG_ACTION_MASK ? CG_EFFECT_STRICTER : CG_EFFECT_LOOSER;
}

static void compare_flag(comparison_t *c, const char *pointer, const char *name,
                         const char *of, bool before, bool after,
                         bool is_strict)
{
    if (before != after) {
        cg_json_t *change =
            add(c, pointer, name, of,
                after == is_strict ? CG_EFFECT_STRICTER : CG_EFFECT_LOOSER);
        cg_json_set_bool(change, "before", before);
        cg_json_set_bool(change, "after", after);
    }
}

/* An action of its own that is the type's changes nothing today. */
static void compare_action(comparison_t *c, const char *pointer,
                           const char *name, uint8_t before, uint8_t after,
                           int type)
{
    if (before != after) {
        cg_json_t *change = add(c, pointer, name, "action",
                                effect_of(action_of(&c->before, before, type),
                                          action_of(&c->after, after, type)));
        set_said(change, "before", before);
        set_said(change, "after", after);
    }
}

static cg_json_t *list_json(const cg_word_list_t *list, apr_pool_t *pool)
{
    cg_json_t *object = cg_json_object(pool);
    cg_json_set_int(object, "words", (int64_t)list->count);
    cg_json_set_bool(object, "exact", !list->is_caseless);
    cg_json_set_bool(object, "whole_word", list->is_whole_word);
    cg_json_set_null(object, "action");
    set_said(object, "action", list->action);
    return object;
}

static cg_json_t *pattern_json(const cg_regex_t *regex, apr_pool_t *pool)
{
    cg_json_t *object = cg_json_object(pool);
    cg_json_set_str(object, "regex", regex->regex);
    cg_json_set_bool(object, "caseless", regex->is_caseless);
    cg_json_set_null(object, "action");
    set_said(object, "action", regex->action);
    return object;
}

static const cg_word_list_t *find_list(const cg_document_t *in,
                                       const char *name)
{
    for (size_t i = 0; i < in->spec.list_count; i++) {
        if (strcmp(in->spec.lists[i].name, name) == 0) {
            return &in->spec.lists[i];
        }
    }
    return NULL;
}

static const cg_regex_t *find_pattern(const cg_document_t *in, const char *name)
{
    for (size_t i = 0; i < in->spec.regex_count; i++) {
        if (strcmp(in->spec.regexes[i].name, name) == 0) {
            return &in->spec.regexes[i];
        }
    }
    return NULL;
}

static void compare_list(comparison_t *c, size_t i)
{
    const cg_word_list_t *after = &c->after.document->spec.lists[i];
    const cg_word_list_t *before = find_list(c->before.document, after->name);
    int action = action_of(&c->after, after->action, CG_TYPE_KEYWORD);
    if (!before) {
        cg_json_t *change = add(c, pointer_to(c, "lists", i, ""), after->name,
                                "", effect_of_new(action));
        cg_json_set(change, "after", list_json(after, c->pool));
        return;
    }
    compare_texts(c, pointer_to(c, "lists", i, "words"), after->name, "words",
                  before->words, before->count, after->words, after->count,
                  effect_of_new(action), CG_EFFECT_LOOSER);
    compare_flag(c, pointer_to(c, "lists", i, "exact"), after->name, "exact",
                 !before->is_caseless, !after->is_caseless, false);
    compare_flag(c, pointer_to(c, "lists", i, "whole_word"), after->name,
                 "whole_word", before->is_whole_word, after->is_whole_word,
                 false);
    compare_action(c, pointer_to(c, "lists", i, "action"), after->name,
                   before->action, after->action, CG_TYPE_KEYWORD);
}

static void compare_pattern(comparison_t *c, size_t i)
{
    const cg_regex_t *after = &c->after.document->spec.regexes[i];
    const cg_regex_t *before = find_pattern(c->before.document, after->name);
    int action = action_of(&c->after, after->action, CG_TYPE_CUSTOM);
    if (!before) {
        cg_json_t *change = add(c, pointer_to(c, "patterns", i, ""),
                                after->name, "", effect_of_new(action));
        cg_json_set(change, "after", pattern_json(after, c->pool));
        return;
    }
    if (strcmp(before->regex, after->regex) != 0) {
        cg_json_t *change = add(c, pointer_to(c, "patterns", i, "regex"),
                                after->name, "regex", CG_EFFECT_LOOSER);
        cg_json_set_str(change, "before", before->regex);
        cg_json_set_str(change, "after", after->regex);
    }
    compare_flag(c, pointer_to(c, "patterns", i, "caseless"), after->name,
                 "caseless", before->is_caseless, after->is_caseless, true);
    compare_action(c, pointer_to(c, "patterns", i, "action"), after->name,
                   before->action, after->action, CG_TYPE_CUSTOM);
}

/* A list or pattern of before that after has no more. */
static void compare_gone(comparison_t *c)
{
    const cg_document_t *before = c->before.document;
    for (size_t i = 0; i < before->spec.list_count; i++) {
        const cg_word_list_t *list = &before->spec.lists[i];
        if (!find_list(c->after.document, list->name)) {
            cg_json_t *change = add(c, pointer_to(c, "lists", i, ""),
                                    list->name, "", CG_EFFECT_LOOSER);
            cg_json_set(change, "before", list_json(list, c->pool));
        }
    }
    for (size_t i = 0; i < before->spec.regex_count; i++) {
        const cg_regex_t *regex = &before->spec.regexes[i];
        if (!find_pattern(c->after.document, regex->name)) {
            cg_json_t *change = add(c, pointer_to(c, "patterns", i, ""),
                                    regex->name, "", CG_EFFECT_LOOSER);
            cg_json_set(change, "before", pattern_json(regex, c->pool));
        }
    }
}

/* ---- the whole ---------------------------------------------------------- */

static void come_out(const comparison_t *c, side_t *side)
{
    const cg_document_t *document = side->document;
    cg_actions_t wanted;
    cg_rules_pack_actions(
        cg_rules_select(c->known, packs_of(c, document), c->pool), &wanted);
    side->request = wanted;
    side->answer = wanted;
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (document->said_request[t]) {
            side->request.by_type[t] = (uint8_t)(document->said_request[t] - 1);
        }
        if (document->said_answer[t]) {
            side->answer.by_type[t] = (uint8_t)(document->said_answer[t] - 1);
        }
    }
}

cg_json_t *cg_document_compare(const cg_document_t *before,
                               const cg_document_t *after,
                               const cg_rules_t *known, bool *out_loosens,
                               apr_pool_t *pool)
{
    comparison_t c = {.before = {.document = before},
                      .after = {.document = after},
                      .known = known,
                      .changes = cg_json_array(pool),
                      .pool = pool};
    come_out(&c, &c.before);
    come_out(&c, &c.after);
    compare_locked(&c);
    compare_packs(&c);
    for (int t = 0; t < CG_TYPE_COUNT; t++) {
        compare_type(&c, t);
    }
    for (size_t i = 0; i < after->spec.list_count; i++) {
        compare_list(&c, i);
    }
    for (size_t i = 0; i < after->spec.regex_count; i++) {
        compare_pattern(&c, i);
    }
    compare_gone(&c);
    compare_texts(&c, "/allowed", "allowed", "", before->spec.allowed,
                  before->spec.allowed_count, after->spec.allowed,
                  after->spec.allowed_count, CG_EFFECT_LOOSER,
                  CG_EFFECT_STRICTER);
    *out_loosens = c.loosens;
    return c.changes;
}
