// Whom httpd had no need to ask: the gate asks, and what Require forbids still holds.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-late-'));
after(() => rmSync(folder, { recursive: true, force: true }));
execFileSync('chmod', ['755', folder]);
const site = path.join(folder, 'site');
mkdirSync(site);
writeFileSync(path.join(site, 'page.shtml'), '<!--#include virtual='
    + '"/v1/models" -->|<!--#include virtual="/console/api/v1/session" -->');
const passwords = path.join(folder, 'passwords');
for (const [i, name] of ['mary', 'jane'].entries())
    execFileSync('htpasswd', [i ? '-bB' : '-cbB', '-C', '4', passwords, name,
        'poppins'], { stdio: 'ignore' });

const modules = execFileSync('apxs', ['-q', 'LIBEXECDIR'],
    { encoding: 'utf8' }).trim();
const load = ['access_compat', 'include', 'rewrite'].flatMap((name) => [
    `<IfModule !${name}_module>`,
    `LoadModule ${name}_module "${modules}/mod_${name}.so"`, '</IfModule>']);
const basic = ['ChatGPTEngine on', 'AuthType Basic', 'AuthName api',
    'AuthBasicProvider file', `AuthUserFile "${passwords}"`,
    'ChatGPTAttempts off'];
const typed = ['ChatGPTEngine on', 'AuthType ChatGPT', 'AuthName api'];
const place = (at, ...lines) => [`<Location "/${at}/v1">`, ...lines,
    '</Location>'];
const all = (...lines) => ['<RequireAll>', ...lines, '</RequireAll>'];
const any = ['<RequireAny>', 'Require ip 127.0.0.1',
    'Require chatgpt-team red', '</RequireAny>'];
const satisfy = ['Satisfy any', 'Require valid-user', 'Order allow,deny',
    'Allow from all'];

const gw = useGateway({ server: [...load,
    ...place('not', ...typed, ...all('Require all granted',
        'Require not chatgpt-team blocked')),
    ...place('none', ...typed, ...all('Require all granted', '<RequireNone>',
        'Require chatgpt-team blocked', '</RequireNone>')),
    ...place('from', ...typed, ...all('Require ip 127.0.0.1',
        'Require not chatgpt-user jane')),
    ...place('not-basic', ...basic, ...all('Require all granted',
        'Require not user jane')),
    ...place('any', ...typed, ...any),
    ...place('any-basic', ...basic, ...any),
    ...place('satisfy', ...typed, ...satisfy),
    ...place('satisfy-basic', ...basic, ...satisfy),
    ...place('broken', ...typed, ...all('Require all granted',
        'Require not chatgpt-team "%{file:/no-such-file}"')),
    ...place('if', ...typed, 'Require valid-user', '<If "true">',
        'AuthType None', 'Require all granted', '</If>'),
    `Alias "/site" "${site}"`, `<Directory "${site}">`,
    'Require all granted', 'Options +Includes', 'AddType text/html .shtml',
    'AddOutputFilter INCLUDES .shtml', 'RewriteEngine on',
    'RewriteRule "^gate$" "/v1/models"',
    'RewriteRule "^console$" "/console/api/v1/keys"',
    'ErrorDocument 404 /v1/models', '</Directory>'] },
() => gw.expectLog('AH01630', 'AH01631', 'AH01617', 'AH01797', 'CG1029',
    'AH01614', 'CG1018',     /AH01374|unable to include/, /file.*no-such-file/, 'CG1007'));

const as = (name, password = 'poppins') => ({ authorization:
    `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` });
const by = ({ key }) => ({ authorization: `Bearer ${key}` });
const NOBODY = { authorization: null };
const WRONG = { authorization: 'Bearer vk_nothing' };
const ask = (at, headers = {}) => send(
    `http://127.0.0.1:${gw.port}/${at}/v1/chat/completions`, {
        headers: gw.headers(headers), body: JSON.stringify({ model: MODEL,
            messages: [{ role: 'user', content: 'hi' }] }) });
async function gives(at, headers, status, code) {
    gw.forget();
    const got = await ask(at, headers);
    assert.equal(got.status, status, `${at} ${JSON.stringify(headers)} ${
        got.text}`);
    assert.equal(gw.reached.length, status === 200 ? 1 : 0, at);
    if (code)
        assert.equal(got.error?.code, code, got.text);
    return got;
}

let jane;
let mary;
test('keys of two teams', async () => {
    jane = await gw.newKey({ name: 'jane', user: 'jane', team: 'blocked' });
    mary = await gw.newKey({ name: 'mary', user: 'mary', team: 'blue' });
});

