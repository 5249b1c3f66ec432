#!/bin/sh
# Lock files pin npm packages by digest and name no registry; nothing names this machine.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

for file in admin-ui/package-lock.json conf/tokens/package-lock.json tests/package-lock.json; do
    grep -c '"integrity"' "$file" >> "$seen"
    grep -n '"resolved"' "$file" | sed "s,^,$file:," >> "$faults" || true
    [ "$(grep -c '"integrity"' "$file")" = "$(grep -c '^    "node_modules/' "$file")" ] ||
        echo "$file: a package has no digest" >> "$faults"
done
grep -rnE --include='*.[chm]*' --include='*.sh' --include=Makefile '/(work|home/[a-z]+)/' \
    Makefile mod_chatgpt.c src conf rpm docs admin-ui/*.js tests/unit tests/http tests/ui tests/fake |
    grep -v node_modules >> "$faults" || true
verdict
