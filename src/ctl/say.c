/* What commands say: JSON lines for programs, words for people.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/say.h"

#include <stdio.h>

#include "base/clock.h"

void cg_ctl_print(const cg_json_t *object, apr_pool_t *pool)
{
    size_t len;
    const char *text = cg_json_dump(object, &len, pool);
    fwrite(text, 1, len, stdout);
    fputc('\n', stdout);
}

int cg_ctl_complain(const char *command, int status, const cg_error_t *err)
{
    fprintf(stderr, "chatgptctl %s: %s\n", command, err->text);
    return status;
}

void cg_ctl_set_time(cg_json_t *object, const char *name, apr_time_t at)
{
    char text[25];
    if (!at) {
        cg_json_set_null(object, name);
        return;
    }
    cg_clock_rfc3339(at, text);
    cg_json_set_str(object, name, text);
}
