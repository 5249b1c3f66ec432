#!/bin/sh
# Lays the console out in DEST: the pages, and beside them what they use from npm as ES modules.
# SPDX-License-Identifier: Apache-2.0
#
# No bundler: hooks' bare "preact" import becomes a relative path (an import map would have to stand inline,
# which the pages' Content-Security-Policy forbids). Nothing in DEST/vendor is ever committed.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 DEST" >&2
    exit 2
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
npm=$here/node_modules
dest=$1

for need in preact/dist/preact.mjs preact/hooks/dist/hooks.mjs htm/dist/htm.module.js; do
    if [ ! -f "$npm/$need" ]; then
        echo "$0: $npm/$need is missing: run 'npm ci' in $here" >&2
        exit 1
    fi
done

# A source map would name files that are not here; browsers' tools would ask for them in vain.
strip_map() {
    sed '/^\/\/# sourceMappingURL=/d' "$1"
}

# Comments that stand on lines of their own and indentation are for who reads the source; a browser would load a fifth
# more for them. Whoever follows a comment with code on its last line is told, not cut short.
strip_notes() {
    awk '
        is_note { if (/\*\/[ \t]*$/) is_note = 0; else if (/\*\//) exit 1; next }
        /^[ \t]*\/\*/ { if (!/\*\//) { is_note = 1; next } if (/\*\/[ \t]*$/) next }
        { sub(/^[ \t]+/, ""); if ($0 != "") print }
    ' "$1" || { echo "$0: $1: code follows the end of a comment" >&2; exit 1; }
}

mkdir -p "$dest/pages" "$dest/words" "$dest/vendor"
cp "$here"/index.html "$here"/icon.svg "$dest/"
for path in "$here"/*.js "$here"/pages/*.js "$here"/style.css "$here"/words/*.json; do
    strip_notes "$path" > "$dest/${path#"$here"/}"
done

strip_map "$npm/preact/dist/preact.mjs" > "$dest/vendor/preact.js"
strip_map "$npm/preact/hooks/dist/hooks.mjs" |
    sed -e 's/from"preact"/from".\/preact.js"/' > "$dest/vendor/hooks.js"
strip_map "$npm/htm/dist/htm.module.js" > "$dest/vendor/htm.js"
for name in preact htm; do
    cp "$npm/$name/LICENSE" "$dest/vendor/LICENSE-$name.txt"
done

if grep -l 'from *"[a-z]' "$dest"/vendor/*.js; then
    echo "$0: the module named above still has a bare import" >&2
    exit 1
fi
chmod -R u=rwX,go=rX "$dest"
