#!/bin/sh
# Calls that cannot be used safely, or not by several threads, are not made.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

banned='strcpy|strcat|sprintf|vsprintf|gets|scanf|sscanf|fscanf|atoi|atol|atoll|atof|strtok|alloca|localtime|gmtime|ctime|asctime|mktemp|tmpnam|tempnam|rand|srand|system|popen|setenv|putenv|strerror|getpwnam|getpwuid|getgrnam|gethostbyname|inet_ntoa|readdir_r'
find src mod_chatgpt.c -name '*.[ch]' > "$seen"
# Comments and strings may say the names.
xargs awk -v banned="(^|[^A-Za-z0-9_])($banned)[ ]*[(]" '
    { line = $0 }
    in_comment { if (!sub(/^.*\*\//, "", line)) next; in_comment = 0 }
    {
        gsub(/"([^"\\]|\\.)*"/, "", line)
        gsub(/\/\*[^*]*\*\//, "", line)
        sub(/\/\/.*/, "", line)
        if (sub(/\/\*.*/, "", line)) in_comment = 1
        if (line ~ banned) print FILENAME ":" FNR ": " $0
    }' < "$seen" > "$faults"
verdict
