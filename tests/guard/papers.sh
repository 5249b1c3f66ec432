#!/bin/sh
# The manual knows every endpoint, reason, metric and family of keys.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

# Each kind must be found, or its rows would have changed their form unseen.
found() {
    if [ ! -s "$faults.rows" ]; then
        echo "found no $1" >> "$faults"
    fi
}

sed -n 's|^    {"\([A-Z]*\)", *"\(/[^"]*\)".*|### \1 \2|p' src/admin/api.c > "$faults.rows"
found "endpoints in src/admin/api.c"
whole_line=yes must_stand_in docs/manual/admin-api.md < "$faults.rows"

sed -n 's/^X([A-Z_]*, *\([0-9]*\), *\([0-9]*\), *"[a-z_]*", *"\([a-z_]*\)".*/| CG\1 | \2 | `\3` |/p' src/flow/refuse.h > "$faults.rows"
found "reasons in src/flow/refuse.h"
must_stand_in docs/manual/errors.md < "$faults.rows"

sed -n 's/^ *X([A-Z_]*, *"\(chatgpt_[a-z_]*\)".*/`\1`/p' src/meter/metrics.h > "$faults.rows"
found "metrics in src/meter/metrics.h"
must_stand_in docs/manual/metrics.md < "$faults.rows"

sed -n 's/^ *X([A-Z_]*, *"\(cg:[^"]*\)".*/`\1`/p' src/store/keys.h > "$faults.rows"
found "families in src/store/keys.h"
must_stand_in docs/manual/keys-in-redis.md < "$faults.rows"
rm -f "$faults.rows"
verdict
