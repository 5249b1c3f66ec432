/* The rulebook: every list, regex and pack that the configuration names, compiled
 * together, once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is made while the configuration is checked, so that configtest finds what is
 * faulty, in the parent, so that all children share its pages. A place only
 * chooses from it. What is on disk is read anew at each reload; children that are
 * still busy go on with what they inherited.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define SUFFIX ".rules"

static const char *path_of(const char *path, apr_pool_t *pool)
{
    return ap_server_root_relative(pool, path);
}

/* ---- ChatGPTWords, ChatGPTPattern: for every place -------------------------- */

/* One row of ChatGPTWords: FILE [exact|caseless] [whole-word]. */
static bool read_words(const apr_array_header_t *row, cg_word_list_t *list,
                       cg_error_t *err, apr_pool_t *pool)
{
    const char *file = APR_ARRAY_IDX(row, 0, const char *);
    cg_str_t *words;
    cg_error_t why;
    *list = (cg_word_list_t){.name = apr_filepath_name_get(file),
                             .is_caseless = true};
    for (int i = 1; i < row->nelts; i++) {
        cg_str_t word = cg_str(APR_ARRAY_IDX(row, i, const char *));
        bool is_exact = cg_str_is_nocase(word, "exact");
        if (cg_str_is_nocase(word, "whole-word")) {
            list->is_whole_word = true;
        }
        else if (is_exact || cg_str_is_nocase(word, "caseless")) {
            list->is_caseless = !is_exact;
        }
        else {
            cg_error_set(err,
                         "ChatGPTWords: \"%s\" is not legal; legal: FILE "
                         "[exact|caseless] [whole-word]",
                         word.ptr);
            return false;
        }
    }
    if (cg_words_read(path_of(file, pool), &words, &list->count, &why, pool) !=
        APR_SUCCESS) {
        cg_error_set(err, "ChatGPTWords: %s", why.text);
        return false;
    }
    list->words = words;
    return true;
}

/* One row of ChatGPTPattern: NAME REGEX. */
static bool read_pattern(const apr_array_header_t *row, cg_regex_t *regex,
                         cg_error_t *err)
{
    cg_error_t why;
    if (row->nelts != 2) {
        cg_error_set(err, "ChatGPTPattern: legal: NAME REGEX, the regex in "
                          "quotes if it holds blanks");
        return false;
    }
    *regex = (cg_regex_t){.name = APR_ARRAY_IDX(row, 0, const char *),
                          .regex = APR_ARRAY_IDX(row, 1, const char *)};
    if (cg_regex_check(regex, &why) != APR_SUCCESS) {
        cg_error_set(err, "ChatGPTPattern: %s", why.text);
        return false;
    }
    return true;
}

static bool read_directives(const cg_policy_t *policy, cg_rules_spec_t *out,
                            cg_error_t *err, apr_pool_t *pool)
{
    size_t lists = policy->words ? (size_t)policy->words->nelts : 0;
    size_t regexes = policy->patterns ? (size_t)policy->patterns->nelts : 0;
    cg_word_list_t *list = apr_pcalloc(pool, (lists + 1) * sizeof *list);
    cg_regex_t *regex = apr_pcalloc(pool, (regexes + 1) * sizeof *regex);
    for (size_t i = 0; i < lists; i++) {
        if (!read_words(APR_ARRAY_IDX(policy->words, i, apr_array_header_t *),
                        &list[i], err, pool)) {
            return false;
        }
    }
    for (size_t i = 0; i < regexes; i++) {
        if (!read_pattern(
                APR_ARRAY_IDX(policy->patterns, i, apr_array_header_t *),
                &regex[i], err)) {
            return false;
        }
    }
    *out = (cg_rules_spec_t){.lists = list,
                             .list_count = lists,
                             .regexes = regex,
                             .regex_count = regexes};
    return true;
}

/* ---- packs ------------------------------------------------------------------ */

