// Tokens of an issuer in the place of API keys: who gets in, and who does not.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { corpora } from './corpora.mjs';
import { until, useGateway } from './harness.mjs';
import { b64, hmac, Issuer, newKey, tokenOf } from './issuer.mjs';

const ALGS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256',
    'ES384', 'ES512', 'EdDSA'];
const issuer = await Issuer.start(...ALGS);
const folder = mkdtempSync(path.join(tmpdir(), 'cg-jwt-'));
after(() => rmSync(folder, { recursive: true, force: true }));
after(() => issuer.away());
const secret = randomBytes(32).toString('hex');
writeFileSync(path.join(folder, 'secret'), `${secret}\n`);

const CORPUS = corpora() && path.join(corpora(), 'security');
const corpus = CORPUS && path.join(CORPUS, 'jwt-keys.json');
const known = corpus && existsSync(corpus)
    ? JSON.parse(readFileSync(corpus, 'utf8')) : null;
if (known) {
    writeFileSync(path.join(folder, 'known.json'), JSON.stringify(known.jwks));
    writeFileSync(path.join(folder, 'hs.json'), JSON.stringify({ kty: 'oct',
        kid: known.hs256_kid, alg: 'HS256', k: Buffer.from(
            known.hs256_secret_b64, 'base64').toString('base64url') }));
}

const gw = useGateway({ policy: ['ChatGPTAttempts off'], server: [
    `ChatGPTIssuer corp issuer=${issuer.iss} audience=gateway `
        + `audience=other jwks=${issuer.url}`,
    `ChatGPTIssuer script issuer=https://script.test audience=gateway `
        + `"secret=file:${folder}/secret" algorithms=HS256`,
    ...known ? [
        `ChatGPTIssuer known issuer=${known.issuer} `
            + `audience=${known.audience} "jwks=file:${folder}/known.json"`,
        `ChatGPTIssuer hs issuer=${known.issuer} audience=${known.audience} `
            + `"secret=file:${folder}/hs.json"`] : []] },
async () => {
    gw.expectLog('CG1022'); // until the keys are here
    await until(async () => (await ask(issuer.token())).status === 200,
        { ms: 5000, what: 'the issuer\'s keys' });
});

const ask = (token, options = {}) => gw.chat('hello', { key: token, ...options });

async function isRefused(token, code = 'invalid_token') {
    const got = await ask(token);
    assert.equal(got.status, 401, got.text);
    assert.equal(got.error.code, code);
    assert.equal(got.error.type, 'invalid_request_error');
    return got;
}

test('every algorithm of RFC 7518 and 8037 that a key is for', async () => {
    for (const key of issuer.keys) {
        const got = await ask(issuer.token({}, key));
        assert.equal(got.status, 200, `${key.alg}: ${got.text}`);
    }
});

test('who came is the subject: in the record, with no key', async () => {
    const got = await ask(issuer.token({ sub: 'bert@example.com' }));
    assert.equal(got.status, 200, got.text);
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.user, 'bert@example.com');
    assert.equal(record.key_id, '');
    const long = issuer.token({ sub: `${'\u4e2d'.repeat(84)}abc` });
    assert.equal((await ask(long)).status, 200);
    await isRefused(issuer.token({ sub: `${'\u4e2d'.repeat(84)}abcd` }));
});

test('the token does not leave: the provider sees its own credential',
    async () => {
        const token = issuer.token({ sub: 'carla' });
        assert.equal((await ask(token)).status, 200);
        assert.ok(!JSON.stringify(gw.lastHeaders).includes(token));
        assert.ok(!gw.log().includes(token.split('.')[2]));
    });

test('API keys go on beside tokens', async () => {
    assert.equal((await gw.chat('hello')).status, 200);
    await isRefused('vk_nobody.knows.it', 'invalid_api_key');
    await isRefused('eyJhbGciOiJSUzI1NiJ9', 'invalid_api_key');
});

