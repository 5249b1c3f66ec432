# What the guards share: sourced, in the root of the source.
# SPDX-License-Identifier: Apache-2.0
set -eu
guard=$(basename "$0" .sh)
faults=$(mktemp)
seen=$(mktemp)
trap 'rm -f "$faults"* "$seen"' EXIT

# What is looked at goes to $seen, what is wrong to $faults, a line each.
verdict() {
    if [ ! -s "$seen" ]; then
        echo "$guard: found nothing to look at"
        exit 1
    fi
    sed "s/^/$guard: /" "$faults"
    [ ! -s "$faults" ]
}

# Every line of standard input (not $seen) must stand in one of the files as it is
# (with whole_line=yes, as a line of its own).
must_stand_in() {
    while IFS= read -r text; do
        echo "$text" >> "$seen"
        grep -sqF ${whole_line:+-x} -e "$text" "$@" || echo "$text is not in $*" >> "$faults"
    done
}
