/* The journal on disk that has every audit record first: reading.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A window of the current segment is held in memory and searched for frames:
 *
 *   segment  |......................|=============window============|...new...
 *                                   ^ base           ^ at           ^ base+len
 *
 * A segment is left when a newer one exists and no process holds it for writing
 * any more; only then is an unfinished frame at its end known to be torn.
 */
#include "audit/journal.h"
#include "audit/journal_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#define WINDOW_BYTES ((size_t)256 << 10)

/* lives in: the pool of open · one thread */
struct cg_journal_reader_t {
    const char *folder;
    int fd;          /* -1: no segment is open */
    int64_t segment; /* open, or the last that was */
    bool is_closed;  /* nobody writes to it any more */
    bool is_end;     /* the window reached the end of the file */
    int64_t base;    /* file offset of the window */
    size_t at;       /* in the window: where to search on */
    size_t len;
    char *window;
    size_t cap;
    int64_t passed; /* offset of a record already taken, -1: none */
    uint64_t skipped;
    uint64_t frames; /* read so far, for the mean */
    uint64_t frames_bytes;
    apr_pool_t *pool;
};

static apr_status_t fail(const cg_journal_reader_t *reader, const char *what,
                         cg_error_t *err)
{
    apr_status_t status = errno ? errno : APR_EGENERAL;
    char words[120];
    apr_strerror(status, words, sizeof words);
    cg_error_set(err, "journal %s: segment %lld: %s: %s", reader->folder,
                 (long long)reader->segment, what, words);
    return status;
}

static void close_segment(cg_journal_reader_t *reader)
{
    if (reader->fd >= 0) {
        close(reader->fd);
        reader->fd = -1;
    }
    reader->is_closed = false;
    reader->is_end = false;
    reader->base = 0;
    reader->at = 0;
    reader->len = 0;
}

static apr_status_t open_segment(cg_journal_reader_t *reader, int64_t segment,
                                 int64_t offset, cg_error_t *err)
{
    char path[CG_JOURNAL_PATH_MAX];
    close_segment(reader);
    reader->segment = segment;
    errno = ENAMETOOLONG;
    if (!cg_journal_segment_path(reader->folder, segment, path)) {
        return fail(reader, "cannot open", err);
    }
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0) {
        return fail(reader, "cannot open", err);
    }
    reader->base = offset;
    return APR_SUCCESS;
}

/* Room for size bytes. A window that was outgrown is lost to the pool; it
 * doubles, so that all lost ones together are smaller than the last. */
static void widen(cg_journal_reader_t *reader, size_t size)
{
    if (size <= reader->cap) {
        return;
    }
    size_t cap = reader->cap * 2 > size ? reader->cap * 2 : size;
    char *window = apr_palloc(reader->pool, cap);
    memcpy(window, reader->window, reader->len);
    reader->window = window;
    reader->cap = cap;
}

/* Moves what is not yet searched to the front and reads on behind it, until the
 * window holds `want` bytes or the file ends. */
static apr_status_t fill(cg_journal_reader_t *reader, size_t want,
                         size_t *out_added, cg_error_t *err)
{
    *out_added = 0;
    memmove(reader->window, reader->window + reader->at,
            reader->len - reader->at);
    reader->base += (int64_t)reader->at;
    reader->len -= reader->at;
    reader->at = 0;
    widen(reader, want);
    while (reader->len < reader->cap) {
        errno = 0;
        ssize_t got = pread(reader->fd, reader->window + reader->len,
                            reader->cap - reader->len,
                            (off_t)(reader->base + (int64_t)reader->len));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(reader, "cannot read", err);
        }
        if (got == 0) {
            reader->is_end = true;
            return APR_SUCCESS;
        }
        reader->len += (size_t)got;
        *out_added += (size_t)got;
    }
    reader->is_end = false;
    return APR_SUCCESS;
}

/* Steps over bytes that are no frame. Those before the place sought to belong
 * to a record already taken and are no damage. */
static void skip_to(cg_journal_reader_t *reader, size_t to)
{
    if (to > reader->at && reader->passed < 0) {
        reader->skipped++;
    }
    reader->at = to;
}

/* May the reader leave? True when a newer segment exists and nobody writes to
 * this one; the lock is only tried, never kept. */
static bool can_leave(cg_journal_reader_t *reader)
{
    int64_t next = 0;
    int64_t newest = 0;
    cg_journal_scan(reader->folder, reader->segment, &next, &newest);
    if (next == 0 || flock(reader->fd, LOCK_EX | LOCK_NB) != 0) {
        return false;
    }
    flock(reader->fd, LOCK_UN);
    return true;
}

/* All bytes of the file are searched. APR_SUCCESS: go on; APR_EOF: wait. */
static apr_status_t at_end(cg_journal_reader_t *reader, cg_error_t *err)
{
    if (!reader->is_closed) {
        reader->is_closed = can_leave(reader);
    }
    /* Read once more after the look: what was written before it counts. */
    size_t added = 0;
    apr_status_t status = fill(reader, 0, &added, err);
    if (status != APR_SUCCESS || added || !reader->is_end) {
        return status;
    }
    if (!reader->is_closed) {
        return APR_EOF;
    }
    skip_to(reader, reader->len);
    close_segment(reader);
    reader->passed = -1;
    return APR_SUCCESS;
}

