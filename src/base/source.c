/* Where a secret comes from: a file, the environment, or a program.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/source.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/clock.h"

#define PROGRAM_FOR APR_TIME_C(10000000)
#define LOOK_EACH APR_TIME_C(2000)
#define BYTES_MAX 65536

/* ---- files --------------------------------------------------------------- */

/* Who else may read it knows the secret, and who else may write it can put another
 * in its place. Links are followed: it is where they lead that counts. */
static bool is_closed(const apr_finfo_t *about, const char *path,
                      cg_error_t *err)
{
    const apr_int32_t others = APR_FPROT_GREAD | APR_FPROT_GWRITE |
                               APR_FPROT_GEXECUTE | APR_FPROT_WREAD |
                               APR_FPROT_WWRITE | APR_FPROT_WEXECUTE;
    if (about->protection & others) {
        cg_error_set(
            err, "%s is open to others than its owner; write chmod 0400", path);
        return false;
    }
    if (about->user != 0 && about->user != geteuid()) {
        cg_error_set(err,
                     "%s belongs to the user %ld, who can change it; write "
                     "chown %ld",
                     path, (long)about->user, (long)geteuid());
        return false;
    }
    return true;
}

/* A pipe is told before it is opened, for that would wait; the rest of what is open,
 * so that nobody exchanges the file between two looks. */
static apr_status_t read_file(const char *path, cg_secret_t **out,
                              cg_error_t *err, apr_pool_t *pool)
{
    apr_finfo_t about;
    apr_file_t *file;
    char why[120];
    apr_status_t rv = apr_stat(&about, path, APR_FINFO_TYPE, pool);
    if (rv == APR_SUCCESS && about.filetype != APR_REG) {
        cg_error_set(err, "%s is no file", path);
        return APR_EINVAL;
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                           pool);
    }
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "cannot read %s: %s", path,
                     apr_strerror(rv, why, sizeof why));
        return rv;
    }
    rv = apr_file_info_get(&about, APR_FINFO_PROT | APR_FINFO_OWNER, file);
    if (rv == APR_SUCCESS) {
        rv = is_closed(&about, path, err)
                 ? cg_secret_read(file, path, out, err, pool)
                 : APR_EACCES;
    }
    apr_file_close(file);
    return rv;
}

static apr_status_t read_env(const char *name, cg_secret_t **out,
                             cg_error_t *err, apr_pool_t *pool)
{
    return cg_secret_from_env(name, out, err, pool);
}

/* ---- programs ------------------------------------------------------------ */

static apr_status_t start(apr_proc_t *to, char **argv, apr_pool_t *pool)
{
    apr_procattr_t *how;
    apr_status_t rv = apr_procattr_create(&how, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_io_set(how, APR_NO_FILE, APR_FULL_BLOCK, APR_NO_PIPE);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_cmdtype_set(how, APR_PROGRAM_ENV);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_error_check_set(how, 1);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_proc_create(to, argv[0], (const char *const *)argv, NULL, how,
                             pool);
    }
    return rv;
}

/* What it writes, until it closes its end, more than BYTES_MAX, or takes too
 * long. */
