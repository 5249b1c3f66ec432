/* Small files of the server's own folders: read whole, replaced whole.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

static apr_status_t fail(cg_error_t *err, const char *path, const char *what)
{
    apr_status_t status = errno ? errno : APR_EGENERAL;
    char words[120];
    apr_strerror(status, words, sizeof words);
    cg_error_set(err, "%s: %s: %s", path, what, words);
    return status;
}

static bool write_all(int fd, cg_str_t bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        bytes.ptr += wrote;
        bytes.len -= (size_t)wrote;
    }
    return true;
}

apr_status_t cg_file_replace(const char *path, cg_str_t bytes, cg_error_t *err,
                             apr_pool_t *pool)
{
    const char *fresh = apr_psprintf(pool, "%s.%ld.new", path, (long)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  0600);
    if (fd < 0) {
        return fail(err, fresh, "cannot write");
    }
    bool is_done = write_all(fd, bytes) && fsync(fd) == 0;
    is_done = close(fd) == 0 && is_done;
    if (!is_done || rename(fresh, path) != 0) {
        apr_status_t rv = fail(err, path, "cannot write");
        unlink(fresh);
        return rv;
    }
    return APR_SUCCESS;
}

apr_status_t cg_file_read(const char *path, size_t most, cg_str_t *out,
                          cg_error_t *err, apr_pool_t *pool)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? APR_ENOENT : fail(err, path, "cannot read");
    }
    size_t len = 0;
    ssize_t got = 0;
    char *bytes = NULL;
    bool is_sound = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
                    about.st_size <= (off_t)most;
    if (is_sound) {
        bytes = apr_palloc(pool, (size_t)about.st_size + 1);
        do {
            got = read(fd, bytes + len, (size_t)about.st_size - len);
            len += got > 0 ? (size_t)got : 0;
        } while (got > 0 && len < (size_t)about.st_size);
    }
    close(fd);
    if (!is_sound || got < 0) {
        errno = is_sound ? errno : EFBIG;
        return fail(err, path, "cannot read");
    }
    *out = (cg_str_t){bytes, len};
    return APR_SUCCESS;
}
