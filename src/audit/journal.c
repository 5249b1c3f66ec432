/* The journal on disk that has every audit record first: writing.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Threads of a process share one descriptor for the current segment. The mutex
 * only covers taking and giving back that descriptor and, rarely, opening the
 * next segment; the write itself runs without it. A segment that was left is
 * closed by the last thread that still writes to it, which drops its flock.
 *
 * Two words of shared memory may be in use at once, for a short time: after a
 * restart the old generation has the old one. So the word is only a hint that
 * saves looking into the folder; what counts is which files are there.
 */
#include "audit/journal.h"
#include "audit/journal_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/share.h"

#define OPEN_TRIES 100 /* each lost race means that somebody else moved on */

typedef struct shared_t {
    volatile int64_t segment; /* atomic: the current one, 0 before the first */
    int64_t spare[7];         /* a cache line of its own */
} shared_t;

typedef struct segment_t {
    int fd;
    int64_t number;
    int users; /* threads between acquire and release */
    struct segment_t *next_free;
} segment_t;

/* lives in: child pool · mutex guards current, users and free */
struct cg_journal_t {
    const char *folder;
    shared_t *shared;
    int64_t segment_max;
    apr_thread_mutex_t *mutex;
    segment_t *current; /* NULL until the first append */
    segment_t *free;
    apr_pool_t *pool;
    int lead_fd;            /* -1: not leading */
    volatile int64_t leads; /* atomic: for other threads than the leader's */
    int64_t synced_from;    /* segments before it are on the disk */
    char node[CG_JOURNAL_NODE_LEN + 1];
};

/* ---- segments --------------------------------------------------------- */

static segment_t *new_segment(cg_journal_t *journal, int fd, int64_t number)
{
    segment_t *segment = journal->free;
    if (segment) {
        journal->free = segment->next_free;
    }
    else {
        segment = apr_palloc(journal->pool, sizeof *segment);
    }
    *segment = (segment_t){.fd = fd, .number = number};
    return segment;
}

/* Under the mutex. Closing drops the shared lock. */
static void free_segment(cg_journal_t *journal, segment_t *segment)
{
    close(segment->fd);
    segment->next_free = journal->free;
    journal->free = segment;
}

/* Under the mutex: nobody begins a write to the current segment any more. */
static void retire(cg_journal_t *journal)
{
    segment_t *segment = journal->current;
    journal->current = NULL;
    if (segment && segment->users == 0) {
        free_segment(journal, segment);
    }
}

static int64_t number_after(int64_t segment)
{
    int64_t now = cg_clock_now() / 1000;
    return now > segment ? now : segment + 1;
}

/* The number to open: the word, which is never behind the folder. */
static int64_t current_number(cg_journal_t *journal)
{
    volatile int64_t *word = &journal->shared->segment;
    int64_t seen = cg_atomic_get(word);
    int64_t newest = cg_journal_newest(journal->folder);
    if (seen == 0) {
        /* After a start the old segment is left alone, torn end and all. */
        cg_atomic_swap_if(word, 0, number_after(newest));
    }
    else if (newest > seen) {
        cg_atomic_swap_if(word, seen, newest);
    }
    return cg_atomic_get(word);
}

/* Opens a segment for appending and locks it against the reader's leaving.
 * -1 with errno EAGAIN: it is not the newest, try again with another. */