static apr_status_t gather(apr_proc_t *from, apr_time_t end, char *bytes,
                           size_t *out_len)
{
    apr_status_t rv = APR_SUCCESS;
    size_t len = 0;
    while (rv == APR_SUCCESS && len <= BYTES_MAX) {
        apr_time_t left = end - cg_clock_monotonic();
        apr_size_t got = BYTES_MAX + 1 - len;
        if (left <= 0) {
            return APR_TIMEUP;
        }
        apr_file_pipe_timeout_set(from->out, left);
        rv = apr_file_read(from->out, bytes + len, &got);
        len += rv == APR_SUCCESS ? got : 0;
    }
    *out_len = len;
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Waits until it ends or its time is over; then it is killed. Its own status, or
 * -1 when a signal ended it. A program may close its output and go on. */
static int end_of(apr_proc_t *proc, apr_time_t end, bool is_done)
{
    int status = -1;
    apr_exit_why_e why = APR_PROC_SIGNAL;
    apr_file_close(proc->out);
    while (is_done && cg_clock_monotonic() < end) {
        if (apr_proc_wait(proc, &status, &why, APR_NOWAIT) == APR_CHILD_DONE) {
            return APR_PROC_CHECK_EXIT(why) ? status : -1;
        }
        apr_sleep(LOOK_EACH);
    }
    apr_proc_kill(proc, SIGKILL);
    apr_proc_wait(proc, &status, &why, APR_WAIT);
    return -1;
}

/* Nothing that it wrote is repeated. */
static void tell_failure(const char *program, apr_status_t rv, size_t len,
                         int status, cg_error_t *err)
{
    if (len > BYTES_MAX) {
        cg_error_set(err, "%s: it wrote more than 64 KiB", program);
    }
    else if (rv == APR_TIMEUP) {
        cg_error_set(err, "%s: it took longer than 10 s", program);
    }
    else if (status > 0) {
        cg_error_set(err, "%s: it ended with status %d", program, status);
    }
    else {
        cg_error_set(err, "%s: it ended with a failure", program);
    }
}

static apr_status_t run(char **argv, cg_secret_t **out, cg_error_t *err,
                        apr_pool_t *pool)
{
    apr_proc_t proc;
    char *bytes;
    char why[120];
    size_t len = 0;
    apr_status_t rv = start(&proc, argv, pool);
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "%s cannot be started: %s", argv[0],
                     apr_strerror(rv, why, sizeof why));
        return rv;
    }
    apr_time_t end = cg_clock_monotonic() + PROGRAM_FOR;
    cg_secret_room(BYTES_MAX + 1, &bytes, pool);
    rv = gather(&proc, end, bytes, &len);
    int status = end_of(&proc, end, rv == APR_SUCCESS && len <= BYTES_MAX);
    if (rv == APR_SUCCESS && status < 0 && cg_clock_monotonic() >= end) {
        rv = APR_TIMEUP;
    }
    if (rv != APR_SUCCESS || len > BYTES_MAX || status != 0) {
        tell_failure(argv[0], rv, len, status, err);
        return rv != APR_SUCCESS ? rv : APR_EGENERAL;
    }
    len -= len && bytes[len - 1] == '\n' ? 1 : 0;
    *out = cg_secret_make((cg_str_t){bytes, len}, pool);
    return APR_SUCCESS;
}

static apr_status_t read_program(const char *line, cg_secret_t **out,
                                 cg_error_t *err, apr_pool_t *pool)
{
    char **argv;
    apr_pool_t *own;
    if (apr_tokenize_to_argv(line, &argv, pool) != APR_SUCCESS || !argv[0]) {
        cg_error_set(err, "exec: wants the path of a program");
        return APR_EINVAL;
    }
    /* Its room goes as soon as the secret has been copied out of it. */
    apr_pool_create(&own, pool);
    cg_secret_t *wrote = NULL;
    apr_status_t rv = run(argv, &wrote, err, own);
    if (rv == APR_SUCCESS) {
        *out = cg_secret_copy(wrote, pool);
    }
    apr_pool_destroy(own);
    return rv;
}

/* ---- by its first word --------------------------------------------------- */

static const struct form_t {
    const char *begin;
    bool is_path;
    apr_status_t (*read)(const char *rest, cg_secret_t **out, cg_error_t *err,
                         apr_pool_t *pool);
} forms[] = {
    {"file:", true, read_file},
    {"env:", false, read_env},
    {"exec:", true, read_program},
};

static const struct form_t *find_form(const char *word, const char **out_rest)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t len = strlen(forms[i].begin);
        if (strncmp(word, forms[i].begin, len) == 0 && word[len] &&
            (!forms[i].is_path || word[len] == '/')) {
            *out_rest = word + len;
            return &forms[i];
        }
    }
    return NULL;
}

bool cg_source_check(const char *word, cg_error_t *err)
{
    const char *rest;
    if (!find_form(word, &rest)) {
        cg_error_set(err, "a word is not legal; legal: file:/path, env:NAME, "
                          "exec:/path [ARGUMENT]...");
        return false;
    }
    return true;
}

apr_status_t cg_source_read(const char *word, cg_secret_t **out,
                            cg_error_t *err, apr_pool_t *pool)
{
    const char *rest;
    const struct form_t *form = find_form(word, &rest);
    if (!form) {
        cg_source_check(word, err);
        return APR_EINVAL;
    }
    return form->read(rest, out, err, pool);
}