static apr_status_t open_next(cg_journal_reader_t *reader, cg_error_t *err)
{
    int64_t next = 0;
    int64_t newest = 0;
    errno = 0;
    apr_status_t status =
        cg_journal_scan(reader->folder, reader->segment, &next, &newest);
    if (status == ENOENT) {
        return APR_EOF;
    }
    if (status != APR_SUCCESS) {
        errno = status;
        return fail(reader, "cannot read the folder", err);
    }
    return next ? open_segment(reader, next, 0, err) : APR_EOF;
}

static apr_status_t close_reader(void *data)
{
    close_segment(data);
    return APR_SUCCESS;
}

apr_status_t cg_journal_reader_open(cg_journal_reader_t **out,
                                    const char *folder, cg_error_t *err,
                                    apr_pool_t *pool)
{
    cg_journal_reader_t *reader = apr_pcalloc(pool, sizeof *reader);
    reader->folder = apr_pstrdup(pool, folder);
    int64_t next = 0;
    int64_t newest = 0;
    errno = cg_journal_scan(folder, 0, &next, &newest);
    if (errno != APR_SUCCESS) {
        return fail(reader, "cannot read the folder", err);
    }
    reader->fd = -1;
    reader->passed = -1;
    reader->cap = WINDOW_BYTES;
    reader->window = apr_palloc(pool, reader->cap);
    reader->pool = pool;
    apr_pool_cleanup_register(pool, reader, close_reader,
                              apr_pool_cleanup_null);
    *out = reader;
    return APR_SUCCESS;
}

/* Takes the frame that begins at the window's `start`. False: it is the one
 * sought to, which was taken before. */
static bool take(cg_journal_reader_t *reader, size_t start, size_t next,
                 cg_journal_position_t *out)
{
    int64_t offset = reader->base + (int64_t)start;
    bool is_taken = reader->passed == offset;
    skip_to(reader, start);
    reader->passed = -1;
    reader->at = next;
    *out = (cg_journal_position_t){reader->segment, offset};
    if (!is_taken) {
        reader->frames++;
        reader->frames_bytes += next - start;
    }
    return !is_taken;
}

apr_status_t cg_journal_read_next(cg_journal_reader_t *reader,
                                  cg_journal_entry_t *out_entry,
                                  cg_journal_position_t *out_position,
                                  cg_error_t *err)
{
    for (;;) {
        if (reader->fd < 0) {
            apr_status_t status = open_next(reader, err);
            if (status != APR_SUCCESS) {
                return status;
            }
        }
        cg_str_t bytes = {reader->window, reader->len};
        size_t start = reader->at;
        size_t next = 0;
        cg_frame_search_t seen =
            cg_frame_find(bytes, reader->is_end, &start, &next, out_entry);
        if (seen == CG_FRAME_FOUND) {
            if (take(reader, start, next, out_position)) {
                return APR_SUCCESS;
            }
            continue;
        }
        skip_to(reader, start);
        size_t added = 0;
        size_t want = seen == CG_FRAME_NEED ? next - start : 0;
        apr_status_t status = reader->is_end ? at_end(reader, err)
                                             : fill(reader, want, &added, err);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
}

void cg_journal_reader_seek(cg_journal_reader_t *reader,
                            cg_journal_position_t position)
{
    cg_error_t ignored;
    if (open_segment(reader, position.segment, position.offset, &ignored) ==
        APR_SUCCESS) {
        reader->passed = position.offset;
        return;
    }
    reader->passed = -1; /* the segment is gone: on with the next */
}

int64_t cg_journal_reader_newest(cg_journal_reader_t *reader)
{
    return cg_journal_newest(reader->folder);
}

uint64_t cg_journal_reader_skipped(const cg_journal_reader_t *reader)
{
    return reader->skipped;
}

static int64_t size_of(const char *folder, int64_t segment)
{
    char path[CG_JOURNAL_PATH_MAX];
    struct stat info;
    if (!cg_journal_segment_path(folder, segment, path) ||
        stat(path, &info) != 0) {
        return 0;
    }
    return info.st_size;
}

void cg_journal_reader_backlog(cg_journal_reader_t *reader, int64_t *out_bytes,
                               int64_t *out_records)
{
    int64_t bytes = 0;
    if (reader->fd >= 0) {
        bytes = size_of(reader->folder, reader->segment) - reader->base -
                (int64_t)reader->at;
    }
    int64_t next = reader->segment;
    int64_t newest = 0;
    do {
        cg_journal_scan(reader->folder, next, &next, &newest);
        bytes += next ? size_of(reader->folder, next) : 0;
    } while (next);
    *out_bytes = bytes > 0 ? bytes : 0;
    uint64_t mean = reader->frames ? reader->frames_bytes / reader->frames
                                   : 1024; /* nothing seen yet: a guess */
    *out_records = *out_bytes / (int64_t)mean;
}

size_t cg_journal_reader_drop(cg_journal_reader_t *reader, apr_time_t now,
                              apr_time_t keep_for)
{
    size_t dropped = 0;
    int64_t next = 0;
    int64_t newest = 0;
    if (reader->fd < 0) {
        return 0;
    }
    cg_journal_scan(reader->folder, 0, &next, &newest);
    while (next && next < reader->segment && next < newest) {
        char path[CG_JOURNAL_PATH_MAX];
        struct stat info;
        bool is_old = cg_journal_segment_path(reader->folder, next, path) &&
                      stat(path, &info) == 0 &&
                      apr_time_from_sec(info.st_mtime) + keep_for <= now;
        if (is_old && unlink(path) == 0) {
            dropped++;
        }
        cg_journal_scan(reader->folder, next, &next, &newest);
    }
    return dropped;
}
