#!/bin/sh
# One outside library, one file: only it may include the library's header.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

only() {
    pattern=$1
    file=$2
    grep -Hn "^ *# *include *[<\"]$pattern" $(find src -name '*.[ch]') mod_chatgpt.c > "$faults.all" || true
    cat "$faults.all" >> "$seen"
    grep -v "^$file:" "$faults.all" | sed "s,\$, — only $file may," >> "$faults" || true
    rm -f "$faults.all"
}

only 'jansson'      src/base/json.c
only 'curl/'        src/base/fetch.c
only 'openssl/'     'src/\(base/\(digest\|aead\|pkey[a-z_]*\)\|store/tls\)\.[ch]'
only 'hiredis'      src/store/redis.c
only 'hs'           src/redact/pattern.c
only 'jwt\.h'       src/ctl/token.c
only 'mod_proxy\.h' src/httpd/upstream.c
only '\(httpd\|http_[a-z]*\|ap_[a-z]*\|util_[a-z]*\|mod_[a-z]*\|unixd\)\.h' 'src/httpd/[a-z_]*\.[ch]'
verdict
