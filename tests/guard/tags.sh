#!/bin/sh
# A tag of the error log (CG and a number) is said at one place, so that it can be looked up.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

{
    grep -rhoE '"CG[0-9]{4}' src | tr -d '"'
    sed -n 's/^X([A-Z_]*, *\([0-9]*\), *[0-9]*,.*/CG\1/p' src/flow/refuse.h
} | sort > "$faults.tags"
uniq -d "$faults.tags" | sed 's/$/ is said at two places/' > "$faults"
must_stand_in docs/manual/errors.md < "$faults.tags"
rm -f "$faults.tags"
verdict
