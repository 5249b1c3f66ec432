#!/bin/sh
# Every configuration we print is one that httpd accepts: conf/, and each example of the manual.
# SPDX-License-Identifier: Apache-2.0
. tests/guard/common.sh

module=$PWD/build/mod_chatgpt.so
httpd=$(command -v apache2 || command -v httpd || echo /usr/sbin/apache2)
modules=$(apxs -q LIBEXECDIR)
if [ ! -e "$module" ]; then
    echo "$guard: $module is missing: run make first"
    exit 1
fi
root=$(mktemp -d)
trap 'rm -rf "$faults"* "$seen" "$root"' EXIT

# The files that the examples name, in the place of /etc/chatgpt and the like.
mkdir -p "$root/journal" "$root/console"
head -c 48 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$root/pepper"
for file in openai.key redis.password; do echo secret > "$root/$file"; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca \
    -keyout "$root/redis-ca.key" -out "$root/redis-ca.pem" 2> /dev/null
head -c 48 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$root/pseudonyms"
echo 'Project Aurora' > "$root/projects.txt"
touch "$root/users" "$root/groups"
cp conf/models.json "$root/"
cp -R conf/rules "$root/"
ln -s "$PWD/build/tokens" "$root/tokens"
printf 'list ours action=block\n    Project Aurora\n' > "$root/ours.rules"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$root/seal.key"
echo secret > "$root/webhook.secret"
chmod 600 "$root/webhook.secret" "$root/pepper" "$root/openai.key" "$root/redis.password" "$root/seal.key"

{
    echo "ServerRoot \"$root\""
    echo "ServerName 127.0.0.1"
    echo "Listen 127.0.0.1:65533"
    echo "ErrorLog \"$root/error_log\""
    for name in mpm_event authn_core authn_file auth_basic authz_core authz_user authz_host \
        authz_groupfile alias dir headers proxy proxy_http socache_shmcb ssl unixd log_config watchdog; do
        file=$modules/mod_$name.so
        [ ! -e "$file" ] || echo "LoadModule ${name}_module \"$file\""
    done
    echo "LoadModule chatgpt_module \"$module\""
} > "$root/base.conf"

# What an example leaves out because another page says it.
cat > "$root/rest.conf" <<END
ChatGPTPepperFile "$root/pepper"
ChatGPTSealKey "file:$root/seal.key"
ChatGPTJournal "$root/journal"
ChatGPTModels "$root/models.json"
ChatGPTRulesFolder "$root/rules"
ChatGPTTokens "$root/tokens"
ChatGPTUpstream spare http://127.0.0.1:9/v1
<Location "/spare/v1">
    ChatGPTEngine on
    AuthType ChatGPT
    AuthName chatgpt
    Require valid-user
</Location>
END

here() {
    sed -e "s,/etc/chatgpt/,$root/,g" -e "s,/var/lib/mod_chatgpt/,$root/,g" \
        -e "s,/usr/share/mod_chatgpt/,$root/,g"
}

# accepted NAME, the configuration on standard input
accepted() {
    echo "$1" >> "$seen"
    { cat "$root/base.conf" - ; } > "$root/httpd.conf"
    : > "$root/error_log"
    if ! said=$("$httpd" -t -f "$root/httpd.conf" 2>&1); then
        { echo "$1: $said"; cat "$root/error_log"; } | sed "s,$root,…,g" >> "$faults"
    fi
}

# It says nothing of the vocabularies: they are where they are installed.
{ echo "ChatGPTTokens \"$root/tokens\""; here < conf/minimal.conf; } | accepted conf/minimal.conf
for file in conf/examples/*.conf; do
    cat "$root/rest.conf" "$file" | sed 's/ChatGPTUpstream private/ChatGPTUpstream openai http:\/\/127.0.0.1:9\/v1\n&/' |
        here | accepted "$file"
done
# Every line of chatgpt.conf, taken into force.
sed -n 's/^#\(ChatGPT.*\)/\1/p' conf/chatgpt.conf | here | accepted conf/chatgpt.conf
for page in docs/manual/*.md README.md; do
    count=$(grep -c '^```apache' "$page") || continue
    for i in $(seq "$count"); do
        # Names of upstreams that the example takes as given.
        {
            cat "$root/rest.conf"
            awk -v want="$i" '/^```apache/ { n++; on = n == want; next } /^```/ { on = 0 } on' "$page" > "$root/part"
            for name in openai private; do
                grep -q "^ChatGPTUpstream *$name" "$root/part" || echo "ChatGPTUpstream $name http://127.0.0.1:9/v1"
            done
            cat "$root/part"
        } | here | accepted "$page, example $i"
    done
done
verdict
