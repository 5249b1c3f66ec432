# Takes out of a JavaScript module what only who reads the source needs: comments, and blanks that part nothing.
# SPDX-License-Identifier: Apache-2.0
#
# Names stay as they are, and what stands in quotes, templates and regular expressions stays to the letter. A line's end
# goes only where a statement cannot end, so nothing depends on a semicolon that is not written.

# May a "/" after this begin a regular expression? Else it divides.
function is_before_value(code) {
    return code == "" || code ~ /[(,=:[!&|?{};+*%<>~^-]$/ || code ~ /(^|[^A-Za-z0-9_$])(return|typeof|case|in|of)$/
}

# Length of what begins at s with a quote, and ends with the same.
function quoted(s, quote,    i, c) {
    for (i = 2; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "\\") i++
        else if (c == quote) return i
    }
    return i
}

function regex(s,    i, c, is_class) {
    for (i = 2; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "\\") i++
        else if (c == "[") is_class = 1
        else if (c == "]") is_class = 0
        else if (c == "/" && !is_class) return i
    }
    return i
}

# What is left of a run of blanks between two characters.
function gap(run, before, after) {
    if (run ~ /\n/) return before ~ /[{;,(:[=&|?]/ || after ~ /[]});,.:?&|]/ || before == "" ? "" : "\n"
    if (before ~ /[A-Za-z0-9_$]/ && after ~ /[A-Za-z0-9_$]/) return " "
    return before == after && before ~ /[+-]/ ? " " : ""
}

function put(text) {
    line = line text
    if (length(line) > 4000) { printf "%s", substr(line, 1, length(line) - 40); line = substr(line, length(line) - 39) }
}

{ text = text $0 "\n" }

END {
    depth = 0 # of templates; open[depth]: braces open in the code within
    while (length(text)) {
        c = substr(text, 1, 1)
        if (is_template) {
            match(text, /^([^\\`$]|\\.|\$[^{])*/)
            chunk = substr(text, 1, RLENGTH)
            text = substr(text, RLENGTH + 1)
            gsub(/\n[ \t]+/, "\n", chunk)
            gsub(/>\n/, ">", chunk) # htm drops a line's end beside a tag, too
            gsub(/\n</, "<", chunk)
            while (match(chunk, /\n([A-Za-z-]+=|\.\.\.$)/)) # attributes with one kind of blank between pack better
                chunk = substr(chunk, 1, RSTART - 1) " " substr(chunk, RSTART + 1)
            put(chunk)
            if (substr(text, 1, 1) == "`") { put("`"); text = substr(text, 2) } else { put("${"); text = substr(text, 3); open[++depth] = 0 }
            is_template = 0
            continue
        }
        n = 1
        if (c ~ /[ \t\n]/ || substr(text, 1, 2) == "/*") {
            match(text, /^[ \t\n]+/)
            run = RLENGTH > 0 ? substr(text, 1, RLENGTH) : ""
            text = substr(text, length(run) + 1)
            if (substr(text, 1, 2) == "/*") {
                text = " " substr(text, index(text, "*/") + 2)
                if (run ~ /\n/) text = "\n" text
                continue
            }
            put(gap(run, substr(line, length(line)), substr(text, 1, 1)))
            continue
        }
        if (c == "'" || c == "\"") n = quoted(text, c)
        else if (c == "/" && is_before_value(line)) n = regex(text)
        else if (c == "`") is_template = 1
        else if (c == "{") open[depth]++
        else if (c == "}" && depth > 0 && open[depth] == 0) { depth--; is_template = 1 }
        else if (c == "}") open[depth]--
        else { match(text, /^[A-Za-z0-9_$.]+/); if (RLENGTH > 1) n = RLENGTH }
        if (c ~ /[])}]/) sub(/,$/, "", line)
        if (c == "}") sub(/;$/, "", line)
        put(substr(text, 1, n))
        text = substr(text, n + 1)
    }
    print line
}
