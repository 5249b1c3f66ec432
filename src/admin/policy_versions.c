/* Versions of the published policy: reading, publishing, a second person, and the
 * way back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A deed is done first and recorded then; what cannot be recorded is taken back.
 * The record says who, which version, the note and what changed; of words and
 * patterns it says that they changed, not what they are.
 */
#include "admin/policy.h"

#include <string.h>

#include <apr_strings.h>

#define CHANGES_TOLD 20 /* in a record */

/* ---- showing ------------------------------------------------------------- */

static void set_number(cg_json_t *object, const char *name, int64_t number)
{
    if (number) {
        cg_json_set_int(object, name, number);
    }
    else {
        cg_json_set_null(object, name);
    }
}

static void set_words(cg_json_t *object, const char *name, const char *words)
{
    cg_json_set_str(object, name, *words ? words : NULL);
}

static cg_json_t *version_json(cg_ask_t *ask, const cg_version_t *version)
{
    bool was_published = strcmp(version->state, "published") == 0 ||
                         strcmp(version->state, "superseded") == 0;
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_int(object, "version", version->version);
    cg_json_set_str(object, "state", version->state);
    cg_json_set_str(object, "author", version->author);
    cg_json_set_str(object, "note", version->note);
    cg_admin_set_time(object, "created_at", version->created_at);
    set_number(object, "base_version", version->base_version);
    cg_json_set_bool(object, "loosens", version->loosens);
    set_words(object, "approved_by", was_published ? version->decided_by : "");
    set_words(object, "decided_by", version->decided_by);
    cg_admin_set_time(object, "decided_at", version->decided_at);
    set_words(object, "decision_note", version->decision_note);
    cg_admin_set_time(object, "published_at", version->published_at);
    set_number(object, "restores", version->restores);
    return object;
}

static cg_json_t *parsed(cg_ask_t *ask, cg_str_t text, cg_json_t *fallback)
{
    cg_json_t *json = cg_json_parse(text.ptr, text.len, NULL, ask->pool);
    return json ? json : fallback;
}

static void reply_whole(cg_ask_t *ask, const cg_version_t *version)
{
    cg_json_t *object = version_json(ask, version);
    cg_json_set(object, "document",
                parsed(ask, version->document, cg_json_object(ask->pool)));
    cg_json_set(object, "changes",
                parsed(ask, version->changes, cg_json_array(ask->pool)));
    cg_admin_etag(ask, version->revision);
    cg_admin_json(ask, 200, object);
}

/* The version that the path names. */
static bool load_named(cg_ask_t *ask, bool is_whole, cg_version_t *out)
{
    int64_t number = 0;
    bool is_found = false;
    if (cg_parse_count(cg_str(ask->id), &number) && number > 0 &&
        !cg_admin_policy_load(ask, number, is_whole, out, &is_found)) {
        return false;
    }
    if (!is_found) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT, "there is no such version");
    }
    return is_found;
}

/* ---- the record ---------------------------------------------------------- */

static void note_pair(cg_ask_t *ask, cg_json_t *change, const char *name,
                      cg_json_t *before, cg_json_t *after)
{
    cg_json_t *pair = cg_json_object(ask->pool);
    cg_json_set(pair, "before", before);
    cg_json_set(pair, "after", after);
    cg_json_set(change, name, pair);
}

static void note_words(cg_ask_t *ask, cg_json_t *change, const char *name,
                       const char *before, const char *after)
{
    cg_json_t *pair = cg_json_object(ask->pool);
    cg_json_set_str(pair, "before", before);
    cg_json_set_str(pair, "after", after);
    cg_json_set(change, name, pair);
}

/* "EMAIL_ADDRESS request, looser": never a word, a value or a regex. */
static cg_json_t *told_changes(cg_ask_t *ask, const cg_json_t *changes)
{
    cg_json_t *told = cg_json_array(ask->pool);
    size_t count = cg_json_size(changes);
    for (size_t i = 0; i < count && i < CHANGES_TOLD; i++) {
        const cg_json_t *one = cg_json_at(changes, i);
        cg_json_add_str(told, apr_psprintf(ask->pool, "%s, %s",
                                           cg_json_get_str(one, "what", ""),
                                           cg_json_get_str(one, "effect", "")));
    }
    if (count > CHANGES_TOLD) {
        cg_json_add_str(told,
                        apr_psprintf(ask->pool, "%" APR_SIZE_T_FMT " more",
                                     count - CHANGES_TOLD));
    }
    return told;
}

