#!/bin/sh
# The source archive: dist.sh VERSION [EXTRA]... writes build/mod_chatgpt-VERSION.tar.gz.
# SPDX-License-Identifier: Apache-2.0
#
# What git ignores stays out; EXTRA names what goes in all the same.
set -eu
cd "$(dirname "$0")/.."
name=mod_chatgpt-$1
shift
mkdir -p build
list=build/dist.list
{
    find . \( -name build -o -name node_modules -o -name .git \) -prune -o -type f -print
    for extra in "$@"; do find "./$extra" -type f; done
} | sed 's,^\./,,' | sort > $list
tar -czf "build/$name.tar.gz" --owner=0 --group=0 --transform "s,^,$name/," -T $list
rm -f $list
echo "build/$name.tar.gz"
