#!/bin/sh
# The unit tests, suites side by side: many wait for servers more than they work.
# SPDX-License-Identifier: Apache-2.0
#
#   tests/unit/run.sh UNIT [SUITE]...        named suites run in one process
#
# Those that wait longest begin first. What a suite said is shown if it failed; the
# last line is the sum.
set -u
unit=$1
shift
[ $# = 0 ] || exec "$unit" "$@"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM
export unit out
slow='^(store|quota)_|storm|keeper|alert|audit_ledger'
{ "$unit" --list | grep -x audit_ledger; "$unit" --list | grep -E "$slow" | grep -vx audit_ledger; "$unit" --list | grep -vE "$slow"; } |
    xargs -P "$(nproc)" -n 1 sh -c '
        began=$(date +%s)
        "$unit" "$1" > "$out/$1" 2>&1 || echo "$1" >> "$out/failed"
        echo "$(($(date +%s) - began)) $1" >> "$out/times"' suite

if [ -e "$out/failed" ]; then
    while read -r suite; do
        echo "---- $suite"
        cat "$out/$suite"
    done < "$out/failed"
fi
# What the tests measured, and which suites took long.
grep -hE '^    [a-z].*:' "$out"/*_* | grep -v ':[0-9]* *- ' || true
sort -rn "$out/times" | head -n 8 | sed 's/^\([0-9]*\) /took \1 s: /'
for suite in $("$unit" --list); do
    grep -q '^unit: [0-9]* passed' "$out/$suite" || echo "unit: 0 passed, 1 failed"
done > "$out/fell"
cat "$out"/*_* "$out/fell" | awk '/^unit: [0-9]+ passed, [0-9]+ failed$/ { good += $2; bad += $4 }
    END { printf "unit: %d passed, %d failed\n", good, bad; exit bad > 0 || good == 0 }'
