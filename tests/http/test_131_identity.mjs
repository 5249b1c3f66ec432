// Who a caller is: ChatGPTIdentity over httpd's own users, and what Require asks.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const OTHER = 'gpt-4o';
const site = mkdtempSync(path.join(tmpdir(), 'cg-who-'));
after(() => rmSync(site, { recursive: true, force: true }));
execFileSync('chmod', ['755', site]);
mkdirSync(path.join(site, 'team'));
const passwords = path.join(site, 'passwords');
for (const [i, name] of ['mary', 'jane', 'zoë'].entries())
    execFileSync('htpasswd', [i ? '-bB' : '-cbB', '-C', '4', passwords, name,
        'poppins'], { stdio: 'ignore' });

const basic = ['ChatGPTEngine on', 'AuthType Basic', 'AuthName api',
    'AuthBasicProvider file', `AuthUserFile "${passwords}"`];
const place = (at, ...lines) => [`<Location "/${at}/v1">`, ...lines,
    '</Location>'];
const typed = ['ChatGPTEngine on', 'AuthType ChatGPT', 'AuthName api'];

const gw = useGateway({ policy: ['ChatGPTLimit user none'], server: [
    ...place('mapped', ...basic, 'Require valid-user',
        'ChatGPTIdentity user "person-%{REMOTE_USER}"',
        'ChatGPTIdentity team red "expr=%{REMOTE_USER} == \'mary\'"',
        'ChatGPTIdentity team blue',
        'ChatGPTIdentity role "chat, deep  , not admin"'),
    ...place('team', ...basic, 'ChatGPTIdentity team "%{tolower:RED}" '
        + '"expr=%{REMOTE_USER} == \'mary\'"', 'Require chatgpt-team red'),
    ...place('any', ...basic, 'ChatGPTIdentity role admin '
        + '"expr=%{REMOTE_USER} == \'mary\'"', '<RequireAny>',
    'Require chatgpt-role admin', 'Require user jane', '</RequireAny>'),
    ...place('all', ...basic, 'ChatGPTIdentity role a',
        'ChatGPTIdentity scope "read write"',
        'ChatGPTIdentity scope extra "expr=%{REMOTE_USER} == \'mary\'"',
        '<RequireAll>', 'Require chatgpt-role a b', 'Require chatgpt-scope read',
        'Require chatgpt-scope write', 'Require chatgpt-scope extra',
        'Require not chatgpt-team blocked', '</RequireAll>'),
    ...place('words', ...basic, 'ChatGPTIdentity role "not admin"',
        'Require chatgpt-role admin'),
    ...place('models', ...basic, 'Require valid-user',
        `ChatGPTIdentity model ${MODEL} "expr=%{REMOTE_USER} == 'mary'"`),
    ...place('model', ...basic, `ChatGPTIdentity model ${MODEL}`,
        `Require chatgpt-model ${OTHER}`),
    ...place('limits', ...basic, 'Require valid-user', 'ChatGPTLimit user 1/60s',
        'ChatGPTIdentity limit "2/60s, 90000tokens/60s"'),
    ...place('unclear', ...basic, 'Require valid-user',
        'ChatGPTIdentity limit "%{HTTP:X-Limit}"'),
    ...place('long', ...basic, 'Require valid-user',
        'ChatGPTIdentity team "%{HTTP:X-Team}"'),
    ...place('inherited', ...typed, 'Require all granted'),
    ...place('satisfied', ...typed, '<RequireAny>', 'Require all granted',
        'Require chatgpt-team red', '</RequireAny>'),
    ...place('keyed', ...typed, 'Require chatgpt-team red'),
    ...place('relaid', ...typed, 'ChatGPTIdentity team green', 'Require '
        + 'chatgpt-team green'),
    ...place('inside', ...typed, 'Require valid-user', 'ChatGPTIdentity team '
        + '"of-%{CHATGPT_TEAM}-%{CHATGPT_SOURCE}"'),
    ...place('nobody', 'ChatGPTEngine on', 'Require all granted',
        'ChatGPTIdentity user "%{HTTP:X-User}"'),
    ...place('unasked', 'ChatGPTEngine on', 'Require chatgpt-user root',
        'ChatGPTIdentity user "%{HTTP:X-User}"'),
    `Alias "/site" "${site}"`, `<Directory "${site}">`,
    'AllowOverride AuthConfig', ...typed, 'Require valid-user',
    '</Directory>'] }, () => gw.expectLog('AH01631', 'AH01630', 'CG1028',
    'CG1007', 'AH01617', /CG1018/));

