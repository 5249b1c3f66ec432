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

# Comments and blanks are for who reads the source; a browser would load a fifth more for them. Of the style sheet only
# whole lines are notes; whoever follows one with a rule on its last line is told, not cut short.
slim_style() {
    awk '
        is_note { if (/\*\/[ \t]*$/) is_note = 0; else if (/\*\//) exit 1; next }
        /^[ \t]*\/\*/ { if (!/\*\//) { is_note = 1; next } if (/\*\/[ \t]*$/) next }
        { sub(/^[ \t]+/, ""); gsub(/ \{ ?/, "{"); gsub(/;? \}/, "}"); gsub(/[;:,] /, "&\001"); gsub(/ \001/, "")
          gsub(/:0\./, ":."); gsub(/ 0\./, " .")
          if ($0 != "") print }
    ' "$1" || { echo "$0: $1: code follows the end of a comment" >&2; exit 1; }
}

# {"keys.name": "…", "keys.state": "…"} as {"keys": {"name": "…", "state": "…"}}: a family's name stands once.
slim_words() {
    awk '
        match($0, /^ "[^".]+\./) {
            family = substr($0, 3, RLENGTH - 3)
            rest = substr($0, RLENGTH + 1)
            sub(/,$/, "", rest)
            sub(/": "/, "\":\"", rest)
            if (!(family in words)) { order[++families] = family; words[family] = "\"" rest }
            else words[family] = words[family] ",\n\"" rest
        }
        END { for (i = 1; i <= families; i++) printf("%s\"%s\":{%s}", (i > 1 ? ",\n" : "{"), order[i], words[order[i]])
              print "}" }
    ' "$1"
}

mkdir -p "$dest/pages" "$dest/words/en" "$dest/words/zh" "$dest/vendor"
cp "$here"/icon.svg "$dest/"
sed -e '/^<!--.*-->$/d' -e '/^<!--/,/-->$/d' "$here/index.html" > "$dest/index.html"
slim_style "$here/style.css" > "$dest/style.css"
for path in "$here"/*.js "$here"/pages/*.js; do
    awk -f "$here/slim.awk" "$path" > "$dest/${path#"$here"/}"
done
for path in "$here"/words/*.json "$here"/words/*/*.json; do
    slim_words "$path" > "$dest/${path#"$here"/}"
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
