// Signed uploads; signatures behind a TLS front and over HTTP/2; without the store.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import http2 from 'node:http2';
import { test } from 'node:test';

import { form, typeOf } from './forms.mjs';
import { MODEL, until, useGateway } from './harness.mjs';
import { signed } from './signing.mjs';
import { send } from './wire.mjs';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
let owner;
let key;
const gw = useGateway({ redis: true, policy: ['ChatGPTSignature optional',
    'ChatGPTAttempts off', 'ChatGPTUnknownModel allow',
    'ChatGPTLimit key 100000/60s', 'ChatGPTStoreDown open'],
server: ['LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so',
    'Protocols h2c http/1.1', 'ServerName https://gw.example'] }, async () => {
    owner = await gw.newKey({ name: 'signer' });
    const made = await gw.admin('POST', '/signing-keys', { name: 'k',
        algorithm: 'ed25519', key: owner.id, public_key: publicKey.export({
            type: 'spki', format: 'pem' }) });
    assert.equal(made.status, 201, made.text);
    key = { id: made.json.id, algorithm: 'ed25519', secret: privateKey };
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i);
});

/** What the caller wrote, who speaks TLS to something in front of httpd. */
const outside = (url) => url.replace('http:', 'https:');

const parts = (text) => form([{ name: 'purpose', data: 'user_data' },
    { name: 'file', filename: 'a.txt', type: 'text/plain', data: text }]);

async function upload(text, sent = text) {
    gw.forget();
    const url = `${gw.api}/files`;
    const headers = signed({ url: outside(url), body: parts(text), headers: {
        'content-type': typeOf(), authorization: `Bearer ${owner.key}` } },
    key);
    return send(url, { headers, body: parts(sent) });
}

test('an upload is signed over its bytes as they came', async () => {
    for (const text of ['short', 'long '.repeat(400000)]) {
        const got = await upload(text);
        assert.equal(got.status, 200, got.text);
        assert.equal(gw.reached.length, 1);
    }
});

test('a text that is masked in an upload was signed unmasked', async () => {
    const got = await upload('mail me: ann.smith@example.org');
    assert.equal(got.status, 200, got.text);
    assert.match(gw.lastBody, /\[EMAIL_ADDRESS\]/);
});

test('an upload passes once', async () => {
    const url = `${gw.api}/files`;
    const headers = signed({ url: outside(url), body: parts('once'), headers: {
        'content-type': typeOf(), authorization: `Bearer ${owner.key}` } },
    key);
    gw.forget();
    const got = await Promise.all(Array.from({ length: 8 }, () =>
        send(url, { headers, body: parts('once'), agent: false })));
    assert.equal(got.filter((one) => one.status === 200).length, 1);
    assert.equal(got.filter((one) => one.error?.code === 'signature_replayed')
        .length, 7);
    assert.equal(gw.reached.length, 1);
});

test('an upload that was changed is refused, and nothing of it leaves',
    async () => {
        for (const [text, sent] of [['short', 'shorT'],
            ['x'.repeat(2e6), `${'x'.repeat(2e6 - 1)}y`]]) {
            const got = await upload(text, sent);
            assert.equal(got.status, 401, got.text);
            assert.equal(got.error.code, 'invalid_signature');
            assert.equal(gw.reached.length, 0);
        }
    });

async function chat(isSigned, seen = outside) {
    const url = `${gw.api}/chat/completions`;
    const body = JSON.stringify({ model: MODEL, messages: [{ role: 'user',
        content: 'hi' }] });
    const headers = { 'content-type': 'application/json',
        authorization: `Bearer ${owner.key}` };
    return send(url, { body, agent: gw.agent, again: true, headers: isSigned
        ? signed({ url: seen(url), body, headers }, key) : headers });
}

test('the scheme is the one of ServerName, which the front speaks', async () => {
    assert.equal((await chat(true)).status, 200);
    assert.equal((await chat(true, (url) => url)).status, 401);
});

test('over HTTP/2 the same is signed', async () => {
    const session = http2.connect(new URL(gw.api).origin);
    const ask = (change = {}) => new Promise((done, failed) => {
        const url = outside(`${gw.api}/chat/completions`);
        const body = JSON.stringify({ model: MODEL, messages: [{
            role: 'user', content: 'hi' }] });
        const headers = signed({ url, body, headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${owner.key}` } }, key);
        const stream = session.request({ ':method': 'POST',
            ':path': new URL(url).pathname, ...headers, ...change });
        stream.on('response', (got) => {
            stream.close();
            done(got[':status']);
        });
        stream.on('error', failed);
        stream.setTimeout(5000, () => failed(new Error('no answer')));
        stream.end(body);
    });
    try {
        assert.equal(await ask(), 200);
        assert.equal(await ask({ ':authority': 'evil.example' }), 401);
        assert.equal(await ask({ signature: 'sig1=:AAAA:' }), 401);
    } finally {
        session.destroy();
    }
});

for (const [name, begin, end] of [
    ['killed', () => gw.redis.kill(), () => gw.redis.start()],
    ['frozen', () => gw.redis.freeze(), () => gw.redis.thaw()]])
    test(`${name}: unsigned requests go on as ChatGPTStoreDown says, signed `
        + 'ones are refused', async () => {
        assert.equal((await chat(true)).status, 200);
        await begin();
        try {
            await until(async () => (await chat(true)).status === 503,
                { what: 'the outage to be seen' });
            for (let i = 0; i < 10; i += 1) {
                gw.forget();
                const got = await chat(true);
                assert.equal(got.status, 503, got.text);
                assert.equal(got.error.code, 'policy_store_unavailable');
                assert.ok(got.headers['retry-after']);
                assert.equal(gw.reached.length, 0);
            }
            assert.equal((await chat(false)).status, 200);
        } finally {
            await end();
        }
        await until(async () => (await chat(true)).status === 200,
            { what: 'signatures to be checked again' });
    });