/* Reads one file as a pack. It is found again by the word it was named by. */
static bool add_file(cg_rules_spec_t *spec, const char *directive,
                     const char *word, const char *path, cg_error_t *err,
                     apr_pool_t *pool)
{
    cg_rules_spec_t one;
    cg_error_t why;
    if (cg_rules_read(path, &one, &why, pool) == APR_SUCCESS) {
        cg_pack_t *pack = apr_pmemdup(pool, one.packs, sizeof *pack);
        pack->path = apr_pstrdup(pool, word);
        one.packs = pack;
        if (cg_rules_spec_add(spec, &one, &why, pool) == APR_SUCCESS) {
            return true;
        }
    }
    cg_error_set(err, "%s: \"%s\": %s", directive, word, why.text);
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_rule_file(const char *name)
{
    size_t len = strlen(name);
    size_t cut = sizeof SUFFIX - 1;
    return *name != '.' && len > cut && strcmp(name + len - cut, SUFFIX) == 0;
}

/* Every pack of the folder. The folder that nobody named may be missing. */
static bool add_folder(const cg_policy_t *policy, cg_rules_spec_t *spec,
                       cg_error_t *err, apr_pool_t *pool)
{
    const char *folder = path_of(policy->rules_folder, pool);
    apr_dir_t *dir;
    apr_finfo_t info;
    char reason[120];
    apr_array_header_t *names = apr_array_make(pool, 8, sizeof(char *));
    apr_status_t status = apr_dir_open(&dir, folder, pool);
    if (status != APR_SUCCESS) {
        cg_error_set(err,
                     "ChatGPTRulesFolder: \"%s\" cannot be read: %s; legal: "
                     "the folder of the packs of rules",
                     folder, apr_strerror(status, reason, sizeof reason));
        return !cg_policy_is_set(policy, CG_ROW_rules_folder);
    }
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (is_rule_file(info.name)) {
            *(const char **)apr_array_push(names) =
                apr_pstrdup(pool, info.name);
        }
    }
    apr_dir_close(dir);
    qsort(names->elts, (size_t)names->nelts, sizeof(char *), by_name);
    for (int i = 0; i < names->nelts; i++) {
        const char *path = apr_pstrcat(
            pool, folder, "/", APR_ARRAY_IDX(names, i, const char *), NULL);
        if (!add_file(spec, "ChatGPTRulesFolder", path, path, err, pool)) {
            return false;
        }
    }
    return true;
}

static bool has_pack(const cg_rules_spec_t *spec, const char *word)
{
    for (size_t i = 0; i < spec->pack_count; i++) {
        if (strcmp(spec->packs[i].name, word) == 0 ||
            strcmp(spec->packs[i].path, word) == 0) {
            return true;
        }
    }
    return strcmp(word, "*") == 0;
}

static const char *names_of(const cg_rules_spec_t *spec, apr_pool_t *pool)
{
    const char *names = "";
    for (size_t i = 0; i < spec->pack_count; i++) {
        names =
            apr_pstrcat(pool, names, i ? ", " : "", spec->packs[i].name, NULL);
    }
    return names;
}

/* One word of ChatGPTRules: a pack there is, or a file to be read. */
static bool add_named(cg_rules_spec_t *spec, const char *word,
                      const char *where, cg_error_t *err, apr_pool_t *pool)
{
    cg_error_t why;
    if (has_pack(spec, word)) {
        return true;
    }
    if (!strchr(word, '/') && !is_rule_file(word)) {
        cg_error_set(err,
                     "ChatGPTRules: \"%s\" is not legal; legal: %s, or a file "
                     "of rules, its name with a / or ending in .rules (%s)",
                     word, names_of(spec, pool), where);
        return false;
    }
    if (!add_file(spec, "ChatGPTRules", word, path_of(word, pool), &why,
                  pool)) {
        cg_error_set(err, "%s (%s)", why.text, where);
        return false;
    }
    return true;
}

static bool add_all_named(cg_rules_spec_t *spec, cg_error_t *err,
                          apr_pool_t *pool)
{
    const apr_array_header_t *written = cg_config_written();
    for (int i = 0; i < written->nelts; i++) {
        const cg_written_t *line = &APR_ARRAY_IDX(written, i, cg_written_t);
        if (line->row != &cg_policy_rows[CG_ROW_packs]) {
            continue;
        }
        char *last;
        char *words = apr_pstrdup(pool, line->words);
        for (char *word = apr_strtok(words, " ", &last); word;
             word = apr_strtok(NULL, " ", &last)) {
            if (!add_named(spec, word, line->where, err, pool)) {
                return false;
            }
        }
    }
    return true;
}

bool cg_rulebook_read(const cg_policy_t *policy, cg_rules_spec_t *out_spec,
                      const cg_rules_t **out, cg_error_t *err, apr_pool_t *pool)
{
    cg_rules_t *all;
    cg_error_t why;
    if (!read_directives(policy, out_spec, err, pool) ||
        !add_folder(policy, out_spec, err, pool)) {
        return false;
    }
    uint64_t of_folder = (UINT64_C(1) << out_spec->pack_count) - 1;
    if (!add_all_named(out_spec, err, pool)) {
        return false;
    }
    if (cg_rules_create(out_spec, &all, &why, pool) != APR_SUCCESS) {
        cg_error_set(err, "ChatGPTRules: %s", why.text);
        return false;
    }
    *out = cg_rules_select(all, of_folder, pool);
    return true;
}

bool cg_rulebook_has(const char *word, cg_error_t *err)
{
    const cg_gateway_t *gateway = cg_life_gateway();
    if (!gateway || strcmp(word, "*") == 0 ||
        cg_rules_pack_find(gateway->rules, word) >= 0) {
        return true;
    }
    cg_error_set(err, "legal: a pack, or a file of rules, that the server's "
                      "configuration knows");
    return false;
}
