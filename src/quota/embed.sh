#!/bin/sh
# Turns a Lua file into a C header with its text: embed.sh NAME.lua > NAME_lua.h
# SPDX-License-Identifier: Apache-2.0
#
# Comment lines and indentation are dropped: Redis keeps each script in memory. The
# constants of all scripts in its folder (NAMES in capitals that are a number or a
# string) are put in where they stand: to Lua a constant is a variable, which each
# function that uses it has to catch anew at each run of the script.
# Bytes instead of a string literal, because C promises only 4,095 characters.
set -eu
name=$(basename "$1" .lua)
constant="^local [A-Z][A-Z_]*(, [A-Z][A-Z_]*)* = ([0-9]+|'[^']*')(, ([0-9]+|'[^']*'))*\$"
constants=$(sed -nE "/$constant/s/^local //p" "$(dirname "$1")"/*.lua |
    awk -F ' = ' '{
        count = split($1, names, ", ")
        if (split($2, values, ", ") != count) exit 1
        for (i = 1; i <= count; i++) {
            if (names[i] in seen && seen[names[i]] != values[i]) exit 1
            seen[names[i]] = values[i]
            print "s/\\b" names[i] "\\b/" values[i] "/g"
        }
    }') || { echo "$1: two constants of one name here" >&2; exit 1; }
printf '/* Made from %s.lua by embed.sh. */\n' "$name"
printf 'static const char cg_lua_%s[] = {\n' "$name"
sed -E -e "/$constant/d" -e 's/^[[:space:]]*//' -e '/^--/d' -e '/^$/d' "$1" |
    sed -e "$constants" | od -An -v -tx1 |
    sed -e 's/ \(..\)/0x\1, /g' -e 's/^/    /'
printf '    0};\n'
