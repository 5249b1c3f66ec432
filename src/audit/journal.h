/* The journal on disk that has every audit record first.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One folder per server, on a local file system, never shared by two servers:
 *
 *   <13-digit ms>.cgj   a segment; all children append to the newest
 *   node                random name of this server's stream in the ledger
 *   ship.lock           locked by the one process that ships
 *
 * A frame is appended with one write on an O_APPEND descriptor; the kernel
 * serialises such writes, so frames of several processes do not mix, and what
 * was written survives kill -9 of the writer at once. Against power loss there
 * is cg_journal_sync.
 *
 *   FF 'C' 'G' 'J' | length | CRC-32 of payload | CRC-32 of these 12 | payload
 *   payload = version, flags, decision, numbers, id | the record's JSON
 *   (version 1 had no keep; it is still read)
 *
 * All numbers little-endian. FF stands in no UTF-8 text, so the mark of a frame
 * cannot be forged by what a caller writes.
 *
 * A writer killed inside write(2), or a disk that is full, leaves a torn frame.
 * Nobody repairs it: the reader passes over to the next mark whose checks hold.
 * Only at the end of the newest segment it cannot know whether a frame is torn
 * or still being written, and waits.
 *
 * The number of the current segment is a word in shared memory. Whoever finds
 * the segment full moves the word on by compare-and-swap and the others notice.
 * Each process holds a shared flock on the segment it writes to, for as long as
 * it may write there; the reader leaves a segment only when it can take that
 * lock alone. So no record can slip in behind the reader, and the kernel lets
 * go when a process dies. A process must call cg_journal_lead (or _refresh)
 * about once a second, or its idle lock keeps the reader in an old segment.
 */
#ifndef CG_AUDIT_JOURNAL_H
#define CG_AUDIT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>
#include <apr_user.h>

#include "audit/record.h"
#include "base/error.h"
#include "base/text.h"

#define CG_JOURNAL_ID_MAX 128
#define CG_JOURNAL_JSON_MAX                                                    \
    (4u << 20) /* bytes of one record; cut texts before */
#define CG_JOURNAL_SEGMENT_MAX ((size_t)64 << 20)
#define CG_JOURNAL_NODE_LEN 16

/* What the shipper needs of a record without reading its JSON. */
typedef struct cg_journal_entry_t {
    char id[CG_JOURNAL_ID_MAX + 1]; /* of the hold, to settle it */
    apr_time_t at;                  /* the request came in */
    apr_time_t took;                /* at + took: it was recorded */
    int status;
    cg_decision_t decision;
    uint32_t findings; /* sum of all counts */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_micros;
    apr_time_t keep_for; /* from its recording on; 0: no end of its own */
    bool has_hold;
    bool is_released;
    cg_str_t json; /* borrowed */
} cg_journal_entry_t;

/* Where a frame begins. Ascending in the order of the records; 0-0 is before
 * the first. */
typedef struct cg_journal_position_t {
    int64_t segment; /* milliseconds since 1970 */
    int64_t offset;  /* bytes */
} cg_journal_position_t;

/* -- writing ----------------------------------------------------------------
 */

/* lives in: the child's pool · used by all its threads */
typedef struct cg_journal_t cg_journal_t;

/* Zeroed shared memory for cg_journal_open: one per folder, made before fork.
 */
size_t cg_journal_shared_bytes(void);

/* Parent, before fork: makes the folder if need be (mode 0700), gives it to the
 * user the children will run as (only when called as root; uid of -1: leaves
 * the owner), and checks that files can be made there. */
apr_status_t cg_journal_prepare(const char *folder, apr_uid_t uid,
                                apr_gid_t gid, cg_error_t *err,
                                apr_pool_t *pool);

/* Each child opens for itself, after fork (a lock is bound to the process that
 * opened). segment_max is where a segment is left for a new one, in bytes.
 * Makes a folder that is not there. Closed with the pool. */
