/* Where a secret comes from: a file, the environment, or a program.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/source.h"

#include <signal.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/clock.h"

#define PROGRAM_FOR APR_TIME_C(10000000)
#define BYTES_MAX 65536

/* ---- files --------------------------------------------------------------- */

static apr_status_t read_file(const char *path, cg_secret_t **out,
                              cg_error_t *err, apr_pool_t *pool)
{
    apr_finfo_t about;
    const apr_int32_t others = APR_FPROT_GREAD | APR_FPROT_GWRITE |
                               APR_FPROT_GEXECUTE | APR_FPROT_WREAD |
                               APR_FPROT_WWRITE | APR_FPROT_WEXECUTE;
    apr_status_t rv =
        apr_stat(&about, path, APR_FINFO_TYPE | APR_FINFO_PROT, pool);
    if (rv == APR_SUCCESS && (about.protection & others)) {
        cg_error_set(
            err, "%s is open to others than its owner; write chmod 0400", path);
        return APR_EACCES;
    }
    return cg_secret_load(path, out, err, pool);
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
static apr_status_t gather(apr_proc_t *from, char *bytes, size_t *out_len)
{
    apr_time_t end = cg_clock_monotonic() + PROGRAM_FOR;
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

/* Its own status, or -1 when a signal ended it. */
static int end_of(apr_proc_t *proc, bool is_done)
{
    int status = -1;
    apr_exit_why_e why = APR_PROC_SIGNAL;
    if (!is_done) {
        apr_proc_kill(proc, SIGKILL);
    }
    apr_file_close(proc->out);
    apr_proc_wait(proc, &status, &why, APR_WAIT);
    return APR_PROC_CHECK_EXIT(why) ? status : -1;
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
    cg_secret_room(BYTES_MAX + 1, &bytes, pool);
    rv = gather(&proc, bytes, &len);
    int status = end_of(&proc, rv == APR_SUCCESS && len <= BYTES_MAX);
    if (rv != APR_SUCCESS || len > BYTES_MAX || status != 0) {
        cg_error_set(err, "%s: %s", argv[0],
                     len > BYTES_MAX    ? "it wrote more than 64 KiB"
                     : rv == APR_TIMEUP ? "it took longer than 10 s"
                                        : "it ended with a failure");
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
