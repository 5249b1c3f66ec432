// mod_auth_openidc: people sign in at an issuer that this test runs itself.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { freePort, send } from './wire.mjs';

const modules = execFileSync('apxs', ['-q', 'LIBEXECDIR'],
    { encoding: 'utf8' }).trim();
assert.ok(existsSync(`${modules}/mod_auth_openidc.so`),
    'mod_auth_openidc is missing: install libapache2-mod-auth-openidc, as make test does');

// — the issuer: OpenID Connect's code flow, one person at a time —

const { publicKey, privateKey } = generateKeyPairSync('rsa',
    { modulusLength: 2048 });
const port = await freePort();
const ISSUER = `http://127.0.0.1:${port}`;
const CLIENT = 'gateway';
const codes = new Map();
let person = {};

function token(claims) {
    const part = (value) => Buffer.from(JSON.stringify(value))
        .toString('base64url');
    const text = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${
        part(claims)}`;
    return `${text}.${createSign('RSA-SHA256').update(text)
        .sign(privateKey, 'base64url')}`;
}

function answer(at, body) {
    const now = Math.floor(Date.now() / 1000);
    if (at.pathname === '/.well-known/openid-configuration')
        return { issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize`,
            token_endpoint: `${ISSUER}/token`, jwks_uri: `${ISSUER}/jwks`,
            response_types_supported: ['code'], subject_types_supported:
                ['public'], id_token_signing_alg_values_supported: ['RS256'],
            token_endpoint_auth_methods_supported: ['client_secret_post'] };
    if (at.pathname === '/jwks')
        return { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one',
            use: 'sig', alg: 'RS256' }] };
    const asked = codes.get(new URLSearchParams(body).get('code'));
    return { access_token: randomBytes(16).toString('hex'),
        token_type: 'Bearer', expires_in: 300, id_token: token({ iss: ISSUER,
            aud: CLIENT, azp: CLIENT, iat: now, exp: now + 300,
            nonce: asked?.nonce, ...asked?.person }) };
}

const issuer = http.createServer(async (req, res) => {
    const at = new URL(req.url, ISSUER);
    const body = Buffer.concat(await req.toArray()).toString();
    if (at.pathname === '/authorize') {
        const code = randomBytes(8).toString('hex');
        codes.set(code, { nonce: at.searchParams.get('nonce'), person });
        const back = new URL(at.searchParams.get('redirect_uri'));
        back.searchParams.set('code', code);
        back.searchParams.set('state', at.searchParams.get('state'));
        res.writeHead(302, { location: back.href }).end();
        return;
    }
    res.writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer(at, body)));
});
await new Promise((done) => {
    issuer.listen(port, '127.0.0.1', done);
});
after(() => issuer.close());

// — the gateway —

const claim = (name) => `"%{reqenv:OIDC_CLAIM_${name}}"`;
const oidc = ['AuthType openid-connect'];
const gw = useGateway({ server: [
    '<IfModule !auth_openidc_module>',
    `LoadModule auth_openidc_module "${modules}/mod_auth_openidc.so"`,
    '</IfModule>',
    `OIDCProviderMetadataURL ${ISSUER}/.well-known/openid-configuration`,
    `OIDCClientID ${CLIENT}`, `OIDCClientSecret ${randomBytes(12).toString('hex')}`,
    'OIDCRedirectURI /sso/callback', 'OIDCRemoteUserClaim sub',
    `OIDCCryptoPassphrase ${randomBytes(24).toString('hex')}`,
    'OIDCCookiePath /', 'OIDCCookieSameSite Off',
    '<Location "/sso/">', ...oidc, 'Require valid-user', '</Location>',
    '<Location "/sso/v1">', 'ChatGPTEngine on', ...oidc,
    'OIDCUnAuthAction 401', `ChatGPTIdentity user ${claim('email')}`,
    `ChatGPTIdentity team ${claim('department')}`,
    'Require chatgpt-team red', '</Location>',
    '<Location "/sso/api">', 'SetHandler chatgpt-console', ...oidc,
    'OIDCUnAuthAction 401', 'Require valid-user',
    `ChatGPTIdentity user ${claim('email')}`,
    `ChatGPTIdentity role ${claim('groups')}`, '</Location>',
    'ChatGPTRole admin chatgpt-role "gateway admins"',
    'ChatGPTRole operator claim groups:ops', 'ChatGPTRole compliance '
        + 'chatgpt-role auditors'] }, () => gw.expectLog(/auth_openidc:/,
    'AH01631', 'AH01664'));

/** A browser with one jar: goes where it is sent, as the person says. */
async function signIn(who) {
    person = who;
    const jar = new Map();
    let at = `http://127.0.0.1:${gw.port}/sso/`;
    for (let i = 0; i < 8 && at; i++) {
        const got = await send(at, { method: 'GET', headers: {
            accept: 'text/html', cookie: [...jar].map((pair) => pair.join('=')).join('; ') } });
        for (const line of got.headers['set-cookie'] ?? []) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
            if (value)
                jar.set(name, value);
            else
                jar.delete(name);
        }
        at = got.status === 302 ? got.headers.location : null;
    }
    return { cookie: [...jar].map((pair) => pair.join('=')).join('; ') };
}

const chat = (headers) => send(
    `http://127.0.0.1:${gw.port}/sso/v1/chat/completions`, {
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ model: MODEL,
            messages: [{ role: 'user', content: 'hi' }] }) });
const session = (headers) => send(
    `http://127.0.0.1:${gw.port}/sso/api/v1/session`, { method: 'GET',
        headers });

const MARY = { sub: 'u-1', email: 'mary@example.org', department: 'red',
    groups: ['gateway admins'] };
const JANE = { sub: 'u-2', email: 'jane@example.org', department: 'blue',
    groups: ['ops', 'not auditors'] };

test('who signed in is a user and a team of the claims', async () => {
    const got = await chat(await signIn(MARY));
    assert.equal(got.status, 200, got.text);
    const record = await gw.record(got.headers['x-request-id']);
    assert.deepEqual([record.user, record.team],
        ['mary@example.org', 'red']);
});

test('who signed in and is not in the team gets 403, who did not 401', async () => {
        gw.forget();
        const got = await chat(await signIn(JANE));
        assert.equal(got.status, 403, got.text);
        assert.equal(got.error.code, 'permission_denied');
        for (const headers of [{}, { OIDC_CLAIM_department: 'red',
            'oidc-claim-department': 'red', OIDC_CLAIM_sub: 'u-1' },
        { cookie: 'mod_auth_openidc_session=0123456789abcdef' }]) {
            const none = await chat(headers);
            assert.equal(none.status, 401, none.text);
            assert.ok(none.error);
        }
        assert.equal(gw.reached.length, 0);
    });

test('roles of the console come from claims', async () => {
    const mary = await session(await signIn(MARY));
    assert.equal(mary.status, 200, mary.text);
    assert.deepEqual(mary.json.roles, ['admin']);
    assert.equal(mary.json.user, 'mary@example.org');
    const jane = await session(await signIn(JANE));
    assert.deepEqual(jane.json.roles, ['operator']);
    const omar = await session(await signIn({ sub: 'u-3', groups: ['x'] }));
    assert.equal(omar.status, 403, omar.text);
    assert.equal((await session({})).status, 401);
});
