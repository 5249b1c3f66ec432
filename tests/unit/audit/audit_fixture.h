/* What the tests of the audit room share: a folder of one's own, numbered
 * records, children that are killed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TESTS_AUDIT_FIXTURE_H
#define CG_TESTS_AUDIT_FIXTURE_H

#include <sys/types.h>

#include "audit/journal.h"

/* A new empty folder, removed with pool. */
const char *fixture_folder(apr_pool_t *pool);
/* Zeroed memory shared with children forked later, unmapped with pool. */
void *fixture_shared(size_t bytes, apr_pool_t *pool);
/* Record number `number` of writer `writer`, its JSON `size` bytes or more. */
void fixture_entry(int writer, int number, size_t size, cg_journal_entry_t *out,
                   apr_pool_t *pool);
/* Reads writer and number back out of an entry; false if it is not sound. */
bool fixture_read(const cg_journal_entry_t *entry, int *out_writer,
                  int *out_number);
cg_journal_t *fixture_journal(const char *folder, void *shared,
                              size_t segment_max, apr_pool_t *pool);
cg_journal_reader_t *fixture_reader(const char *folder, apr_pool_t *pool);
/* Appends or fails the test. */
void fixture_append(cg_journal_t *journal, int writer, int number, size_t size);
/* Waits for a child and says whether it ended by itself with 0. */
bool fixture_wait(pid_t child);
/* Bytes of the whole file, in pool. */
cg_str_t fixture_file(const char *path, apr_pool_t *pool);
/* Path of the newest segment. */
const char *fixture_newest(const char *folder, apr_pool_t *pool);
/* Appends raw bytes to a file. */
void fixture_add_bytes(const char *path, const char *bytes, size_t len);

#endif
