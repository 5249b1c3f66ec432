// Client certificates: one that mod_ssl verified is an identity, another is none.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { freePort } from './wire.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-certs-'));
after(() => rmSync(folder, { recursive: true, force: true }));
execFileSync('chmod', ['755', folder]);
const file = (name) => path.join(folder, name);
const openssl = (...words) => execFileSync('openssl', words,
    { stdio: 'ignore', cwd: folder });

/** A certificate, of the authority or (by none) of its own. */
function certificate(name, subject, by) {
    openssl('req', '-new', '-nodes', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:prime256v1', '-subj', subject, '-keyout',
        `${name}.key`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, '-out',
        `${name}.crt`, ...(by ? ['-CA', `${by}.crt`, '-CAkey', `${by}.key`,
            '-set_serial', String(1 + Math.floor(Math.random() * 1e9))]
            : ['-signkey', `${name}.key`]));
    return { key: readFileSync(file(`${name}.key`)),
        cert: readFileSync(file(`${name}.crt`)) };
}

certificate('authority', '/CN=authority');
certificate('server', '/CN=127.0.0.1', 'authority');
const mary = certificate('mary', '/O=Example/OU=red/CN=mary', 'authority');
const jane = certificate('jane', '/O=Example/OU=blue/CN=jane', 'authority');
const forger = certificate('forger', '/O=Example/OU=red/CN=mary');

const modules = execFileSync('apxs', ['-q', 'LIBEXECDIR'],
    { encoding: 'utf8' }).trim();
const load = ['socache_shmcb', 'ssl'].flatMap((name) => [
    `<IfModule !${name}_module>`,
    `LoadModule ${name}_module "${modules}/mod_${name}.so"`, '</IfModule>']);
const ports = { checked: await freePort(), lax: await freePort() };
const host = (port, verify, ...lines) => [`Listen 127.0.0.1:${port}`,
    `<VirtualHost 127.0.0.1:${port}>`, 'SSLEngine on',
    `SSLCertificateFile "${file('server.crt')}"`,
    `SSLCertificateKeyFile "${file('server.key')}"`,
    `SSLCACertificateFile "${file('authority.crt')}"`,
    `SSLVerifyClient ${verify}`, ...lines, '</VirtualHost>'];
const mapped = ['ChatGPTEngine on',
    'ChatGPTIdentity user "%{SSL_CLIENT_S_DN_CN}"',
    'ChatGPTIdentity team "%{SSL_CLIENT_S_DN_OU}"'];
const places = ['<Location "/open/v1">', ...mapped, 'Require all granted',
    '</Location>', '<Location "/red/v1">', ...mapped,
    'Require chatgpt-team red', '</Location>', '<Location "/plain/v1">',
    'ChatGPTEngine on', 'Require all granted', '</Location>',
    '<Location "/fake/v1">', 'ChatGPTEngine on',
    'ChatGPTIdentity user "%{HTTP:X-User}"', 'Require all granted',
    '</Location>', '<Location "/empty/v1">', 'ChatGPTEngine on',
    'ChatGPTIdentity user "%{SSL_CLIENT_S_DN_Email}"', 'Require all granted',
    '</Location>'];
const gw = useGateway({ server: [...load,
    ...host(ports.checked, 'optional', ...places),
    ...host(ports.lax, 'optional_no_ca', ...places)] },
() => gw.expectLog('CG1007', 'AH01630', 'AH01631', /\[ssl:warn\]/,
    /\[ssl:error\].*AH02039/));

const ask = (port, at, client = {}, headers = {}) => new Promise((done, no) => {
    const req = https.request({ host: '127.0.0.1', port, agent: false,
        path: `/${at}/v1/chat/completions`, method: 'POST',
        rejectUnauthorized: false, ...client, timeout: 10000,
        headers: { 'content-type': 'application/json', ...headers } },
    async (res) => {
        const parts = await res.toArray();
        const text = Buffer.concat(parts).toString();
        done({ status: res.statusCode, headers: res.headers, text });
    });
    req.on('error', no);
    req.end(JSON.stringify({ model: MODEL,
        messages: [{ role: 'user', content: 'hi' }] }));
});

test('a verified certificate is a user and a team', async () => {
    for (const at of ['open', 'red']) {
        const got = await ask(ports.checked, at, mary);
        assert.equal(got.status, 200, got.text);
        const record = await gw.record(got.headers['x-request-id']);
        assert.deepEqual([record.user, record.team], ['mary', 'red']);
    }
});

test('a verified certificate of another team is known, and not allowed',
    async () => {
        const got = await ask(ports.checked, 'red', jane);
        assert.equal(got.status, 403, got.text);
        assert.ok(JSON.parse(got.text).error);
        assert.equal((await ask(ports.checked, 'open', jane)).status, 200);
    });

test('without a certificate nobody is known', async () => {
    gw.forget();
    for (const at of ['open', 'red', 'plain', 'fake', 'empty']) {
        const got = await ask(ports.checked, at, {}, { 'x-user': 'mary',
            'ssl-client-verify': 'SUCCESS', ssl_client_s_dn_cn: 'mary' });
        assert.ok([401, 403].includes(got.status), `${at} ${got.text}`);
        assert.ok(JSON.parse(got.text).error);
    }
    assert.equal(gw.reached.length, 0);
});

test('a certificate that nobody vouches for is none', async () => {
    gw.forget();
    for (const at of ['open', 'red', 'fake']) {
        const got = await ask(ports.lax, at, forger, { 'x-user': 'mary' });
        assert.ok([401, 403].includes(got.status), `${at} ${got.text}`);
    }
    assert.equal(gw.reached.length, 0);
    await assert.rejects(ask(ports.checked, 'open', forger));
    assert.equal((await ask(ports.lax, 'red', mary)).status, 200);
});

test('a certificate is a user only where a line says which', async () => {
    for (const at of ['plain', 'empty'])
        assert.equal((await ask(ports.checked, at, mary)).status, 401);
});
