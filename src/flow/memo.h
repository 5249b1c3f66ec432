/* The memory of texts that were scanned: a text seen before costs a hash.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A chat sends its whole conversation each time; only its last message is new.
 * What a scan found in a text is kept under a keyed hash of the text and of all
 * that the scan depended on. Kept are places, types and scores, never a letter
 * of the text; and who reads the memory cannot try guesses against the hash,
 * since its key is made anew at each start and stands elsewhere.
 *
 * What is done with a finding is no part of it: the same entry serves places
 * with different actions. Other rules make another hash, so nothing has to be
 * forgotten when they change.
 */
#ifndef CG_FLOW_MEMO_H
#define CG_FLOW_MEMO_H

#include "base/share.h"
#include "redact/scan.h"

/* Shorter texts are scanned as quickly as looked up: 0.3 us, measured. */
#define CG_MEMO_TEXT_MIN 64
/* Texts with more findings than this are scanned each time. */
#define CG_MEMO_FINDINGS_MAX 96

/* lives in: the pool given to open; what it points to is shared */
typedef struct cg_memo_t cg_memo_t;

typedef struct cg_memo_key_t {
    uint64_t hash[2];
} cg_memo_key_t;

/* Shared memory for that many entries; an entry holds six findings, a text with
 * more of them takes several. */
size_t cg_memo_bytes(size_t entries);
/* secret: random, the same in every process that shares the memory. */
cg_memo_t *cg_memo_open(void *memory, size_t entries, const uint64_t secret[2],
                        apr_pool_t *pool);

/* version: identity of the rules; how: whatever else the findings depend on. */
cg_memo_key_t cg_memo_key(const cg_memo_t *memo, uint64_t version, uint64_t how,
                          cg_str_t name, cg_str_t text);
/* Replaces the content of out by what is known of the text; false if nothing
 * is, or nothing that could be right: then the text has to be scanned. */
bool cg_memo_get(cg_memo_t *memo, const cg_memo_key_t *key, cg_str_t text,
                 apr_time_t now, cg_findings_t *out);
void cg_memo_put(cg_memo_t *memo, const cg_memo_key_t *key, cg_str_t text,
                 const cg_findings_t *findings, apr_time_t now);

#endif