const as = (name, password = 'poppins') => ({ authorization:
    `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` });
const ask = (at, headers = {}, model = MODEL) => send(
    `http://127.0.0.1:${gw.port}/${at}/v1/chat/completions`, {
        headers: gw.headers(headers), body: JSON.stringify({ model,
            messages: [{ role: 'user', content: 'hi' }] }) });

async function recorded(at, headers) {
    const got = await ask(at, headers);
    assert.equal(got.status, 200, got.text);
    return gw.record(got.headers['x-request-id']);
}

function isForbidden(got, code = 'permission_denied') {
    assert.equal(got.status, 403, got.text);
    assert.equal(got.error?.code, code, got.text);
    assert.equal(got.error.type, 'permission_error');
    assert.ok(!got.headers['www-authenticate']);
}

test('user and team are what the expressions make of them', async () => {
    const mary = await recorded('mapped', as('mary'));
    assert.deepEqual([mary.user, mary.team], ['person-mary', 'red']);
    const jane = await recorded('mapped', as('jane'));
    assert.deepEqual([jane.user, jane.team], ['person-jane', 'blue']);
    const zoe = await recorded('mapped', as('zoë'));
    assert.equal(zoe.user, 'person-zoë');
});

test('who is known but not in the team gets 403, who is wrong 401', async () => {
    assert.equal((await ask('team', as('mary'))).status, 200);
    gw.forget();
    isForbidden(await ask('team', as('jane')));
    const wrong = await ask('team', as('jane', 'x'));
    assert.equal(wrong.status, 401, wrong.text);
    assert.match(wrong.headers['www-authenticate'], /^Basic/);
    const none = await ask('team', { authorization: null });
    assert.equal(none.status, 401);
    assert.equal(gw.reached.length, 0);
});

test('RequireAny takes either', async () => {
    assert.equal((await ask('any', as('mary'))).status, 200);
    assert.equal((await ask('any', as('jane'))).status, 200);
    isForbidden(await ask('any', as('zoë')));
});

test('RequireAll wants every one', async () => {
    assert.equal((await ask('all', as('mary'))).status, 200);
    isForbidden(await ask('all', as('jane')));
});

test('a role of two words is one role', async () => {
    isForbidden(await ask('words', as('mary')));
});

test('models are those of the expression; none matching is none', async () => {
    assert.equal((await ask('models', as('mary'))).status, 200);
    isForbidden(await ask('models', as('mary'), OTHER), 'model_not_allowed');
    isForbidden(await ask('models', as('jane')), 'model_not_allowed');
    isForbidden(await ask('model', as('mary')));
});

test('limits of the expression stand in the place of the configured one',
    async () => {
        const seen = [];
        for (let i = 0; i < 3; i++)
            seen.push((await ask('limits', as('mary'))).status);
        assert.deepEqual(seen, [200, 200, 429]);
    });

test('what cannot be used as an identity is refused', async () => {
    gw.forget();
    for (const limit of ['many', '100/60s,x', '1/60s,'.repeat(9)])
        isForbidden(await ask('unclear', { ...as('mary'), 'x-limit': limit }),
            'identity_unclear');
    isForbidden(await ask('long', { ...as('mary'), 'x-team': 'a'.repeat(300) }),
        'identity_unclear');
    isForbidden(await ask('long', { ...as('mary'), 'x-team': 'a\tb' }),
        'identity_unclear');
    assert.equal(gw.reached.length, 0);
    assert.equal((await ask('unclear', as('mary'))).status, 200);
});

