// Signed requests: whoever signs well is served, and nothing else is.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { ALL, digest, signed } from './signing.mjs';
import { send } from './wire.mjs';

const keys = {};
let owner;
let other;

async function makeKey(algorithm, members) {
    const pair = { ed25519: ['ed25519'],
        'ecdsa-p256-sha256': ['ec', { namedCurve: 'P-256' }],
        'rsa-pss-sha512': ['rsa', { modulusLength: 2048 }] }[algorithm];
    const { publicKey, privateKey } = pair ? generateKeyPairSync(...pair) : {};
    const made = await gw.admin('POST', '/signing-keys', { name: algorithm,
        algorithm, ...(publicKey && { public_key: publicKey.export({
            type: 'spki', format: 'pem' }) }), ...members });
    assert.equal(made.status, 201, made.text);
    return { id: made.json.id, algorithm,
        secret: privateKey ?? Buffer.from(made.json.secret, 'base64') };
}

const gw = useGateway({ policy: ['ChatGPTSignature required',
    'ChatGPTAttempts off'], server: ['<Location "/counted/v1">',
    'ChatGPTEngine on', 'AuthType ChatGPT', 'AuthName chatgpt',
    'Require valid-user', 'ChatGPTSignature required',
    'ChatGPTAttempts 3/60s', '</Location>'] }, async () => {
    owner = await gw.newKey({ name: 'signer' });
    other = await gw.newKey({ name: 'other' });
    for (const algorithm of ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256',
        'rsa-pss-sha512'])
        keys[algorithm] = await makeKey(algorithm, { key: owner.id });
});

const BODY = JSON.stringify({ model: MODEL,
    messages: [{ role: 'user', content: 'hello' }] });

/** A signed call; `change` may spoil the request after it was signed. */
async function call({ key = keys['hmac-sha256'], as = owner.key,
    at = '/chat/completions', below = gw.api, body = BODY, method = 'POST',
    how = {}, change = (one) => one } = {}) {
    gw.forget();
    const url = below + at;
    const headers = signed({ method, url, body, headers: {
        'content-type': 'application/json', authorization: `Bearer ${as}` } },
    key, how);
    const one = change({ url, method, headers, body });
    return send(one.url, { ...one, body: one.method === 'GET' ? undefined
        : one.body });
}

async function refused(options, words) {
    const got = await call(options);
    assert.equal(got.status, 401, got.text);
    assert.equal(got.error.type, 'invalid_request_error');
    assert.equal(got.error.code, 'invalid_signature');
    assert.equal(gw.reached.length, 0);
    if (words)
        assert.match(got.error.message, words);
    return got;
}

const header = (name, value) => ({ change: (one) => {
    const headers = { ...one.headers, [name]: value };
    if (value === null)
        delete headers[name];
    return { ...one, headers };
} });

for (const algorithm of ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256',
    'rsa-pss-sha512'])
    test(`${algorithm} is accepted`, async () => {
        const got = await call({ key: keys[algorithm] });
        assert.equal(got.status, 200, got.text);
        assert.equal(gw.reached.length, 1);
    });

test('the upstream sees neither signature nor digest', async () => {
    assert.equal((await call()).status, 200);
    for (const name of ['signature', 'signature-input', 'content-digest'])
        assert.equal(gw.lastHeaders[name], undefined);
});

test('a request without body is signed with the digest of nothing',
    async () => {
        const got = await call({ at: '/models', method: 'GET', body: '' });
        assert.equal(got.status, 200, got.text);
    });

test('a query is part of what is signed', async () => {
    const at = '/models?limit=2';
    assert.equal((await call({ at, method: 'GET', body: '' })).status, 200);
    await refused({ at, method: 'GET', body: '', change: (one) => ({ ...one,
        url: one.url.replace('limit=2', 'limit=3') }) });
    assert.equal((await call({ at, method: 'GET', body: '', how: { covers:
        ['@method', '@authority', '@path', '@query', 'content-digest',
            'authorization'] } })).status, 200);
    await refused({ at, method: 'GET', body: '', how: { covers: ['@method',
        '@authority', '@path', 'content-digest', 'authorization'] } },
    /@query/);
});

test('sha-512 does as well', async () =>
    assert.equal((await call({ how: { digestOf: 'sha-512' } })).status, 200));

test('no signature is refused, and told what is wanted', async () => {
    gw.forget();
    const got = await gw.chat('hi', { key: owner.key });
    assert.equal(got.status, 401);
    assert.equal(got.error.code, 'signature_required');
    assert.match(got.headers['accept-signature'], /"content-digest"/);
    assert.equal(gw.reached.length, 0);
});

test('a replay is refused, also of a GET', async () => {
    for (const options of [{}, { at: '/models', method: 'GET', body: '' }]) {
        let sent;
        const first = await call({ ...options, change: (one) => {
            sent = one;
            return one;
        } });
        assert.equal(first.status, 200);
        const again = await call({ ...options, change: () => sent });
        assert.equal(again.status, 401);
        assert.equal(again.error.code, 'signature_replayed');
        assert.equal(gw.reached.length, 0);
    }
});