static int open_segment(cg_journal_t *journal, int64_t number)
{
    char path[CG_JOURNAL_PATH_MAX];
    if (!cg_journal_segment_path(journal->folder, number, path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    /* The order matters: first the lock, then the look. The reader looks for a
     * newer segment first and then tries its lock; so one of us sees the other.
     */
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 ||
        cg_journal_newest(journal->folder) != number) {
        close(fd);
        errno = EAGAIN;
        return -1;
    }
    return fd;
}

/* Under the mutex. */
static apr_status_t open_current(cg_journal_t *journal, cg_error_t *err)
{
    retire(journal);
    for (int i = 0; i < OPEN_TRIES; i++) {
        int64_t number = current_number(journal);
        errno = 0;
        int fd = open_segment(journal, number);
        if (fd >= 0) {
            journal->current = new_segment(journal, fd, number);
            return APR_SUCCESS;
        }
        if (errno == ENOENT) {
            cg_journal_make_folder(journal->folder, NULL);
        }
        else if (errno != EAGAIN) {
            break;
        }
    }
    return cg_journal_fail(err, journal->folder, "cannot open a segment");
}

static segment_t *acquire(cg_journal_t *journal, apr_status_t *out_status,
                          cg_error_t *err)
{
    *out_status = APR_SUCCESS;
    apr_thread_mutex_lock(journal->mutex);
    segment_t *segment = journal->current;
    if (!segment ||
        segment->number != cg_atomic_get(&journal->shared->segment)) {
        *out_status = open_current(journal, err);
        segment = journal->current;
    }
    if (segment) {
        segment->users++;
    }
    apr_thread_mutex_unlock(journal->mutex);
    return segment;
}

static void release(cg_journal_t *journal, segment_t *segment)
{
    apr_thread_mutex_lock(journal->mutex);
    segment->users--;
    if (segment->users == 0 && segment != journal->current) {
        free_segment(journal, segment);
    }
    apr_thread_mutex_unlock(journal->mutex);
}

static void move_on_if_full(cg_journal_t *journal, const segment_t *segment)
{
    struct stat info;
    if (fstat(segment->fd, &info) == 0 &&
        info.st_size >= journal->segment_max) {
        cg_atomic_swap_if(&journal->shared->segment, segment->number,
                          number_after(segment->number));
    }
}

/* ---- writing ---------------------------------------------------------- */

static apr_status_t close_journal(void *data)
{
    cg_journal_t *journal = data;
    cg_journal_resign(journal);
    apr_thread_mutex_lock(journal->mutex);
    retire(journal);
    apr_thread_mutex_unlock(journal->mutex);
    return APR_SUCCESS;
}

size_t cg_journal_shared_bytes(void)
{
    return sizeof(shared_t);
}

apr_status_t cg_journal_open(cg_journal_t **out, const char *folder,
                             void *shared, size_t segment_max, cg_error_t *err,
                             apr_pool_t *pool)
{
    cg_journal_t *journal = apr_pcalloc(pool, sizeof *journal);
    journal->folder = apr_pstrdup(pool, folder);
    journal->shared = shared;
    journal->segment_max = (int64_t)segment_max;
    journal->pool = pool;
    journal->lead_fd = -1;
    apr_status_t status = cg_journal_make_folder(folder, err);
    if (status == APR_SUCCESS) {
        status = cg_journal_learn_node(folder, journal->node, err, pool);
    }
    if (status == APR_SUCCESS) {
        status = apr_thread_mutex_create(&journal->mutex,
                                         APR_THREAD_MUTEX_DEFAULT, pool);
    }
    if (status == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, journal, close_journal,
                                  apr_pool_cleanup_null);
        *out = journal;
    }
    return status;
}

const char *cg_journal_folder(const cg_journal_t *journal)
{
    return journal->folder;
}

bool cg_journal_leads(const cg_journal_t *journal)
{
    return cg_atomic_get(&journal->leads) != 0;
}

const char *cg_journal_node(const cg_journal_t *journal)
{
    return journal->node;
}

void cg_journal_entry_make(const cg_record_t *record, cg_str_t json,
                           cg_journal_entry_t *out)
{
    *out = (cg_journal_entry_t){
        .at = record->at,
        .took = record->took,
        .status = record->status,
        .decision = cg_record_decision(record->decision),
        .input_tokens = record->input_tokens,
        .output_tokens = record->output_tokens,
        .cost_micros = record->cost_micros,
        .keep_for = record->keep_for,
        .has_hold = record->has_hold,
        .is_released = record->is_released,
        .json = json,
    };
    const char *id = record->hold_id ? record->hold_id : record->id;
    apr_cpystrn(out->id, id ? id : "", sizeof out->id);
    for (size_t i = 0; i < record->findings_count; i++) {
        out->findings += record->findings[i].count;
    }
}

