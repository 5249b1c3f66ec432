#!/bin/sh
# Runs the corpus of each fuzz target through it: replay.sh FOLDER TARGET...
# SPDX-License-Identifier: Apache-2.0
#
# What a fuzzer found once must never come back, so the corpora run in make test.
cd "$(dirname "$0")/../.." || exit 1
programs=$1
shift
passed=0
failed=0
for name in "$@"; do
    if "$programs/$name" "tests/fuzz/corpus/$name"; then
        passed=$((passed + 1))
    else
        echo "replay: $name failed"
        failed=$((failed + 1))
    fi
done
echo "replay: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
