#!/bin/sh
# make test: every part in turn, and the sum of what they say.
# SPDX-License-Identifier: Apache-2.0
#
#   tests/run.sh [PART]...        default: all parts
#
# A part prints, as its last such line, `<name>: N passed, N failed`. A part
# that ends badly without a failure in that line, or without the line, counts
# as one failure: what did not run did not pass. build/test holds what each
# part said, and the sum.
set -u
cd "$(dirname "$0")/.."
out=build/test
mkdir -p $out
rm -f $out/sum

parts=${*:-build guard unit replay http ui rpm}
make=${MAKE:-make}

run_part() {
    case $1 in
    build) $make -s all && echo "build: 1 passed, 0 failed" ;;
    rpm) $make -s rpm && sh tests/rpm/check.sh ;;
    *) $make -s "$1" ;;
    esac
}

passed=0
failed=0
for part in $parts; do
    echo "== $part"
    began=$(date +%s)
    # The pipe would hide how the part ended; a file does not.
    { run_part "$part" 2>&1; echo $? > $out/$part.status; } | tee $out/$part.log
    status=$(cat $out/$part.status)
    line=$(sed -n "s/^$part: \([0-9]*\) passed, \([0-9]*\) failed\$/\1 \2/p" $out/$part.log | tail -n 1)
    # shellcheck disable=SC2086
    set -- ${line:-0 0}
    good=$1
    bad=$2
    if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$good" = 0 ]; }; then
        echo "$part: ended with status $status and no line of its own that says why"
        bad=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    echo "== $part: $good passed, $bad failed, $(($(date +%s) - began)) s"
done

echo "$passed passed, $failed failed" | tee $out/sum
[ "$failed" = 0 ]