test('a body that was changed is refused and does not use up the nonce',
    async () => {
        let sent;
        await refused({ change: (one) => {
            sent = one;
            return { ...one, body: one.body.replace('hello', 'hallo') };
        } }, /Content-Digest/);
        assert.equal((await call({ change: () => sent })).status, 200);
    });

test('a digest made anew for another body is refused', () => {
    const body = BODY.replace('hello', 'hallo');
    return refused({ change: (one) => ({ ...one, body, headers: {
        ...one.headers, 'content-digest': digest(body) } }) });
});

test('whatever else is changed is refused', async () => {
    await refused({ change: (one) => ({ ...one, url: one.url.replace(
        '/chat/completions', '/embeddings') }) });
    await refused({ change: (one) => ({ ...one, url: `${one.url}?x=1` }) });
    await refused(header('host', 'evil.example'));
    await refused(header('signature-input', null));
    await refused(header('signature', null));
    await refused(header('content-digest', null));
    await refused(header('content-digest', 'md5=:AAAA:'));
    await refused(header('signature', 'sig1="x"'));
    await refused(header('signature', 'sig1=:AAAA:'));
    await refused(header('signature', 'sig2=:AAAA:'));
    await refused(header('signature-input', 'sig1=(('));
    await refused(header('signature-input', `sig1=${'('.repeat(4000)}`));
    await refused(header('signature-input', 'a=1,'.repeat(1500)));
});

test('the credential is part of what is signed', async () => {
    await refused(header('authorization', `Bearer ${other.key}`));
    await refused({ how: { covers: ALL.filter((one) =>
        one !== 'authorization') } }, /authorization/);
});

test('a signing key of another API key is refused like an unknown one',
    async () => {
        const foreign = await refused({ as: other.key });
        const unknown = await refused({ key: { ...keys['hmac-sha256'],
            id: 'nobody' } });
        const wrong = await refused({ key: { ...keys['hmac-sha256'],
            secret: randomBytes(32) } });
        for (const one of [unknown, wrong])
            assert.deepEqual(one.error, foreign.error);
    });

test('what the profile wants must be there', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const [parameters, words] of [
        [{ created: null }, /created/], [{ keyid: null }, /keyid/],
        [{ nonce: null }, /nonce/], [{ created: now - 400 }, /300/],
        [{ created: now + 400 }, /300/], [{ expires: now - 1 }, /expired/],
        [{ alg: 'ed25519' }], [{ scope: 'all' }, /parameter/]])
        await refused({ how: { parameters } }, words);
    for (const covers of [[], ALL.filter((one) => one !== '@method'),
        ALL.filter((one) => one !== '@target-uri'),
        ALL.filter((one) => one !== 'content-digest'), [...ALL, '@made-up'],
        [...ALL, 'x-absent'], [...ALL, '@method']])
        await refused({ how: { covers } });
});

test('a suspended, a revoked and an ended key are refused within a second',
    async () => {
        const key = await makeKey('ed25519', { key: owner.id });
        const at = `/signing-keys/${key.id}`;
        assert.equal((await call({ key })).status, 200);
        const { headers } = await gw.admin('GET', at);
        const turned = await gw.admin('PATCH', at, { state: 'suspended' },
            { headers: { 'if-match': headers.etag } });
        assert.equal(turned.status, 200, turned.text);
        await new Promise((done) => { setTimeout(done, 1000); });
        await refused({ key });
        const back = await gw.admin('PATCH', at, { state: 'active' },
            { headers: { 'if-match': turned.headers.etag } });
        assert.equal(back.status, 200);
        await new Promise((done) => { setTimeout(done, 1000); });
        assert.equal((await call({ key })).status, 200);
        assert.equal((await gw.admin('POST', `${at}/revoke`, {})).status, 200);
        await new Promise((done) => { setTimeout(done, 1000); });
        for (let i = 0; i < 6; i += 1)
            await refused({ key });
    });

test('a key of a user signs for that user only', async () => {
    const ann = await gw.newKey({ name: 'a', user: 'ann', team: 'red' });
    const bob = await gw.newKey({ name: 'b', user: 'bob', team: 'red' });
    const ofAnn = await makeKey('ed25519', { user: 'ann' });
    const ofTeam = await makeKey('hmac-sha256', { team: 'red' });
    assert.equal((await call({ key: ofAnn, as: ann.key })).status, 200);
    await refused({ key: ofAnn, as: bob.key });
    assert.equal((await call({ key: ofTeam, as: bob.key })).status, 200);
    await refused({ key: ofTeam, as: other.key });
});

test('wrong signatures are counted; who signed well before still passes',
    async () => {
        const below = gw.api.replace('/v1', '/counted/v1');
        const guess = { ...keys.ed25519,
            secret: generateKeyPairSync('ed25519').privateKey };
        assert.equal((await call({ below, key: keys.ed25519 })).status, 200);
        const seen = [];
        for (let i = 0; i < 5; i += 1)
            seen.push((await call({ below, as: other.key, key: guess })).status);
        assert.deepEqual(seen, [401, 401, 401, 429, 429]);
        assert.equal((await call({ below, key: keys.ed25519 })).status, 200);
    });
