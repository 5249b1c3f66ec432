#!/bin/sh
# Every unit test file has its table, under the name that the Makefile looks for.
# SPDX-License-Identifier: Apache-2.0
#
# A static test function in no table does not compile (it is unused); a whole
# table that nobody lists would be silent. And a row's words are its function's.
. tests/guard/common.sh

for file in tests/unit/*/test_*.c; do
    echo "$file" >> "$seen"
    room=$(basename "$(dirname "$file")")
    name=$(basename "$file" .c)
    table="test_${room}_${name#test_}"
    [ "$(grep -c "^CU_TestInfo $table\[\]" "$file")" = 1 ] ||
        echo "$file does not define CU_TestInfo $table[]" >> "$faults"
    [ "$(grep -c '^CU_TestInfo ' "$file")" = 1 ] ||
        echo "$file has more than one table" >> "$faults"
    grep -q 'CU_TEST_INFO_NULL' "$file" ||
        echo "$file: its table has no end (CU_TEST_INFO_NULL)" >> "$faults"
done
for file in src/*/*.c; do
    case $file in src/httpd/* | src/ctl/* | src/*/*_int.c) continue ;; esac
    head -n 4 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
        echo "$file: its first lines do not name the licence" >> "$faults"
done
verdict
