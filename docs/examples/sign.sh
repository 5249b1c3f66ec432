#!/bin/sh
# Signs a request to mod_chatgpt (RFC 9421, RFC 9530) with openssl 3 and sends it with curl.
# SPDX-License-Identifier: Apache-2.0
#
#   sh sign.sh URL [BODY-FILE]        POST the file, or GET without one
#
#   OPENAI_API_KEY   the API key
#   SIGN_KEY_ID      keyid of the signing key
#   SIGN_KEY_FILE    its private key as PEM, or of hmac-sha256 the secret in base64
#
# Write the host of URL in lower case and leave out the port that goes without saying. No
# secret stands on a command line, where others on the machine could read it.
set -eu
umask 077

if [ $# -lt 1 ] || [ -z "${OPENAI_API_KEY:-}" ] || [ -z "${SIGN_KEY_ID:-}" ] || [ -z "${SIGN_KEY_FILE:-}" ]; then
    echo "usage: OPENAI_API_KEY=... SIGN_KEY_ID=... SIGN_KEY_FILE=... sh sign.sh URL [BODY-FILE]" >&2
    exit 2
fi
url=$1
body=${2:-/dev/null}
method=$([ $# -gt 1 ] && echo POST || echo GET)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# The key tells by itself what it is.
algorithm_of() {
    if ! grep -q -- '-----BEGIN' "$1"; then
        echo hmac-sha256
        return
    fi
    case $(openssl pkey -in "$1" -noout -text | head -n 1) in
    *ED25519*) echo ed25519 ;;
    *256\ bit*) echo ecdsa-p256-sha256 ;;
    *) echo rsa-pss-sha512 ;;
    esac
}

# escapes NUMBER BYTE...: each hexadecimal byte, combined with NUMBER, as printf writes it.
escapes() {
    pad=$1
    shift
    for byte in "$@"; do
        printf '\\%03o' $((0x$byte ^ pad))
    done
}

# RFC 2104 by hand: openssl would want the secret on its command line.
hmac_sha256() {
    hex=$(openssl base64 -d -A -in "$SIGN_KEY_FILE" | od -An -v -tx1 | tr -d ' \n')
    if [ ${#hex} -gt 128 ]; then
        hex=$(openssl base64 -d -A -in "$SIGN_KEY_FILE" | openssl dgst -sha256 -binary | od -An -v -tx1 | tr -d ' \n')
    fi
    while [ ${#hex} -lt 128 ]; do hex=${hex}00; done
    set -- $(printf %s "$hex" | sed 's/../& /g')
    printf "$(escapes 54 "$@")" > "$work/inner"
    cat "$work/base" >> "$work/inner"
    printf "$(escapes 92 "$@")" > "$work/outer"
    openssl dgst -sha256 -binary < "$work/inner" >> "$work/outer"
    openssl dgst -sha256 -binary < "$work/outer"
}

# openssl writes the two numbers of ECDSA in DER; wanted are 32 bytes each.
ecdsa() {
    openssl dgst -sha256 -sign "$SIGN_KEY_FILE" -out "$work/der" "$work/base"
    for number in $(openssl asn1parse -inform DER -in "$work/der" | sed -n 's/.*INTEGER *://p'); do
        while [ ${#number} -lt 64 ]; do number=0$number; done
        printf "$(escapes 0 $(printf %s "$number" | sed 's/../& /g'))"
    done
}

sign() {
    case $1 in
    ed25519) openssl pkeyutl -sign -rawin -inkey "$SIGN_KEY_FILE" -in "$work/base" ;;
    ecdsa-p256-sha256) ecdsa ;;
    rsa-pss-sha512)
        openssl dgst -sha512 -sign "$SIGN_KEY_FILE" -sigopt rsa_padding_mode:pss \
            -sigopt rsa_pss_saltlen:64 "$work/base" ;;
    hmac-sha256) hmac_sha256 ;;
    esac
}

algorithm=$(algorithm_of "$SIGN_KEY_FILE")
digest="sha-256=:$(openssl dgst -sha256 -binary < "$body" | openssl base64 -A):"
input='("@method" "@target-uri" "content-digest" "authorization")'
input="$input;created=$(date +%s);keyid=\"$SIGN_KEY_ID\";nonce=\"$(openssl rand -hex 16)\";alg=\"$algorithm\""

# The signature base: one line for each, no newline at the end.
printf '"@method": %s\n"@target-uri": %s\n"content-digest": %s\n"authorization": Bearer %s\n"@signature-params": %s' \
    "$method" "$url" "$digest" "$OPENAI_API_KEY" "$input" > "$work/base"
signature=$(sign "$algorithm" | openssl base64 -A)

cat > "$work/headers" <<END
Authorization: Bearer $OPENAI_API_KEY
Content-Type: application/json
Content-Digest: $digest
Signature-Input: sig1=$input
Signature: sig1=:$signature:
END

if [ "$method" = POST ]; then
    set -- --data-binary "@$body"
else
    set --
fi
# As it was signed: neither dots nor brackets of the URL mean anything to curl.
curl -sS --fail-with-body --globoff --path-as-is -X "$method" -H "@$work/headers" "$@" "$url"
echo