static const char *number_words(cg_ask_t *ask, int64_t number)
{
    return number ? apr_psprintf(ask->pool, "%" APR_INT64_T_FMT, number) : NULL;
}

/* Records the deed, or takes it back; then answers. */
static void conclude(cg_ask_t *ask, const cg_version_t *made,
                     const char *state_before, const char *note)
{
    cg_json_t *change = cg_json_object(ask->pool);
    bool is_current = strcmp(made->state, "published") == 0;
    note_words(ask, change, "state", state_before, made->state);
    if (is_current) {
        note_words(ask, change, "published",
                   number_words(ask, made->base_version),
                   number_words(ask, made->version));
    }
    if (made->restores) {
        note_words(ask, change, "restores", NULL,
                   number_words(ask, made->restores));
    }
    if (*note) {
        note_words(ask, change, "note", NULL, note);
    }
    if (made->changes.len && (is_current || !state_before)) {
        note_pair(ask, change, "changes", NULL,
                  told_changes(ask, parsed(ask, made->changes, NULL)));
    }
    const char *subject = apr_psprintf(
        ask->pool, "policy-versions/%" APR_INT64_T_FMT, made->version);
    const char *audit_id =
        cg_admin_record(ask, "changed", ask->endpoint->status, subject, change);
    if (!audit_id) {
        cg_admin_policy_undo(ask, made);
        return;
    }
    cg_json_t *object = version_json(ask, made);
    cg_json_set_str(object, "audit_id", audit_id);
    if (ask->endpoint->status == 201) {
        apr_table_setn(
            ask->reply->headers, "Location",
            apr_pstrcat(ask->pool, ask->call->base, "/", subject, NULL));
    }
    cg_admin_etag(ask, made->revision);
    cg_admin_json(ask, ask->endpoint->status, object);
}

/* ---- publishing ---------------------------------------------------------- */

static bool needs_second(const cg_ask_t *ask, bool loosens)
{
    return ask->admin->policy_approval == 2 ||
           (ask->admin->policy_approval == 1 && loosens);
}

static bool is_base_current(cg_ask_t *ask, int64_t base, int64_t current)
{
    if (base == current) {
        return cg_admin_is_current(ask, current);
    }
    cg_admin_etag(ask, current);
    cg_admin_problem(ask, CG_PROBLEM_STALE,
                     "version %" APR_INT64_T_FMT
                     " is published now; begin from it",
                     current);
    return false;
}

/* Reads the document and what it would change; false: answered. */
static bool weigh(cg_ask_t *ask, const cg_json_t *json,
                  const cg_version_t *base, cg_version_t *made)
{
    cg_document_t before, after;
    apr_array_header_t *faults =
        apr_array_make(ask->pool, 4, sizeof(cg_document_fault_t));
    cg_admin_policy_document(ask, base, &before);
    cg_rules_t *ignored = NULL;
    if (!cg_admin_policy_read(ask, json, &after, faults) ||
        !cg_admin_policy_compile(ask, &after, &ignored, faults)) {
        cg_admin_policy_refuse(ask, faults);
        return false;
    }
    cg_json_t *changes = cg_document_compare(
        &before, &after, cg_admin_policy_known(ask), &made->loosens, ask->pool);
    if (base && cg_json_size(changes) == 0) {
        cg_admin_fault(ask, "body", "/document", "unchanged",
                       "the published policy says the same");
        cg_admin_refuse_faults(ask);
        return false;
    }
    made->changes = cg_str(cg_json_dump(changes, NULL, ask->pool));
    made->document = cg_str(cg_json_dump(json, NULL, ask->pool));
    return true;
}