test('AuthType ChatGPT fails closed under Require all granted', async () => {
    gw.forget();
    for (const at of ['inherited', 'satisfied'])
        for (const headers of [{ authorization: null }, as('mary'),
            { authorization: 'Bearer vk_nothing' }]) {
            const got = await ask(at, headers);
            assert.equal(got.status, 401, `${at} ${got.text}`);
        }
    assert.equal(gw.reached.length, 0);
    assert.equal((await ask('inherited')).status, 200);
    assert.equal((await ask('satisfied')).status, 200);
});

test('the team of a key counts, and an expression may change it', async () => {
    const red = await gw.newKey({ name: 'red', team: 'red' });
    const blue = await gw.newKey({ name: 'blue', team: 'blue' });
    const by = (one) => ({ authorization: `Bearer ${one.key}` });
    assert.equal((await ask('keyed', by(red))).status, 200);
    isForbidden(await ask('keyed', by(blue)));
    const record = await recorded('relaid', by(blue));
    assert.equal(record.team, 'green');
    assert.equal((await recorded('inside', by(blue))).team, 'of-blue-key');
});

test('a header is no identity where nobody authenticates', async () => {
    gw.forget();
    for (const at of ['nobody', 'unasked']) {
        const got = await ask(at, { 'x-user': 'root' });
        assert.ok([401, 403].includes(got.status), got.text);
        assert.ok(got.error);
    }
    assert.equal(gw.reached.length, 0);
});

const access = (lines) => writeFileSync(path.join(site, 'team', '.htaccess'),
    `${lines.join('\n')}\n`);

test('.htaccess can ask for more', async () => {
    const red = await gw.newKey({ name: 'red', team: 'red' });
    access(['Require chatgpt-team red']);
    isForbidden(await ask('site/team'));
    const headers = { authorization: `Bearer ${red.key}` };
    assert.equal((await ask('site/team', headers)).status, 200);
    access([`Require chatgpt-key ${red.id}`]);
    assert.equal((await ask('site/team', headers)).status, 200);
    isForbidden(await ask('site/team'));
    access(['Require all granted']);
    assert.equal((await ask('site/team', { authorization: null })).status, 401);
    access([]);
});

test('.htaccess cannot say who somebody is', async () => {
    gw.expectLog(/\[core:alert\].*ChatGPTIdentity/);
    access(['ChatGPTIdentity team red']);
    assert.equal((await ask('site/team')).status, 500);
    access([]);
});

for (const [line, words] of [
    ['ChatGPTIdentity colour red', /user, team, role, scope, model, limit/],
    ['ChatGPTIdentity team "%{nothing"', /expression/],
    ['ChatGPTIdentity team red blue', /expr=/],
    ['ChatGPTIdentity team red "expr=%{REMOTE_USER} =="', /expression/],
    ['ChatGPTAttempts many', /10\/60s/], ['ChatGPTAttempts 5USD/month', /10/],
    ['<Location /x>\nRequire chatgpt-team\n</Location>', /at least one/]])
    test(`the start says what is wrong with ${line.replaceAll('\n', ' ')}`,
        async () => {
            const got = await gw.configtest([line]);
            assert.ok(!got.ok);
            assert.match(got.words, words);
        });

test('a whole key in Require stops the start, and is not repeated',
    async () => {
        const { key } = await gw.newKey({ name: 'written' });
        const got = await gw.configtest(['<Location /x>',
            `Require chatgpt-key ${key}`, '</Location>']);
        assert.ok(!got.ok);
        assert.match(got.words, /whole API key/);
        assert.ok(!got.words.includes(key));
    });
