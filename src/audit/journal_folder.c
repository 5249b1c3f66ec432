/* The journal's folder: its segments by number, its node, who may write there.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit/journal.h"
#include "audit/journal_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/digest.h"

#define SUFFIX ".cgj"
#define DIGITS 13

apr_status_t cg_journal_fail(cg_error_t *err, const char *folder,
                             const char *what)
{
    apr_status_t status = errno ? errno : APR_EGENERAL;
    char words[120];
    apr_strerror(status, words, sizeof words);
    cg_error_set(err, "journal %s: %s: %s", folder, what, words);
    return status;
}

/* ---- segments --------------------------------------------------------- */

bool cg_journal_segment_path(const char *folder, int64_t segment,
                             char out[CG_JOURNAL_PATH_MAX])
{
    int len = snprintf(out, CG_JOURNAL_PATH_MAX, "%s/%0*" PRId64 SUFFIX, folder,
                       DIGITS, segment);
    return len > 0 && len < CG_JOURNAL_PATH_MAX;
}

/* The number in a segment's name; 0 for any other file. */
static int64_t segment_of(const char *file)
{
    int64_t number = 0;
    cg_str_t digits = {file, DIGITS};
    if (strlen(file) != DIGITS + sizeof SUFFIX - 1 ||
        strcmp(file + DIGITS, SUFFIX) != 0 ||
        !cg_parse_count(digits, &number)) {
        return 0;
    }
    return number;
}

apr_status_t cg_journal_scan(const char *folder, int64_t above,
                             int64_t *out_next, int64_t *out_newest)
{
    *out_next = 0;
    *out_newest = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        return errno;
    }
    for (struct dirent *file = readdir(dir); file; file = readdir(dir)) {
        int64_t number = segment_of(file->d_name);
        if (number > *out_newest) {
            *out_newest = number;
        }
        if (number > above && (*out_next == 0 || number < *out_next)) {
            *out_next = number;
        }
    }
    closedir(dir);
    return APR_SUCCESS;
}

int64_t cg_journal_newest(const char *folder)
{
    int64_t next = 0;
    int64_t newest = 0;
    cg_journal_scan(folder, 0, &next, &newest);
    return newest;
}

/* ---- the folder ------------------------------------------------------- */

apr_status_t cg_journal_make_folder(const char *folder, cg_error_t *err)
{
    errno = 0;
    if (mkdir(folder, 0700) == 0 || errno == EEXIST) {
        return APR_SUCCESS;
    }
    return cg_journal_fail(err, folder, "cannot make the folder");
}

apr_status_t cg_journal_prepare(const char *folder, apr_uid_t uid,
                                apr_gid_t gid, cg_error_t *err,
                                apr_pool_t *pool)
{
    apr_status_t status = cg_journal_make_folder(folder, err);
    if (status != APR_SUCCESS) {
        return status;
    }
    if (geteuid() == 0 && uid != (apr_uid_t)-1 &&
        chown(folder, uid, gid) != 0) {
        return cg_journal_fail(err, folder,
                               "cannot give the folder to the server's user");
    }
    const char *probe =
        apr_psprintf(pool, "%s/probe.%ld", folder, (long)getpid());
    int fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cg_journal_fail(err, folder, "cannot write there");
    }
    close(fd);
    unlink(probe);
    return APR_SUCCESS;
}

/* ---- the node's name -------------------------------------------------- */

static bool is_node(const char *text, ssize_t len)
{
    if (len < CG_JOURNAL_NODE_LEN) {
        return false;
    }
    for (int i = 0; i < CG_JOURNAL_NODE_LEN; i++) {
        bool is_hex = (text[i] >= '0' && text[i] <= '9') ||
                      (text[i] >= 'a' && text[i] <= 'f');
        if (!is_hex) {
            return false;
        }
    }
    return true;
}

static bool read_node(const char *path, char *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    char text[CG_JOURNAL_NODE_LEN];
    ssize_t len = read(fd, text, sizeof text);
    close(fd);
    if (!is_node(text, len)) {
        return false;
    }
    memcpy(out, text, sizeof text);
    out[sizeof text] = '\0';
    return true;
}

/* A whole file under a name of our own, then linked: so nobody reads half a
 * name, and of two who make it at once one wins for both. */
static bool make_node(const char *path, apr_pool_t *pool)
{
    unsigned char random[CG_JOURNAL_NODE_LEN / 2];
    char text[CG_JOURNAL_NODE_LEN + 1];
    cg_random(random, sizeof random);
    cg_hex_encode(random, sizeof random, text);
    const char *draft = apr_psprintf(pool, "%s.%s", path, text);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool is_written =
        write(fd, text, CG_JOURNAL_NODE_LEN) == CG_JOURNAL_NODE_LEN &&
        fsync(fd) == 0;
    bool is_linked = is_written && (link(draft, path) == 0 || errno == EEXIST);
    int error = errno;
    close(fd);
    unlink(draft);
    errno = error;
    return is_linked;
}

apr_status_t cg_journal_learn_node(const char *folder,
                                   char out[CG_JOURNAL_NODE_LEN + 1],
                                   cg_error_t *err, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, folder, "/node", NULL);
    if (read_node(path, out)) {
        return APR_SUCCESS;
    }
    errno = 0;
    if (!make_node(path, pool)) {
        return cg_journal_fail(err, folder, "cannot make the file node");
    }
    if (!read_node(path, out)) {
        cg_error_set(err,
                     "journal %s: the file node must hold 16 hex digits; "
                     "remove it to begin a new stream",
                     folder);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}