static void publish(cg_ask_t *ask, const cg_json_t *json, int64_t base_version,
                    int64_t restores)
{
    const char *note = cg_json_get_str(ask->body, "note", NULL);
    cg_version_t base;
    bool has_base = false;
    if (base_version &&
        !cg_admin_policy_load(ask, base_version, true, &base, &has_base)) {
        return;
    }
    cg_version_t made = {.base_version = base_version,
                         .restores = restores,
                         .author = ask->call->operator.name,
                         .decided_by = "",
                         .decision_note = "",
                         .created_at = ask->call->now};
    if (!weigh(ask, json, has_base ? &base : NULL, &made)) {
        return;
    }
    bool waits = needs_second(ask, made.loosens);
    made.note = note       ? note
                : restores ? apr_psprintf(ask->pool,
                                          "Version %" APR_INT64_T_FMT " again",
                                          restores)
                           : "";
    made.state = waits ? "pending" : "published";
    made.published_at = waits ? 0 : ask->call->now;
    made.revision = waits ? 1 : 2; /* as the script counts */
    if (cg_admin_policy_create(ask, &made)) {
        conclude(ask, &made, NULL, made.note);
    }
}

/* ---- the endpoints -------------------------------------------------------- */

void cg_admin_policy_versions_list(cg_ask_t *ask)
{
    const char *cursor = cg_admin_param(ask, "cursor");
    int64_t before = 0;
    if (cursor && (!cg_parse_count(cg_str(cursor), &before) || before == 0)) {
        cg_admin_refuse_cursor(ask);
        return;
    }
    size_t limit = cg_admin_param_limit(ask);
    cg_version_t *versions = NULL;
    size_t count = 0;
    if (!cg_admin_policy_list(ask, before, limit, &versions, &count)) {
        return;
    }
    cg_json_t *items = cg_json_array(ask->pool);
    for (size_t i = 0; i < count; i++) {
        cg_json_add(items, version_json(ask, &versions[i]));
    }
    cg_admin_list(
        ask, items,
        count == limit ? number_words(ask, versions[count - 1].version) : NULL);
}

void cg_admin_policy_versions_get(cg_ask_t *ask)
{
    cg_version_t version;
    if (load_named(ask, true, &version)) {
        reply_whole(ask, &version);
    }
}

void cg_admin_policy_versions_current(cg_ask_t *ask)
{
    cg_version_t version;
    int64_t current = 0;
    bool is_found = false;
    if (!cg_admin_policy_current(ask, &current) ||
        (current &&
         !cg_admin_policy_load(ask, current, true, &version, &is_found))) {
        return;
    }
    if (is_found) {
        reply_whole(ask, &version);
    }
    else {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT, "no policy is published");
    }
}

void cg_admin_policy_versions_create(cg_ask_t *ask)
{
    int64_t base = cg_json_get_int(ask->body, "base_version", 0);
    int64_t current = 0;
    if (cg_admin_policy_current(ask, &current) &&
        is_base_current(ask, base, current)) {
        publish(ask, cg_json_get(ask->body, "document"), base, 0);
    }
}

void cg_admin_policy_versions_restore(cg_ask_t *ask)
{
    cg_version_t old;
    int64_t current = 0;
    if (!load_named(ask, true, &old) ||
        !cg_admin_policy_current(ask, &current)) {
        return;
    }
    if (old.version == current) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT, "it is the published one");
        return;
    }
    cg_json_t *document = parsed(ask, old.document, NULL);
    if (!document) {
        cg_admin_problem(ask, CG_PROBLEM_INTERNAL,
                         "its document cannot be read any more");
        return;
    }
    publish(ask, document, current, old.version);
}

static void decide(cg_ask_t *ask, const char *decision, const char *state)
{
    cg_version_t version;
    if (!load_named(ask, true, &version) ||
        !cg_admin_is_current(ask, version.revision)) {
        return;
    }
    const char *note = cg_json_get_str(ask->body, "note", "");
    if (!cg_admin_policy_decide(ask, &version, decision, note)) {
        return;
    }
    version.state = state;
    version.decided_by = ask->call->operator.name;
    version.decided_at = ask->call->now;
    version.decision_note = note;
    version.revision += 2; /* as the script counts */
    if (strcmp(state, "published") == 0) {
        version.published_at = ask->call->now;
    }
    conclude(ask, &version, "pending", note);
}

void cg_admin_policy_versions_approve(cg_ask_t *ask)
{
    decide(ask, "approved", "published");
}

void cg_admin_policy_versions_reject(cg_ask_t *ask)
{
    decide(ask, "rejected", "rejected");
}

void cg_admin_policy_versions_withdraw(cg_ask_t *ask)
{
    decide(ask, "withdrawn", "withdrawn");
}
