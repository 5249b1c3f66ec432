/* A lock over memory that processes share.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/latch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/share.h"

#define DOUBT_AFTER APR_TIME_C(20000) /* held that long: is he alive? */
#define WITHIN APR_TIME_C(120000)
#define TIME_BITS 32

static bool is_gone(int64_t word)
{
    pid_t pid = (pid_t)(word >> TIME_BITS);
    return pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH);
}

bool cg_latch_take(cg_latch_t *latch, int64_t *out_ticket)
{
    apr_time_t start = cg_clock_monotonic();
    int64_t mine = (int64_t)getpid() << TIME_BITS |
                   (int64_t)((uint64_t)start & 0xffffffff);
    apr_time_t asked_at = start;
    for (;;) {
        int64_t word = cg_atomic_get(&latch->word);
        if (word == 0 && cg_atomic_swap_if(&latch->word, 0, mine)) {
            break;
        }
        apr_time_t now = cg_clock_monotonic();
        if (word != 0 && now - asked_at > DOUBT_AFTER) {
            asked_at = now;
            if (is_gone(word) && cg_atomic_swap_if(&latch->word, word, mine)) {
                break;
            }
        }
        if (now - start > WITHIN) {
            return false;
        }
        sched_yield();
    }
    *out_ticket = mine;
    return true;
}

void cg_latch_give(cg_latch_t *latch, int64_t ticket)
{
    cg_atomic_swap_if(&latch->word, ticket, 0);
}
