#!/bin/sh
# make guard: every guard of this folder, or those named.
# SPDX-License-Identifier: Apache-2.0
#
# A guard is a small script that keeps one wall which would leak unseen. It
# prints what is wrong, a line each, and ends with status 1; common.sh makes it
# fail when it finds nothing to look at.
cd "$(dirname "$0")/../.." || exit 1
passed=0
failed=0
for guard in tests/guard/[a-z]*.sh; do
    name=$(basename "$guard" .sh)
    case $name in run | common) continue ;; esac
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    if sh "$guard"; then
        passed=$((passed + 1))
    else
        echo "guard: $name failed: $(sed -n '2s/^# //p' "$guard")"
        failed=$((failed + 1))
    fi
done
echo "guard: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