apr_status_t cg_journal_open(cg_journal_t **out, const char *folder,
                             void *shared, size_t segment_max, cg_error_t *err,
                             apr_pool_t *pool);
/* The random name of this server's stream: 16 hex digits. */
const char *cg_journal_node(const cg_journal_t *journal);
const char *cg_journal_folder(const cg_journal_t *journal);

/* The numbers of a record for its frame; json is what cg_record_write made. */
void cg_journal_entry_make(const cg_record_t *record, cg_str_t json,
                           cg_journal_entry_t *out);

/* Appends one frame; thread-safe, no lock is held over the write. On success it
 * survives the death of this process. A short write is tried once more as a new
 * frame. Fails with the system's error (ENOSPC, EIO, ...) and then the record
 * is not in the journal; APR_EINVAL for a JSON text over CG_JOURNAL_JSON_MAX or
 * an id over CG_JOURNAL_ID_MAX. */
apr_status_t cg_journal_append(cg_journal_t *journal,
                               const cg_journal_entry_t *entry,
                               cg_error_t *err);
/* Forces to the disk what all processes of this server appended before. Called
 * about once a second by the process that leads, it bounds what a power failure
 * can take. One thread only. */
apr_status_t cg_journal_sync(cg_journal_t *journal, cg_error_t *err);

/* Leaves a segment that others have left, or that was removed. _lead calls it.
 */
void cg_journal_refresh(cg_journal_t *journal);
/* Tries to become the one process of this server that ships, or says that it
 * still is. Never waits. One thread only. */
bool cg_journal_lead(cg_journal_t *journal);
void cg_journal_resign(cg_journal_t *journal);
/* Did the last cg_journal_lead say yes? For other threads of the process. */
bool cg_journal_leads(const cg_journal_t *journal);

/* -- reading ----------------------------------------------------------------
 */

/* lives in: the pool given to open · one thread */
typedef struct cg_journal_reader_t cg_journal_reader_t;

/* Begins at the oldest segment. Does not need the writer's shared memory. */
apr_status_t cg_journal_reader_open(cg_journal_reader_t **out,
                                    const char *folder, cg_error_t *err,
                                    apr_pool_t *pool);
/* The next record; out_entry->json is valid until the next call on this reader.
 * APR_EOF: nothing more for now. Other values: the disk failed. */
apr_status_t cg_journal_read_next(cg_journal_reader_t *reader,
                                  cg_journal_entry_t *out_entry,
                                  cg_journal_position_t *out_position,
                                  cg_error_t *err);
/* Goes on behind the record at position (which need not exist any more). */
void cg_journal_reader_seek(cg_journal_reader_t *reader,
                            cg_journal_position_t position);
/* Number of the newest segment of the folder; 0 when there is none. */
int64_t cg_journal_reader_newest(cg_journal_reader_t *reader);
/* Damaged or torn places passed over so far. */
uint64_t cg_journal_reader_skipped(const cg_journal_reader_t *reader);
/* What lies behind the reader's place: bytes exactly, records estimated from
 * the mean size of those read so far. */
void cg_journal_reader_backlog(cg_journal_reader_t *reader, int64_t *out_bytes,
                               int64_t *out_records);
/* Removes segments before the one the reader stands in, when their last write
 * is older than keep_for (so that a store that lost its newest writes can be
 * given them again). Returns how many. Only for the process that leads. */
size_t cg_journal_reader_drop(cg_journal_reader_t *reader, apr_time_t now,
                              apr_time_t keep_for);

/* Finds the first sound frame at or after *offset in a piece of a segment that
 * begins with bytes. is_whole: nothing will ever follow these bytes. On true
 * *offset is the frame's start and *out_next its end. On false *offset is how
 * far the bytes are settled (torn or foreign); what follows may yet become a
 * frame. Never reads outside bytes; for the reader, chatgptctl and the fuzz
 * target. */
bool cg_journal_parse(cg_str_t bytes, bool is_whole, size_t *offset,
                      size_t *out_next, cg_journal_entry_t *out_entry);

#endif
