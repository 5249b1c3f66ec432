// Claims of a token, through ChatGPTIdentity, for Require, limits and the console.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const OTHER = 'gpt-4o';
const ISSUER = 'https://idp.example';
const folder = mkdtempSync(path.join(tmpdir(), 'cg-claims-'));
after(() => rmSync(folder, { recursive: true, force: true }));
execFileSync('chmod', ['755', folder]);
const { publicKey, privateKey } = generateKeyPairSync('rsa',
    { modulusLength: 2048 });
const keys = path.join(folder, 'keys.json');
writeFileSync(keys, JSON.stringify({ keys: [{ ...publicKey.export({
    format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] }));

function token(claims = {}) {
    const part = (value) => Buffer.from(JSON.stringify(value))
        .toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${part({
        iss: ISSUER, aud: 'gateway', sub: 'u-1', iat: now, exp: now + 300,
        ...claims })}`;
    return `${text}.${createSign('RSA-SHA256').update(text)
        .sign(privateKey, 'base64url')}`;
}

const typed = ['ChatGPTEngine on', 'AuthType ChatGPT', 'AuthName api'];
const place = (at, ...lines) => [`<Location "/${at}/v1">`, ...typed, ...lines,
    '</Location>'];
const gw = useGateway({ server: [
    `ChatGPTIssuer corp issuer=${ISSUER} audience=gateway jwks=file:${keys}`,
    'ChatGPTRole admin chatgpt-role "gateway admins"',
    'ChatGPTRole admin user key-holder',
    'ChatGPTRole viewer expr "\'watchers\' in chatgpt_claims(\'groups\')"',
    ...place('plain', 'Require valid-user'),
    ...place('mapped', 'ChatGPTIdentity user "%{chatgpt_claim:email}"',
        'ChatGPTIdentity team "%{chatgpt_claim:org.unit}"',
        'ChatGPTIdentity team outside',
        'ChatGPTIdentity role "%{chatgpt_claims:realm_access.roles}"',
        '<RequireAny>', 'Require chatgpt-role chat', 'Require chatgpt-team red',
        '</RequireAny>'),
    ...place('scoped', 'Require chatgpt-scope chat:write'),
    ...place('listed', 'Require expr "-n %{REMOTE_USER} && '
        + '\'ops\' in chatgpt_claims(\'groups\')"'),
    ...place('if', 'Require valid-user', 'ChatGPTIdentity team ops '
        + '"expr=\'ops\' in chatgpt_claims(\'groups\')"'),
    ...place('models', 'Require valid-user',
        'ChatGPTIdentity model "%{chatgpt_claims:models}"',
        'ChatGPTIdentity limit "%{chatgpt_claims:limits}"'),
    ...place('keys', '<RequireAny>', `Require chatgpt-user mary`,
        'Require chatgpt-team keys', '</RequireAny>'),
    '<Location "/sso/api">', 'SetHandler chatgpt-console',
    'AuthType ChatGPT', 'AuthName console', 'Require valid-user',
    'ChatGPTIdentity user "%{chatgpt_claim:email}"',
    'ChatGPTIdentity role "%{chatgpt_claims:groups}"', '</Location>'] },
() => gw.expectLog('AH01631', 'AH01629', 'AH01664', 'CG1028', /CG1018/));

const by = (claims) => ({ authorization: `Bearer ${token(claims)}` });
const ask = (at, claims, model = MODEL) => send(
    `http://127.0.0.1:${gw.port}/${at}/v1/chat/completions`, {
        headers: gw.headers(typeof claims === 'string'
            ? { authorization: `Bearer ${claims}` } : by(claims)),
        body: JSON.stringify({ model,
            messages: [{ role: 'user', content: 'hi' }] }) });
async function recorded(at, claims) {
    const got = await ask(at, claims);
    assert.equal(got.status, 200, got.text);
    const { user, team } = await gw.record(got.headers['x-request-id']);
    return [user, team || ''];
}
const forbids = async (at, claims, code = 'permission_denied') => {
    const got = await ask(at, claims);
    assert.equal(got.status, 403, got.text);
    assert.equal(got.error.code, code, got.text);
};

test('without a line the user is the subject', async () => {
    assert.deepEqual(await recorded('plain', {}), ['u-1', '']);
});

test('claims are user, team and roles', async () => {
    assert.deepEqual(await recorded('mapped', { email: 'mary@example.org',
        org: { unit: 'red' } }), ['mary@example.org', 'red']);
    assert.deepEqual(await recorded('mapped', { realm_access: { roles:
        ['x', 'chat'] } }), ['u-1', 'outside']);
    await forbids('mapped', { realm_access: { roles: ['x'] } });
    await forbids('mapped', {});
});

test('no element of a list can be taken for two, or for another', async () => {
    for (const roles of [['x, chat'], ['x chat'], ['chat '.repeat(3)],
        ['x\nchat'], ['chat\u0001'], ['x,chat,y'], [['chat']],
        [{ chat: 'chat' }], { 0: 'chat' }, ['Chat'], ['chat*'], [true]])
        await forbids('mapped', { realm_access: { roles } });
});

test('a claim that is no plain text is no user and no team', async () => {
    for (const email of ['a\nb', 'x'.repeat(300), ['m'], { a: 1 }, '', null])
        assert.equal((await recorded('mapped', { email, org: { unit: 'red' } }))[0],
            'u-1');
});

test('a token that is tried is shown with the lines that speak of it later',
    async () => {
        const { json } = await gw.admin('POST', '/token-checks', { token:
            token({ email: 'mary@example.org' }) });
        assert.ok(json.accepted, JSON.stringify(json));
        assert.deepEqual([json.user, json.team, json.roles], ['u-1', null, []]);
        assert.equal(json.identity_lines.length, 9);
        const [first] = json.identity_lines;
        assert.match(first, /^user "?%\{chatgpt_claim:email\}"? \(.*server\.conf:\d+\)$/);
    });

test('scopes are those the token was granted', async () => {
    for (const scope of ['chat:write', 'a chat:write b'])
        assert.equal((await ask('scoped', { scope })).status, 200);
    assert.equal((await ask('scoped', { scp: ['chat:write'] })).status, 200);
    await forbids('scoped', { scope: 'chat:writer chat' });
    await forbids('scoped', { scope: 'x,chat:write' });
    await forbids('scoped', {});
});

test('expressions of httpd may look into a list', async () => {
    assert.equal((await ask('listed', { groups: ['a', 'ops'] })).status, 200);
    await forbids('listed', { groups: ['a', 'ops2'] });
    await forbids('listed', {});
    assert.deepEqual(await recorded('if', { groups: ['ops'] }), ['u-1', 'ops']);
    assert.deepEqual(await recorded('if', { groups: ['x'] }), ['u-1', '']);
});

test('models and limits may come from claims; none is no model', async () => {
    const claims = { sub: 'limited', models: [MODEL], limits: ['2/60s'] };
    await forbids('models', { ...claims, models: [OTHER] },
        'model_not_allowed');
    await forbids('models', { ...claims, models: [] }, 'model_not_allowed');
    await forbids('models', { sub: 'x' }, 'model_not_allowed');
    await forbids('models', { ...claims, limits: ['lots'] },
        'identity_unclear');
    const seen = [];
    for (let i = 0; i < 3; i++)
        seen.push((await ask('models', claims)).status);
    assert.deepEqual(seen, [200, 200, 429]);
    assert.equal((await ask('models', { ...claims, sub: 'other' })).status, 200);
});

test('keys and tokens compose in one place', async () => {
    const { key } = await gw.newKey({ name: 'k', team: 'keys' });
    assert.equal((await ask('keys', key)).status, 200);
    assert.equal((await ask('keys', { sub: 'mary' })).status, 200);
    await forbids('keys', { sub: 'jane' });
    await forbids('keys', (await gw.newKey({ name: 'other' })).key);
    assert.equal((await ask('keys', token({ sub: 'mary', exp: 1 }))).status,
        401);
});

test('roles of the console come from a token', async () => {
    const session = (claims) => send(
        `http://127.0.0.1:${gw.port}/sso/api/v1/session`,
        { method: 'GET', headers: claims ? by(claims) : {} });
    const admin = await session({ email: 'mary@example.org',
        groups: ['gateway admins'] });
    assert.equal(admin.status, 200, admin.text);
    assert.deepEqual(admin.json.roles, ['admin']);
    assert.equal(admin.json.user, 'mary@example.org');
    const viewer = await session({ groups: ['watchers', 'gateway', 'admins'] });
    assert.deepEqual(viewer.json.roles, ['viewer']);
    assert.equal((await session({ groups: ['x'] })).status, 403);
    assert.equal((await session({ exp: 1, groups: ['gateway admins'] }))
        .status, 401);
    assert.equal((await session(null)).status, 401);
    const { key } = await gw.newKey({ name: 'k', user: 'key-holder' });
    const byKey = await send(`http://127.0.0.1:${gw.port}/sso/api/v1/session`,
        { method: 'GET', headers: { authorization: `Bearer ${key}` } });
    assert.equal(byKey.status, 403, byKey.text);
    const forged = await send(`http://127.0.0.1:${gw.port}/sso/api/v1/keys`, {
        headers: { ...by({ groups: ['gateway admins'] }),
            'content-type': 'application/json' }, body: '{"name":"x"}' });
    assert.equal(forged.status, 403, forged.text);
});
