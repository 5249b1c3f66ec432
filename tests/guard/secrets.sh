#!/bin/sh
# A secret is opened only where it is used: by the rooms that check, send or dial with it.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

grep -rn 'cg_secret_open(' src > "$seen"
# life.c hands the password of the store to the room that dials.
grep -v '^src/\(auth/[a-z]*\.c\|route/[a-z]*\.c\|base/secret\.[ch]\|base/pkey_sign\.c\|ctl/token\.c\|base/fetch\.c\|alert/webhook\.c\|redact/pseudonym\.c\|store/redis\.c\|httpd/life\.c\):' \
    "$seen" > "$faults" || true
verdict
