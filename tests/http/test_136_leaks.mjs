// What a client sends is no identity, and what is secret is shown nowhere.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-leaks-'));
after(() => rmSync(folder, { recursive: true, force: true }));
execFileSync('chmod', ['755', folder]);
const passwords = path.join(folder, 'passwords');
const PASSWORD = `pass-${process.pid}-of-mary`;
execFileSync('htpasswd', ['-ciB', '-C', '4', passwords, 'mary'],
    { input: PASSWORD, stdio: ['pipe', 'ignore', 'ignore'] });

const modules = execFileSync('apxs', ['-q', 'LIBEXECDIR'],
    { encoding: 'utf8' }).trim();
const gw = useGateway({ policy: ['ChatGPTAttempts 50/60s'], server: [
    '<IfModule !info_module>',
    `LoadModule info_module "${modules}/mod_info.so"`, '</IfModule>',
    'LogLevel debug chatgpt:trace8 authz_core:trace8 auth_basic:trace8',
    '<Location "/server-info">', 'SetHandler server-info', 'Require local',
    '</Location>',
    '<Location "/asked/v1">', 'ChatGPTEngine on', 'AuthType ChatGPT',
    'AuthName api', '<RequireAny>', 'Require chatgpt-team red',
    'Require expr "%{CHATGPT_TEAM} == \'blue\'"',
    'Require expr "%{HTTP:Authorization} =~ /^Basic/"', '</RequireAny>',
    'ChatGPTIdentity role "%{HTTP:X-ChatGPT-Role}"',
    '</Location>',
    '<Location "/basic/v1">', 'ChatGPTEngine on', 'AuthType Basic',
    'AuthName api', 'AuthBasicProvider file', `AuthUserFile "${passwords}"`,
    'ChatGPTIdentity team "%{HTTP:X-ChatGPT-Team}"',
    'ChatGPTIdentity role "%{HTTP:X_ChatGPT_Role}"',
    'Require valid-user', '</Location>',
    'SetEnvIf X-ChatGPT-User "(.+)" FORGED=$1',
    '<Location "/role/v1">', 'ChatGPTEngine on', 'AuthType ChatGPT',
    'AuthName api', 'ChatGPTIdentity role "%{reqenv:FORGED}"',
    'ChatGPTIdentity role "%{HTTP:X-ChatGPT-Role}"',
    'Require chatgpt-role admin', '</Location>'] },
() => gw.expectLog('AH01617', 'AH01614', 'AH01631', 'AH01630', 'CG9019'));

const ask = (at, headers = {}) => send(
    `http://127.0.0.1:${gw.port}${at}/v1/chat/completions`, {
        headers: gw.headers(headers), body: JSON.stringify({ model: MODEL,
            messages: [{ role: 'user', content: 'hi' }] }) });
const basic = (password) => ({ authorization: `Basic ${
    Buffer.from(`mary:${password}`).toString('base64')}` });
const FORGED = { 'x-remote-user': 'root', remote_user: 'root',
    'remote-user': 'root', 'x-forwarded-user': 'root', 'x-auth-request-user':
        'root', 'x-chatgpt-user': 'admin', 'x-chatgpt-team': 'red',
    'X-ChatGPT-Role': 'admin', x_chatgpt_role: 'admin', 'x-user': 'root',
    'x-team': 'red', 'oidc_claim_sub': 'root', 'ssl_client_s_dn_cn': 'root',
    'ssl-client-verify': 'SUCCESS', 'chatgpt_user': 'root', from: 'root@x',
    'openai-organization': 'red', 'x-consumer-username': 'root' };

test('headers that a client sends change nothing of who it is', async () => {
    const { key, id } = await gw.newKey({ name: 'plain', team: 'blue',
        user: 'jane' });
    const one = await ask('', { ...FORGED, authorization: `Bearer ${key}` });
    assert.equal(one.status, 200, one.text);
    const record = await gw.record(one.headers['x-request-id']);
    assert.deepEqual([record.user, record.team, record.key_id ?? id],
        ['jane', 'blue', id]);
    const two = await ask('/basic', { ...FORGED, ...basic(PASSWORD) });
    assert.equal(two.status, 200, two.text);
    const other = await gw.record(two.headers['x-request-id']);
    assert.equal(other.user, 'mary');
    assert.ok(!other.team, other.team);
});

