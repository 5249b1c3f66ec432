/* Could this document be published, and what would it change?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/policy.h"

#include <string.h>

#include <apr_strings.h>

#define COMPILE_FOR (4 * APR_USEC_PER_SEC)
#define CHEAP_PATTERNS 40 /* some 2 ms each, and each is bounded */

const cg_rules_t *cg_admin_policy_known(const cg_ask_t *ask)
{
    return ask->admin->configured_rules ? ask->admin->configured_rules
                                        : cg_rules_builtin();
}

void cg_admin_policy_document(cg_ask_t *ask, const cg_version_t *version,
                              cg_document_t *out)
{
    cg_document_empty(out);
    if (!version) {
        return;
    }
    cg_json_t *json = cg_json_parse(version->document.ptr,
                                    version->document.len, NULL, ask->pool);
    apr_array_header_t *ignored =
        apr_array_make(ask->pool, 4, sizeof(cg_document_fault_t));
    if (json) {
        cg_document_read(json, cg_admin_policy_known(ask), out, ignored,
                         ask->pool);
    }
}

static void add_fault(apr_array_header_t *faults, const char *pointer,
                      const char *code, const char *detail)
{
    *(cg_document_fault_t *)apr_array_push(faults) =
        (cg_document_fault_t){pointer, code, detail};
}

bool cg_admin_policy_read(cg_ask_t *ask, const cg_json_t *json,
                          cg_document_t *out, apr_array_header_t *faults)
{
    size_t len = 0;
    cg_json_dump(json, &len, ask->pool);
    if (len > CG_DOCUMENT_BYTES_MAX) {
        cg_document_empty(out);
        add_fault(faults, "", "too_long", "at most 4 MiB");
        return false;
    }
    return cg_document_read(json, cg_admin_policy_known(ask), out, faults,
                            ask->pool);
}

bool cg_admin_policy_prove(cg_ask_t *ask, const cg_document_t *document,
                           apr_array_header_t *faults)
{
    return cg_document_prove(document, COMPILE_FOR, faults, ask->pool);
}

bool cg_admin_policy_compile(cg_ask_t *ask, const cg_document_t *document,
                             cg_rules_t **out, apr_array_header_t *faults)
{
    cg_error_t err = {""};
    bool is_cheap = document->spec.regex_count <= CHEAP_PATTERNS;
    if (!is_cheap && !cg_admin_policy_prove(ask, document, faults)) {
        return false;
    }
    if (cg_document_compile(document, ask->admin->configured, out, &err,
                            ask->pool) == APR_SUCCESS) {
        return true;
    }
    if (!is_cheap || cg_admin_policy_prove(ask, document, faults)) {
        add_fault(faults, "", "cannot_compile",
                  apr_pstrdup(ask->pool, err.text));
    }
    return false;
}

void cg_admin_policy_refuse(cg_ask_t *ask, const apr_array_header_t *faults)
{
    for (int i = 0; i < faults->nelts; i++) {
        const cg_document_fault_t *one =
            &APR_ARRAY_IDX(faults, i, cg_document_fault_t);
        cg_admin_fault(ask, "body",
                       apr_pstrcat(ask->pool, "/document", one->pointer, NULL),
                       one->code, one->detail);
    }
    cg_admin_refuse_faults(ask);
}

static cg_json_t *faults_json(cg_ask_t *ask, const apr_array_header_t *faults)
{
    cg_json_t *array = cg_json_array(ask->pool);
    for (int i = 0; i < faults->nelts; i++) {
        const cg_document_fault_t *one =
            &APR_ARRAY_IDX(faults, i, cg_document_fault_t);
        cg_json_t *fault = cg_json_object(ask->pool);
        cg_json_set_str(fault, "pointer", one->pointer);
        cg_json_set_str(fault, "code", one->code);
        cg_json_set_str(fault, "detail", one->detail);
        cg_json_add(array, fault);
    }
    return array;
}

/* The published version; *out_found false: there is none. */
static bool load_current(cg_ask_t *ask, cg_version_t *out, bool *out_found)
{
    int64_t current = 0;
    *out_found = false;
    return cg_admin_policy_current(ask, &current) &&
           (!current ||
            cg_admin_policy_load(ask, current, true, out, out_found));
}

/* Changes are told of a document that can be read, also if its patterns cannot
 * be compiled. */
void cg_admin_policy_checks_create(cg_ask_t *ask)
{
    cg_version_t current;
    bool has_current = false;
    if (!load_current(ask, &current, &has_current)) {
        return;
    }
    apr_array_header_t *faults =
        apr_array_make(ask->pool, 4, sizeof(cg_document_fault_t));
    cg_document_t before, after;
    bool loosens = false;
    cg_admin_policy_document(ask, has_current ? &current : NULL, &before);
    if (cg_admin_policy_read(ask, cg_json_get(ask->body, "document"), &after,
                             faults)) {
        cg_admin_policy_prove(ask, &after, faults);
    }
    cg_json_t *changes = cg_document_compare(
        &before, &after, cg_admin_policy_known(ask), &loosens, ask->pool);
    cg_json_t *check = cg_json_object(ask->pool);
    cg_json_set(check, "faults", faults_json(ask, faults));
    cg_json_set(check, "changes", changes);
    cg_json_set_bool(check, "loosens", loosens);
    cg_admin_json(ask, 200, check);
}
