#!/bin/sh
# Builds the package from the source archive: build.sh VERSION; no network is asked.
# SPDX-License-Identifier: Apache-2.0
#
# The archive carries the console's npm packages, as a builder without network
# would be given them, and rpm is told not to look for what only Fedora's data
# base of packages knows (--nodeps).
set -eu
cd "$(dirname "$0")/.."
version=$1
top=$PWD/build/rpm
rm -rf "$top"
mkdir -p "$top/SOURCES"
sh rpm/dist.sh "$version" admin-ui/node_modules conf/tokens/node_modules/tiktoken/encoders > /dev/null
mv "build/mod_chatgpt-$version.tar.gz" "$top/SOURCES/"
if ! rpmbuild -bb --nodeps --quiet \
    --define "_topdir $top" --define "_dbpath $top/db" --define "version_wanted $version" \
    --define 'prebuilt 1' --define "_httpd_apxs $(command -v apxs || command -v apxs2)" \
    --define 'debug_package %{nil}' --define '_build_id_links none' \
    rpm/mod_chatgpt.spec > "$top/log" 2>&1; then
    tail -n 40 "$top/log"
    exit 1
fi
find "$top/RPMS" -name '*.rpm' | sed "s,^$PWD/,,"
