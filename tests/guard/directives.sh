#!/bin/sh
# Every directive stands in the manual and in conf/chatgpt.conf, and nothing else does.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

rows=src/policy/policy.h
sed -n 's/^X([a-z_]*, *[A-Z]*, *"\(ChatGPT[A-Za-z]*\)".*/\1/p' $rows | sort > "$seen"

sed -n 's/^## \(ChatGPT[A-Za-z]*\)$/\1/p' docs/manual/*.md | sort > "$faults.manual"
sed -n 's/^# *\(ChatGPT[A-Za-z]*\) .*/\1/p' conf/chatgpt.conf | sort -u > "$faults.conf"
for at in manual conf; do
    comm -23 "$seen" "$faults.$at" | sed "s/\$/ is missing in the $at/" >> "$faults"
    comm -13 "$seen" "$faults.$at" | sed "s/\$/ of the $at is no directive, or stands twice/" >> "$faults"
done
rm -f "$faults.manual" "$faults.conf"

# A paragraph has httpd's form, and its context is the row's.
for page in docs/manual/*.md; do
    awk -v page="$page" '
        function close_entry(  i) {
            if (name == "") return
            for (i = 1; i <= 8; i++)
                if (!(want[i] in has)) print page ": " name " has no line " want[i]
        }
        BEGIN { split("Description Syntax Default Context Override Status Module Compatibility", want, " ") }
        /^## / { close_entry(); name = /^## ChatGPT/ ? $2 : ""; split("", has) }
        name != "" && /^\| \*\*[A-Z]/ { sub(/^\| \*\*/, ""); sub(/\*\*.*/, ""); has[$0] = 1 }
        END { close_entry() }' "$page" >> "$faults"
done
sed -n 's/^X([a-z_]*, *[A-Z]*, *"\(ChatGPT[A-Za-z]*\)", *\([A-Z]*\),.*/\1 \2/p' $rows |
    while read -r name where; do
        case $where in
        SERVER) context='server config' ;;
        PLACE) context='server config, virtual host, directory' ;;
        TIGHTEN) context='server config, virtual host, directory, .htaccess' ;;
        esac
        grep -h -A 8 "^## $name\$" docs/manual/*.md | grep -qF "| **Context** | $context |" ||
            echo "$name: the manual does not say its context: $context" >> "$faults"
    done
verdict