test('HS256 where a secret is configured, and nowhere else', async () => {
    const claims = issuer.claims({ iss: 'https://script.test' });
    assert.equal((await ask(tokenOf(hmac(secret), claims))).status, 200);
    await isRefused(tokenOf(hmac('another'), claims));
    await isRefused(tokenOf(hmac(secret, 'HS512'), claims));
    await isRefused(issuer.token({}, { ...hmac(secret), kid: 'RS256-0' }));
    const pem = issuer.keys[0].publicKey.export({ type: 'spki', format: 'pem' });
    await isRefused(issuer.token({}, { ...hmac(pem), kid: 'RS256-0' }));
});

test('what is wrong with one is not told to the caller', async () => {
    const faces = new Set();
    const attacker = newKey('RS256', 'RS256-0');
    for (const token of [issuer.token({}, attacker), issuer.token({ exp: 1 }),
        issuer.token({ aud: 'others' }), issuer.token({ iss: 'https://evil.test' }),
        issuer.token({ sub: '' }), issuer.token({ sub: undefined }),
        issuer.token({ exp: undefined }), issuer.token({ nbf: 4102444800 }),
        issuer.token({}, issuer.keys[0], { kid: 'nobody' }),
        issuer.token({}, issuer.keys[0], { kid: undefined }),
        issuer.token({}, issuer.keys[0], { crit: ['exp'] }),
        issuer.token({}, issuer.keys[0], { jwk: attacker.jwk }),
        issuer.token({}, issuer.keys[0], { jku: issuer.url }),
        issuer.token({}, issuer.keys[0], { typ: 'logout+jwt' }),
        issuer.token({}, { ...issuer.keys[0], alg: 'none' }),
        issuer.token().replace(/.$/, ''), `${issuer.token()}=`,
        `${b64({ alg: 'none' })}.${b64(issuer.claims())}.`])
        faces.add((await isRefused(token)).text.replace(/"request_id".*/, ''));
    assert.equal(faces.size, 1, [...faces].join('\n'));
});

test('nothing that a token names is fetched', async () => {
    let visits = 0;
    const trap = await Issuer.start();
    trap.answer = (response) => {
        visits += 1;
        response.end('{}');
    };
    for (const name of ['jku', 'x5u'])
        await isRefused(issuer.token({}, issuer.keys[0], { [name]: trap.url }));
    await isRefused(issuer.token({ iss: trap.url }));
    assert.equal(visits, 0);
    await trap.away();
});

test('a token that expires is refused although it was verified before',
    { timeout: 15000 }, async () => {
        // The leeway of 60 s has all but gone when it is made.
        const exp = Math.floor(Date.now() / 1000) - 58;
        const token = issuer.token({ exp });
        assert.equal((await ask(token)).status, 200);
        assert.equal((await ask(token)).status, 200);
        await until(async () => (await ask(token)).status === 401,
            { ms: 5000, what: 'its end' });
    });

test('the attacks of the public corpus, all of them', { skip: !known
    && 'CG_CORPORA names no corpus', timeout: 60000 }, async () => {
    const cases = readFileSync(path.join(CORPUS,
        'jwt-attacks.jsonl'), 'utf8').trim().split('\n').map((line) =>
        JSON.parse(line));
    assert.ok(cases.length > 100);
    const wrong = [];
    for (const { id, expect, token } of cases) {
        // Control characters cannot stand in a header at all.
        const line = /^[\x21-\x7e]*$/.test(token) ? token
            : encodeURIComponent(token);
        const got = await ask(line).catch((error) => ({ status: -1, text:
            String(error) }));
        const taken = got.status === 200;
        if (got.status >= 500 || (expect === 'reject' && taken)
            || (expect.startsWith('accept') && !taken))
            wrong.push(`${id}: ${got.status} ${got.text?.slice(0, 100)}`);
    }
    assert.deepEqual(wrong, []);
});
