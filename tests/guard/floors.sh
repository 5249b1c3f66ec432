#!/bin/sh
# Includes point down: a room uses rooms on lower floors, never one beside or above it.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

# The floors of the house, lowest first; a room stands in one line only.
floors='base
token
chat redact store policy meter
quota route auth audit alert
flow admin
httpd ctl'

grep -Hn '^ *# *include "' src/*/*.c src/*/*.h mod_chatgpt.c > "$seen"
awk -v floors="$floors" '
    BEGIN {
        count = split(floors, rows, "\n")
        for (i = 1; i <= count; i++) {
            split(rows[i], rooms, " ")
            for (j in rooms) floor[rooms[j]] = i
        }
        floor["mod_chatgpt.c"] = count + 1
    }
    {
        split($0, part, ":")
        split(part[1], path, "/")
        from = path[1] == "src" ? path[2] : path[1]
        match($0, /"[^"]*"/)
        to = substr($0, RSTART + 1, RLENGTH - 2)
        if (to !~ /\// || sub(/^gen\//, "", to)) next
        sub(/\/.*/, "", to)
        if (from == to) next
        if (!(from in floor)) print part[1] ": the room " from " stands on no floor"
        else if (!(to in floor)) print part[1] ":" part[2] ": the room " to " stands on no floor"
        else if (floor[to] >= floor[from])
            print part[1] ":" part[2] ": " from " (floor " floor[from] ") includes " to " (floor " floor[to] ")"
    }' "$seen" > "$faults"

# What only the files of one room share is included by nobody else.
grep -Hn '^ *# *include ".*_int\.h"' src/*/*.c src/*/*.h mod_chatgpt.c |
    awk -F'[:"]' '{
        split($1, from, "/"); split($4, to, "/")
        if (to[2] != "" && from[2] != to[1] && $1 != "mod_chatgpt.c")
            print $1 ":" $2 ": " $4 " belongs to the room " to[1] " alone"
    }' >> "$faults"
verdict