for (const at of ['not', 'none', 'from'])
    test(`what is behind "not" is forbidden, though nobody was asked: ${at}`,
        async () => {
            await gives(at, by(jane), 403, 'permission_denied');
            await gives(at, by(mary), 200);
            await gives(at, NOBODY, 401);
            await gives(at, WRONG, 401);
        });

test('and of passwords too', async () => {
    await gives('not-basic', as('jane'), 403, 'permission_denied');
    await gives('not-basic', as('mary'), 200);
    for (const headers of [NOBODY, as('mary', 'x'), by(mary)]) {
        const got = await gives('not-basic', headers, 401);
        assert.match(got.headers['www-authenticate'], /^Basic/);
    }
});

for (const at of ['any', 'satisfy'])
    test(`an address that is enough is no identity: ${at}`, async () => {
        await gives(at, by(mary), 200);
        await gives(at, NOBODY, 401);
        await gives(at, WRONG, 401);
        await gives(`${at}-basic`, as('jane'), 200);
        await gives(`${at}-basic`, as('jane', 'x'), 401);
        await gives(`${at}-basic`, NOBODY, 401);
        await gives(`${at}-basic`, by(mary), 401);
    });

test('an expression that fails behind "not" lets nobody in', async () => {
    await gives('broken', by(mary), 403, 'identity_unclear');
    await gives('broken', NOBODY, 401);
});

test('a section that takes the AuthType away opens nothing', async () => {
    await gives('if', by(mary), 401);
    await gives('if', NOBODY, 401);
});

/** One request as it is written; the first line and the body of the answer. */
const raw = (first, headers = {}, body = '') => new Promise((done, no) => {
    const lines = [`${first} HTTP/1.1`, 'Host: x', 'Connection: close',
        ...Object.entries(headers).flatMap(([name, value]) => [value].flat()
            .map((one) => `${name}: ${one}`)), `Content-Length: ${body.length}`];
    const socket = net.connect(gw.port, '127.0.0.1', () => socket.write(`${
        lines.join('\r\n')}\r\n\r\n${body}`));
    let text = '';
    socket.on('data', (part) => { text += part; });
    socket.on('error', no);
    socket.on('close', () => done({ status: Number(text.slice(9, 12)), text }));
});

test('no way round inside httpd leads past the gate', async () => {
    gw.forget();
    for (const authorization of [[], `Bearer ${gw.key}`])
        for (const at of ['gate', 'console', 'nothing-there', 'page.shtml']) {
            const got = await raw(`GET /site/${at}`, authorization.length
                ? { authorization } : {});
            assert.ok(got.status >= 400 || at === 'page.shtml', got.text);
            assert.ok(!/"object"|"data"|"items"|"user"/.test(got.text),
                got.text);
        }
    assert.equal(gw.reached.length, 0);
});

test('spellings of the path open nothing', async () => {
    const body = JSON.stringify({ model: MODEL,
        messages: [{ role: 'user', content: 'hi' }] });
    gw.forget();
    for (const at of ['//v1/chat/completions', '/v1//chat/completions',
        '/v1/%2e%2e/v1/chat/completions', '/v1/chat/completions;x=1',
        '/v1/chat/completions.', '/v1/chat/completions/', '/%76%31/chat/completions',
        '/x/../v1/chat/completions', 'http://other/v1/chat/completions',
        '/console/../v1/chat/completions', '/v1;x/chat/completions',
        '/V1/chat/completions', '/v1%2fchat/completions', '/v1.%20/chat/completions',
        '/console/api/v1/keys', '/console//api/v1/keys', '/%63onsole/api/v1/keys',
        '/v1/../console/api/v1/keys', '/console/api;x/v1/keys'])
        for (const method of ['POST', 'GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT',
            'post', 'PROPFIND'])
            for (const headers of [{}, { 'x-forwarded-user': 'admin' }]) {
                const got = await raw(`${method} ${at}`, { ...headers,
                    'content-type': 'application/json',
                    'x-chatgpt-console': '1' }, body);
                assert.ok([401, 403, 404, 405].includes(got.status),
                    `${method} ${at} ${got.text}`);
            }
    assert.equal(gw.reached.length, 0);
});

test('two Authorization headers are none', async () => {
    gw.forget();
    const right = `Bearer ${gw.key}`;
    for (const pair of [[right, 'Bearer vk_x'], ['Bearer vk_x', right],
        [right, right], [right, 'Basic eDp5'], ['Basic eDp5', right],
        [right, '']]) {
        const got = await raw('POST /v1/chat/completions', { 'content-type':
            'application/json', authorization: pair }, '{}');
        assert.equal(got.status, 401, `${pair[1].slice(0, 8)} ${got.text}`);
    }
    assert.equal(gw.reached.length, 0);
});
