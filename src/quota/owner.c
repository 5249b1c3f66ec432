/* A process, told from a later one of the same id.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PID_BITS 22
#define STAT_MAX 1024
#define STAT_BEGAN 20 /* words of /proc/PID/stat behind the state */

/* What stands behind the name in /proc/PID/stat, which may hold blanks and
 * brackets itself. False: there is no such process, or no /proc. */
static bool read_stat(int pid, char out[STAT_MAX], const char **out_state)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, out, STAT_MAX - 1);
    close(fd);
    out[len > 0 ? len : 0] = '\0';
    char *close_of_name = strrchr(out, ')');
    if (!close_of_name || close_of_name[1] != ' ') {
        return false;
    }
    *out_state = close_of_name + 2;
    return true;
}

static uint32_t began_of(const char *state)
{
    const char *at = state;
    for (int i = 0; i < STAT_BEGAN - 1 && at; i++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? (uint32_t)strtoull(at, NULL, 10) : 0;
}

uint64_t cg_owner_of(int pid)
{
    char text[STAT_MAX];
    const char *state;
    uint64_t began =
        read_stat(pid, text, &state) ? (uint64_t)began_of(state) : 0;
    return began << PID_BITS |
           ((uint64_t)pid & ((UINT64_C(1) << PID_BITS) - 1));
}

/* Killed, but not yet buried by its parent, is gone too. */
bool cg_owner_is_gone(uint64_t owner)
{
    char text[STAT_MAX];
    const char *state;
    int pid = (int)(owner & ((UINT64_C(1) << PID_BITS) - 1));
    uint32_t began = (uint32_t)(owner >> PID_BITS);
    if (kill(pid, 0) != 0 && errno == ESRCH) {
        return true;
    }
    if (!read_stat(pid, text, &state)) {
        return kill(pid, 0) != 0 && errno == ESRCH;
    }
    return *state == 'Z' || *state == 'X' ||
           (began != 0 && began_of(state) != began);
}