/* One frame by one write. 1: it is there; 0: torn; -1: errno. */
static int write_frame(int fd, const unsigned char *front, size_t front_len,
                       cg_str_t json)
{
    /* writev does not change what it reads; POSIX leaves the const out. */
    union {
        const void *in;
        void *out;
    } first = {.in = front}, second = {.in = json.ptr};
    struct iovec parts[2] = {{first.out, front_len}, {second.out, json.len}};
    ssize_t written = -1;
    do {
        errno = 0;
        written = writev(fd, parts, 2);
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        return -1;
    }
    return (size_t)written == front_len + json.len;
}

apr_status_t cg_journal_append(cg_journal_t *journal,
                               const cg_journal_entry_t *entry, cg_error_t *err)
{
    if (entry->json.len > CG_JOURNAL_JSON_MAX ||
        !memchr(entry->id, '\0', sizeof entry->id)) {
        cg_error_set(err, "journal %s: the record is too large",
                     journal->folder);
        return APR_EINVAL;
    }
    unsigned char front[CG_FRAME_FRONT_MAX];
    size_t front_len = cg_frame_front(entry, front);
    apr_status_t status = APR_SUCCESS;
    segment_t *segment = acquire(journal, &status, err);
    if (!segment) {
        return status;
    }
    int done = write_frame(segment->fd, front, front_len, entry->json);
    if (done == 0) {
        /* The torn frame stays; the reader passes over it. */
        done = write_frame(segment->fd, front, front_len, entry->json);
    }
    if (done != 1) {
        errno = done < 0 ? errno : ENOSPC;
        status =
            cg_journal_fail(err, journal->folder, "cannot append a record");
    }
    else {
        move_on_if_full(journal, segment);
    }
    release(journal, segment);
    return status;
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT; /* shipped and removed meanwhile */
    }
    bool is_synced = fdatasync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return is_synced;
}

apr_status_t cg_journal_sync(cg_journal_t *journal, cg_error_t *err)
{
    int64_t segment = journal->synced_from - 1; /* the newest again: it grew */
    for (;;) {
        int64_t next = 0;
        int64_t newest = 0;
        char path[CG_JOURNAL_PATH_MAX];
        cg_journal_scan(journal->folder, segment, &next, &newest);
        if (next == 0) {
            return APR_SUCCESS;
        }
        errno = 0;
        bool is_new = next != journal->synced_from;
        if (!cg_journal_segment_path(journal->folder, next, path) ||
            !sync_file(path) || (is_new && !sync_file(journal->folder))) {
            return cg_journal_fail(err, journal->folder, "cannot sync");
        }
        segment = next;
        journal->synced_from = next;
    }
}

/* Was the file taken away under us? What we write would go nowhere. */
static bool is_gone(int fd)
{
    struct stat info;
    return fstat(fd, &info) != 0 || info.st_nlink == 0;
}

void cg_journal_refresh(cg_journal_t *journal)
{
    int64_t newest = cg_journal_newest(journal->folder);
    apr_thread_mutex_lock(journal->mutex);
    segment_t *segment = journal->current;
    if (segment &&
        (segment->number != cg_atomic_get(&journal->shared->segment) ||
         segment->number < newest || is_gone(segment->fd))) {
        retire(journal);
    }
    apr_thread_mutex_unlock(journal->mutex);
}

bool cg_journal_lead(cg_journal_t *journal)
{
    cg_journal_refresh(journal);
    if (journal->lead_fd >= 0 && !is_gone(journal->lead_fd)) {
        return true;
    }
    cg_journal_resign(journal);
    char path[CG_JOURNAL_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/ship.lock", journal->folder);
    if (len < 0 || len >= (int)sizeof path) {
        return false;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || is_gone(fd)) {
        close(fd);
        return false;
    }
    journal->lead_fd = fd;
    cg_atomic_set(&journal->leads, 1);
    return true;
}

void cg_journal_resign(cg_journal_t *journal)
{
    if (journal->lead_fd >= 0) {
        close(journal->lead_fd);
        journal->lead_fd = -1;
        cg_atomic_set(&journal->leads, 0);
    }
}
