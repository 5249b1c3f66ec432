#!/bin/sh
# Turns a Lua file into a C header with its text: embed.sh NAME.lua > NAME_lua.h
# SPDX-License-Identifier: Apache-2.0
#
# Comment lines and indentation are dropped: Redis keeps each script in memory.
# Bytes instead of a string literal, because C promises only 4,095 characters.
set -eu
name=$(basename "$1" .lua)
printf '/* Made from %s.lua by embed.sh. */\n' "$name"
printf 'static const char cg_lua_%s[] = {\n' "$name"
sed -e 's/^[[:space:]]*//' -e '/^--/d' -e '/^$/d' "$1" |
    od -An -v -tx1 | sed -e 's/ \(..\)/0x\1, /g' -e 's/^/    /'
printf '    0};\n'
