#!/bin/sh
# Lays the console out in DEST: the pages, and beside them what they use from npm as ES modules.
# SPDX-License-Identifier: Apache-2.0
#
# No bundler: hooks' bare "preact" import becomes a relative path (an import map would have to stand inline,
# which the pages' Content-Security-Policy forbids), and uPlot's small build, which defines one variable, gets
# the export line that makes it a module. Nothing in DEST/vendor is ever committed.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 DEST" >&2
    exit 2
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
npm=$here/node_modules
dest=$1

for need in preact/dist/preact.mjs preact/hooks/dist/hooks.mjs htm/dist/htm.module.js \
            uplot/dist/uPlot.iife.min.js uplot/dist/uPlot.min.css; do
    if [ ! -f "$npm/$need" ]; then
        echo "$0: $npm/$need is missing: run 'npm ci' in $here" >&2
        exit 1
    fi
done

# A source map would name files that are not here; browsers' tools would ask for them in vain.
strip_map() {
    sed '/^\/\/# sourceMappingURL=/d' "$1"
}

mkdir -p "$dest/pages" "$dest/words" "$dest/vendor"
cp "$here"/index.html "$here"/*.js "$here"/style.css "$here"/icon.svg "$dest/"
cp "$here"/pages/*.js "$dest/pages/"
cp "$here"/words/*.json "$dest/words/"

strip_map "$npm/preact/dist/preact.mjs" > "$dest/vendor/preact.js"
strip_map "$npm/preact/hooks/dist/hooks.mjs" |
    sed -e 's/from"preact"/from".\/preact.js"/' > "$dest/vendor/hooks.js"
strip_map "$npm/htm/dist/htm.module.js" > "$dest/vendor/htm.js"
{
    cat "$npm/uplot/dist/uPlot.iife.min.js"
    echo 'export default uPlot;'
} > "$dest/vendor/uplot.js"
cp "$npm/uplot/dist/uPlot.min.css" "$dest/vendor/uplot.css"
for name in preact htm uplot; do
    cp "$npm/$name/LICENSE" "$dest/vendor/LICENSE-$name.txt"
done

if grep -l 'from *"[a-z]' "$dest"/vendor/*.js; then
    echo "$0: the module named above still has a bare import" >&2
    exit 1
fi
chmod -R u=rwX,go=rX "$dest"
