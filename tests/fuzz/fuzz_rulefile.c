/* Fuzz target: rule files, and what is compiled of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever a file holds, it is refused with its line or read; what was read
 * compiles or is refused, within a moment; what was compiled scans the file's own
 * text, whole and by its first pack alone.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "redact/scan.h"

#include "replay.h"

#define NAME "fuzz.rules"

static void check_pack(const cg_rules_spec_t *spec)
{
    MUST(spec->pack_count == 1);
    MUST(*spec->packs->title || !*spec->packs->name);
    MUST(spec->packs->label_count <= CG_PACK_LANGUAGES_MAX);
    for (size_t i = 0; i < CG_DETECTORS_MAX; i++) {
        MUST(spec->packs->action[i] <= 1 + CG_ACTION_BLOCK);
    }
    for (size_t i = 0; i < spec->list_count; i++) {
        MUST(spec->lists[i].packs == 1);
        MUST(spec->lists[i].count == 0 || spec->lists[i].words);
    }
}

static void scan_by(const cg_rules_t *rules, cg_str_t text, apr_pool_t *pool)
{
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    MUST(cg_redact_scan(rules, text, CG_SCAN_PLAIN, &findings) == APR_SUCCESS);
    uint32_t end = 0;
    for (size_t i = 0; i < findings.count; i++) {
        const cg_finding_t *finding = &findings.items[i];
        MUST(finding->start >= end && finding->end > finding->start);
        MUST(finding->end <= text.len);
        MUST(finding->rule < 0 ||
             cg_rules_name(rules, finding->type, finding->rule)[0]);
        end = finding->end;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    apr_pool_t *pool = NULL;
    cg_rules_spec_t spec;
    cg_rules_t *rules = NULL;
    cg_error_t err = {{0}};
    if (!is_ready) {
        apr_initialize();
        atexit(apr_terminate);
        is_ready = true;
    }
    apr_pool_create(&pool, NULL);
    cg_str_t text = {(const char *)data, size};
    if (cg_rules_parse(NAME, text, &spec, &err, pool) != APR_SUCCESS) {
        MUST(strncmp(err.text, NAME ":", sizeof NAME) == 0);
    }
    else {
        check_pack(&spec);
        if (cg_rules_create(&spec, &rules, &err, pool) == APR_SUCCESS) {
            scan_by(rules, text, pool);
            scan_by(cg_rules_select(rules, 0, pool), text, pool);
        }
        else {
            MUST(err.text[0]);
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
