#!/bin/sh
# What is in the package: every file where httpd looks for it, with the right mode and owner.
# SPDX-License-Identifier: Apache-2.0
#
# Needs the package that `make rpm` has built. Last line: rpm: N passed, N failed.
cd "$(dirname "$0")/../.." || exit 1
package=$(find build/rpm/RPMS -name 'mod_chatgpt-[0-9]*.rpm' | head -n 1)
list=$(mktemp)
trap 'rm -f "$list"' EXIT
passed=0
failed=0

check() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "rpm: $2"
    fi
}

if [ -z "$package" ]; then
    echo "rpm: there is no package: run make rpm"
    echo "rpm: 0 passed, 1 failed"
    exit 1
fi
rpm -qp --nosignature --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILEFLAGS:fflags}. %{FILENAMES}\n]' \
    "$package" > "$list"

lib=$(rpm --eval '%{_libdir}')
while read -r mode user group flags path; do
    grep -qxF -e "$mode $user $group $flags $path" "$list"
    check $? "not as it should be: $mode $user $group $flags $path (is: $(grep -e " $path\$" "$list"))"
done <<END
-rwxr-xr-x root root . $lib/httpd/modules/mod_chatgpt.so
-rw-r--r-- root root cn. /etc/httpd/conf.modules.d/10-chatgpt.conf
-rw-r--r-- root root cn. /etc/httpd/conf.d/chatgpt.conf
-rwxr-xr-x root root . /usr/bin/chatgptctl
-rw-r--r-- root root . /usr/share/mod_chatgpt/models.json
-rw-r--r-- root root . /usr/share/mod_chatgpt/rules/cn.rules
-rw-r--r-- root root . /usr/share/mod_chatgpt/tokens/cl100k_base.tokens
-rw-r--r-- root root . /usr/share/mod_chatgpt/tokens/o200k_base.tokens
-rw-r--r-- root root . /usr/share/mod_chatgpt/console/index.html
-rw-r--r-- root root . /usr/share/mod_chatgpt/console/vendor/preact.js
-rw-r--r-- root root d. /usr/share/doc/mod_chatgpt/README.md
-rw-r--r-- root root d. /usr/share/doc/mod_chatgpt/manual/limits.md
-rw-r--r-- root root d. /usr/share/doc/mod_chatgpt/examples/minimal.conf
drwx------ apache apache . /var/lib/mod_chatgpt/journal
END

# Nothing else of the source, nothing that others could write, nothing of this machine.
! grep -qE ' (/usr/local|/root|/home|/work|/tmp|.*node_modules)' "$list"
check $? "the package holds a path it should not"
! grep -qE '^-[rwx-]{7}w' "$list"
check $? "the package holds a file that all may write"
! grep -vE ' (/usr/bin/|/usr/share/(mod_chatgpt|doc/mod_chatgpt|licenses/mod_chatgpt)|/usr/lib(64)?/|/etc/httpd/conf|/var/lib/mod_chatgpt)' "$list"
check $? "the package holds the files above, where nothing of it belongs"
rpm2archive - < "$package" | tar -xzO ./etc/httpd/conf.modules.d/10-chatgpt.conf |
    grep -qx 'LoadModule chatgpt_module modules/mod_chatgpt.so'
check $? "10-chatgpt.conf does not load the module"
[ "$(rpm -qp --nosignature --qf '%{LICENSE}' "$package")" = Apache-2.0 ]
check $? "the licence is not said"
rpm -qp --nosignature --requires "$package" | grep -q '^httpd-mmn'
check $? "the module interface of httpd is not required"

echo "rpm: $passed passed, $failed failed"
[ "$failed" = 0 ]
