// Beside other modules of httpd: Require, Basic, .htaccess, nothing at all.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const site = mkdtempSync(path.join(tmpdir(), 'cg-site-'));
execFileSync('chmod', ['755', site]);
mkdirSync(path.join(site, 'team'));
after(() => rmSync(site, { recursive: true, force: true }));
const passwords = path.join(site, 'passwords');
execFileSync('htpasswd', ['-bc', passwords, 'mary', 'poppins'],
    { stdio: 'ignore' });

const gw = useGateway({ policy: ['ChatGPTLimit key none',
    'ChatGPTLimit address none'], server: [
    // Somebody forgot to ask for a caller's identity here.
    '<Location "/bare/v1">', 'ChatGPTEngine on', 'Require all granted',
    '</Location>',
    '<Location "/typed/v1">', 'ChatGPTEngine on', 'AuthType ChatGPT',
    'AuthName api', 'Require all granted', '</Location>',
    '<Location "/basic/v1">', 'ChatGPTEngine on', 'AuthType Basic',
    'AuthName api', 'AuthBasicProvider file',
    `AuthUserFile "${passwords}"`, 'Require valid-user', '</Location>',
    '<Location "/only/v1">', 'ChatGPTEngine on', 'AuthType ChatGPT',
    'AuthName api', 'Require user nobody-at-all', '</Location>',
    `Alias "/site" "${site}"`, `<Directory "${site}">`,
    'AllowOverride AuthConfig', 'ChatGPTEngine on', 'AuthType ChatGPT',
    'AuthName api', 'Require valid-user', 'ChatGPTLimit key 50/60s',
    'ChatGPTRedact US_SSN mask', '</Directory>'] }, () => {
    gw.expectLog('CG1007', 'AH01797', 'AH01617', 'AH01630', 'AH01631',
        'AH00529');
});

const ask = (place, headers = {}, content = 'hi') => send(
    `http://127.0.0.1:${gw.port}${place}/v1/chat/completions`, {
        headers: gw.headers(headers), body: JSON.stringify({ model: MODEL,
            messages: [{ role: 'user', content }] }) });

test('a place that asks nobody who they are serves nobody', async () => {
    gw.forget();
    for (const headers of [{ authorization: null }, {}]) {
        const got = await ask('/bare', headers);
        assert.ok([401, 403].includes(got.status), String(got.status));
        assert.ok(got.error);
    }
    assert.equal(gw.reached.length, 0);
});

test('Require all granted does not open a place of type ChatGPT',
    async () => {
        gw.forget();
        const got = await ask('/typed', { authorization: null });
        assert.equal(got.status, 401);
        assert.equal(gw.reached.length, 0);
        assert.equal((await ask('/typed')).status, 200);
    });

test('another way of httpd to know a user will do', async () => {
    const basic = (word) => ({ authorization: `Basic ${Buffer.from(word)
        .toString('base64')}` });
    const got = await ask('/basic', basic('mary:poppins'));
    assert.equal(got.status, 200, got.text);
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.user, 'mary');
    assert.equal((await ask('/basic', basic('mary:wrong'))).status, 401);
    assert.match(gw.lastHeaders.authorization, /^Bearer sk-upstream/);
});

test('a known key that Require does not want is refused', async () => {
    gw.forget();
    const got = await ask('/only');
    assert.ok([401, 403].includes(got.status), String(got.status));
    assert.ok(got.error, got.text);
    assert.equal(gw.reached.length, 0);
});

const access = (lines) => writeFileSync(path.join(site, 'team', '.htaccess'),
    `${lines.join('\n')}\n`);

test('.htaccess can make a limit tighter', async () => {
    access(['ChatGPTLimit key 3/60s']);
    const { key } = await gw.newKey({ name: 'tight' });
    const headers = { authorization: `Bearer ${key}` };
    const seen = [];
    for (let i = 0; i < 4; i++)
        seen.push((await ask('/site/team', headers)).status);
    assert.deepEqual(seen, [200, 200, 200, 429]);
});

test('.htaccess can make redaction stricter', async () => {
    access(['ChatGPTRedact US_SSN block']);
    const got = await ask('/site/team', {}, 'ssn 536-22-8726');
    assert.equal(got.status, 400);
    assert.equal(got.error.code, 'content_policy_violation');
});

for (const line of ['ChatGPTLimit key none', 'ChatGPTLimit key 9000/60s',
    'ChatGPTRedact US_SSN allow', 'ChatGPTBodyLimit 900M',
    'ChatGPTEngine off', 'ChatGPTStoreDown open', 'ChatGPTAuditText off'])
    test(`.htaccess cannot loosen by ${line}`, async () => {
        gw.expectLog(/ChatGPT\w+.*(?:not allowed here|tighten|loosen)/i,
            /\[core:alert\].*\.htaccess/);
        access([line]);
        gw.forget();
        const got = await ask('/site/team', {}, 'ssn 536-22-8726');
        assert.ok(got.status >= 400 || !gw.lastBody.includes('536-22-8726'),
            gw.lastBody);
        const limit = got.headers['x-ratelimit-limit-requests'];
        assert.ok(limit === undefined || Number(limit) <= 50, limit);
        access([]);
    });

test('the rest of the server is as it was', async () => {
    writeFileSync(path.join(site, 'page.html'), '<p>hello</p>');
    await until(async () => (await gw.chat('hi')).status === 200);
    const got = await send(`http://127.0.0.1:${gw.port}/no-such-page`,
        { method: 'GET' });
    assert.ok([403, 404].includes(got.status), String(got.status));
    assert.ok(!got.headers['x-request-id']);
});