test('headers of our own name are gone before anything reads them',
    async () => {
        gw.forget();
        const got = await ask('/role', FORGED);
        assert.equal(got.status, 403, got.text);
        for (const headers of [{ ...FORGED, authorization: null }])
            assert.equal((await ask('', headers)).status, 401);
        assert.equal(gw.reached.length, 0);
        await ask('', FORGED);
        for (const name of Object.keys(gw.lastHeaders))
            assert.ok(!/^x-(?:chatgpt|remote|auth)/.test(name), name);
    });

/** A secret as it is, and as it may hide. */
function faces(secret) {
    const bytes = Buffer.from(secret);
    return [secret, [...secret].reverse().join(''), bytes.toString('hex'),
        bytes.toString('base64').replace(/=+$/, ''),
        bytes.toString('base64url'), encodeURIComponent(secret)];
}

test('no key, password or credential is in any log or page', async () => {
    const { key } = await gw.newKey({ name: 'canary', team: 'blue' });
    const wrong = `${key.slice(0, 20)}${'x'.repeat(35)}${key.slice(55)}`;
    const by = (word) => ({ authorization: `Bearer ${word}` });
    for (const at of ['', '/asked', '/role', '/basic'])
        for (const headers of [by(key), by(wrong), basic(PASSWORD),
            basic(`${PASSWORD}-wrong`)])
            await ask(at, headers);
    const pages = { log: gw.log(), access: readFileSync(path.join(gw.folder,
        'access_log'), 'utf8'), metrics: await gw.metrics() };
    for (const page of ['server-info', 'server-info?config', 'server-status',
        'server-info?hooks'])
        pages[page] = (await send(`http://127.0.0.1:${gw.port}/${page}`,
            { method: 'GET' })).text;
    pages.policies = (await gw.admin('GET', '/policies')).text;
    pages.requests = (await gw.admin('GET', '/requests?limit=100')).text;
    pages.processes = [...await gw.children(), gw.ready.httpd_pid].map((pid) =>
        readdirSync(`/proc/${pid}/task`) && readFileSync(
            `/proc/${pid}/cmdline`, 'utf8')).join('\n');
    assert.match(pages.log, /\[authz_core:debug\]/);
    assert.match(pages['server-info'], /ChatGPTUpstream/);
    const pepper = readFileSync(path.join(gw.folder, 'pepper'), 'utf8').trim();
    for (const secret of [key, key.slice(12, 55), wrong.slice(12, 55),
        PASSWORD, pepper, gw.key, gw.environment().OPENAI_API_KEY])
        for (const face of faces(secret))
            for (const [name, text] of Object.entries(pages))
                assert.ok(!text.includes(face), `${name} tells ${face}`);
});

test('a key that stands in a directive stops the start, unrepeated',
    async () => {
        const { key } = await gw.newKey({ name: 'written' });
        const place = (...lines) => ['<Location "/x">', ...lines,
            '</Location>'];
        for (const lines of [
            place(`Require expr "%{HTTP:Authorization} == 'Bearer ${key}'"`),
            place('<RequireAny>', `Require expr "-n '${key}'"`,
                '</RequireAny>'),
            place(`ChatGPTIdentity team red "expr=%{HTTP:X} == '${key}'"`),
            [`<If "%{HTTP:X} == '${key}'">`, '</If>']]) {
            const got = await gw.configtest(lines);
            assert.ok(!got.ok, lines.join(' '));
            assert.ok(!got.words.includes(key), got.words);
            assert.ok(!gw.log().includes(key));
        }
        const sent = await gw.configtest(['<IfModule headers_module>',
            `RequestHeader set X-Next "Bearer ${key}"`, '</IfModule>']);
        assert.ok(sent.ok, sent.words);
        assert.ok(!(sent.words + gw.log()).includes(key));
    });

test('no directive takes a secret itself', async () => {
    const secret = `word-${process.pid}-secret`;
    for (const line of [`ChatGPTUpstream second https://api.example ${secret}`,
        `ChatGPTStore redis://user:${secret}@127.0.0.1:6379/0`]) {
        const got = await gw.configtest([line]);
        assert.ok(!got.ok, line);
        assert.ok(!got.words.includes(secret), got.words);
    }
});
