// The httpd.conf of `make run`.
// SPDX-License-Identifier: Apache-2.0
//
// It is complete in itself and listens on 127.0.0.1 alone. What a real server
// would write is in conf/minimal.conf; this one adds what a laptop lacks: users
// in a file, a store in a socket, logs in one folder.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { OPERATORS } from './secrets.mjs';
import { ROOT } from './settings.mjs';

const MODULES = ['mpm_event', 'authn_core', 'authn_file', 'auth_basic', 'authz_core',
    'authz_user', 'authz_groupfile', 'authz_host', 'alias', 'dir', 'mime', 'env', 'headers',
    'setenvif', 'reqtimeout', 'status', 'proxy', 'proxy_http', 'log_config', 'unixd', 'watchdog'];
const FOR_TLS = ['socache_shmcb', 'ssl'];
const AUTHORITIES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];
const PROGRAMS = ['/usr/sbin/apache2', '/usr/sbin/httpd'];
const CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    + "frame-ancestors 'none'; require-trusted-types-for 'script'";

export const httpdProgram = () => PROGRAMS.find(existsSync) ?? 'httpd';

/** A module that stands inside the program has no file, and needs no line. */
function loadModules(isTls) {
    const folder = execFileSync('apxs', ['-q', 'LIBEXECDIR'], { encoding: 'utf8' }).trim();
    return [...MODULES, ...(isTls ? FOR_TLS : [])]
        .map((name) => [name, path.join(folder, `mod_${name}.so`)])
        .filter(([, file]) => existsSync(file))
        .map(([name, file]) => `LoadModule ${name}_module "${file}"`).join('\n');
}

const tls = () => `
# The certificate of the upstream is checked: chain, name and dates.
SSLProxyEngine On
SSLProxyVerify require
SSLProxyCACertificateFile "${AUTHORITIES.find(existsSync) ?? AUTHORITIES[0]}"
SSLProxyProtocol all -SSLv3 -TLSv1 -TLSv1.1
`;

const include = (file) => (file ? `Include "${file}"` : '');

function signIn(run) {
    return `AuthType Basic
    AuthName "mod_chatgpt"
    AuthBasicProvider file
    AuthUserFile "${run.at('users')}"
    AuthGroupFile "${run.at('groups')}"
    Require valid-user`;
}

export function writeConfiguration(run) {
    const { settings, owner } = run;
    const isTls = run.upstream.startsWith('https:');
    const log = (name) => path.join(settings.folder, name);
    return `# Written anew by each make run; change POLICY and SERVER_CONF instead.
ServerRoot "${settings.folder}"
DefaultRuntimeDir "${settings.folder}"
PidFile "${log('httpd.pid')}"
ServerName 127.0.0.1
Listen 127.0.0.1:${settings.port}
${owner.user ? `User ${owner.user.name}\nGroup ${owner.user.group}` : ''}

${loadModules(isTls)}
LoadModule chatgpt_module "${path.join(ROOT, 'build/mod_chatgpt.so')}"

# Several children from the start: what is said once must hold in all of them.
StartServers 2
ServerLimit 4
ThreadsPerChild 64
MinSpareThreads 64
MaxSpareThreads 256
MaxRequestWorkers 256

ErrorLog "${log('error_log')}"
# mod_proxy logs each failed attempt; the module says itself when it gives up.
LogLevel warn proxy:crit proxy_http:crit
LogFormat "%a %u %t \\"%m %U\\" %>s %B %{ms}T %{chatgpt-request-id}n" quick
CustomLog "${log('access_log')}" quick

KeepAlive On
TraceEnable off
ServerTokens Prod
# Ids of models may hold slashes.
AllowEncodedSlashes NoDecode
RequestReadTimeout header=10-20,MinRate=500 body=10,MinRate=500
TypesConfig "/etc/mime.types"
AddType text/javascript .js
AddType image/svg+xml .svg
AddDefaultCharset utf-8
DocumentRoot "${run.at('site')}"
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
${isTls ? tls() : ''}
# Wrong keys and wrong passwords, wherever they are sent: the API, the console, the metrics.
ChatGPTAttempts 10/60s
ChatGPTStore ${run.store.urlForHttpd}
ChatGPTPepperFile "${run.pepper}"
ChatGPTSealKey "file:${run.sealKey}"
ChatGPTJournal "${run.at('journal')}"
ChatGPTModels "${path.join(ROOT, 'conf/models.json')}"
ChatGPTRulesFolder "${path.join(ROOT, 'conf/rules')}"
ChatGPTTokens "${path.join(ROOT, 'build/tokens')}"
ChatGPTUpstream ${run.upstreamName} ${run.upstream} ${run.credential}
${OPERATORS.map((name) => `ChatGPTRole ${name} group ${name}`).join('\n')}

<Location "/v1">
    ChatGPTEngine on
    AuthType ChatGPT
    AuthName chatgpt
    AuthzSendForbiddenOnFailure On
    Require valid-user
    ChatGPTLimit key 100/60s
    ChatGPTLimit address 100/15min
    ${include(settings.policy)}
</Location>

RedirectMatch "^/(?:console)?$" /console/
Alias /console/ "${run.at('console')}/"
<Directory "${run.at('console')}">
    DirectoryIndex index.html
    ${signIn(run)}
</Directory>
<Location "/console/">
    Header always set Content-Security-Policy "${CSP}"
    Header always set X-Content-Type-Options nosniff
    Header always set Referrer-Policy no-referrer
    Header always set Cache-Control no-cache
</Location>
<Location "/console/api">
    SetHandler chatgpt-console
    ${signIn(run)}
    Header always set Cache-Control no-store
</Location>

<Location "/metrics">
    SetHandler chatgpt-metrics
    ${signIn(run)}
</Location>
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>

${include(settings.serverConf)}
`;
}
