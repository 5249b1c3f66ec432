// Signed requests as the world writes them: odd targets, hosts, bodies, digests.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign as signWith } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { MODEL, useGateway } from './harness.mjs';
import { ALL, digest, signed } from './signing.mjs';
import { send } from './wire.mjs';

const PARTS = ['@method', '@authority', '@path', '@query', 'content-digest',
    'authorization'];
const BODY = JSON.stringify({ model: MODEL,
    messages: [{ role: 'user', content: 'hello' }] });
const keys = {};
let owner;

async function makeKey(algorithm, pair) {
    const { publicKey, privateKey } = pair ? generateKeyPairSync(...pair) : {};
    const made = await gw.admin('POST', '/signing-keys', { name: algorithm,
        algorithm, key: owner.id, ...(publicKey && { public_key:
        publicKey.export({ type: 'spki', format: 'pem' }) }) });
    assert.equal(made.status, 201, made.text);
    keys[algorithm] = { id: made.json.id, algorithm,
        secret: privateKey ?? Buffer.from(made.json.secret, 'base64') };
}

const gw = useGateway({ policy: ['ChatGPTSignature required',
    'ChatGPTAttempts off'] }, async () => {
    owner = await gw.newKey({ name: 'signer' });
    await makeKey('hmac-sha256');
    await makeKey('ed25519', ['ed25519']);
    await makeKey('ecdsa-p256-sha256', ['ec', { namedCurve: 'P-256' }]);
});

/** A signed call; what is sent may differ from what was signed. */
function call({ url = `${gw.api}/chat/completions`, signedUrl = url,
    method = 'POST', body = method === 'GET' ? '' : BODY, headers = {},
    key = keys.ed25519, how = {}, sent = {}, agent } = {}) {
    gw.forget();
    const all = signed({ method, url: signedUrl, body, headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${owner.key}`, ...headers } }, key, how);
    return send(url, { method, agent, body: method === 'GET' && !body
        ? undefined : body, headers: { ...all, ...sent } });
}

async function passes(options) {
    const got = await call(options);
    assert.equal(got.status, 200, got.text);
    return got;
}

async function fails(options, words) {
    const got = await call(options);
    assert.equal(got.status, 401, got.text);
    assert.equal(got.error.code, 'invalid_signature');
    assert.equal(gw.reached.length, 0);
    assert.match(got.error.message, words ?? /./);
    return got;
}

const get = (target, more = {}) => ({ url: new URL(gw.api).origin + target,
    method: 'GET', ...more });

test('a target is signed as it is written, never as it is understood',
    async () => {
        for (const target of ['/v1/models', '/v1/models?', '/v1//models',
            '/v1/./models', '/v1/%6dodels', '/v1/models?limit=2&x=%20+b',
            '/v1/models?a=1&a=2', '/v1/models??']) {
            await passes(get(target));
            await passes(get(target, { how: { covers: PARTS } }));
        }
        for (const [sent, meant] of [['/v1//models', '/v1/models'],
            ['/v1/%6dodels', '/v1/models'], ['/v1/./models', '/v1/models'],
            ['/v1/models', '/v1/models?'], ['/v1/models?x=%20', '/v1/models?x=+'],
            ['/v1/models?x=%2f', '/v1/models?x=%2F']])
            await fails(get(sent, { signedUrl: new URL(gw.api).origin + meant }));
    });

test('a host is in lower case and without the port that goes without saying',
    async () => {
        for (const [host, meant] of [['gw.example', 'gw.example'],
            ['GW.Example', 'gw.example'], ['gw.example:80', 'gw.example'],
            ['gw.example:8080', 'gw.example:8080'],
            ['gw.example.', 'gw.example.'], ['[::1]', '[::1]'],
            ['[::1]:80', '[::1]'], ['[2001:DB8::1]:81', '[2001:db8::1]:81']])
            for (const covers of [ALL, PARTS])
                await passes({ signedUrl: `http://${meant}/v1/chat/completions`,
                    how: { covers, values: { '@query': '?' } },
                    headers: { host } });
        for (const [host, meant] of [['gw.example', 'gw.example.'],
            ['gw.example:443', 'gw.example'], ['gw.example', 'gw.example:80'],
            ['gw.example', 'https://gw.example']])
            await fails({ how: { values: { '@target-uri':
                `${meant.includes('//') ? '' : 'http://'}${meant
                }/v1/chat/completions` } }, headers: { host } });
    });

test('a parameter of the query is covered by name, once', async () => {
    const covers = [...ALL, '@query-param;name="limit"'];
    const limit = (value) => ({ how: { covers,
        values: { '@query-param;name="limit"': value } } });
    await passes(get('/v1/models?x=1&limit=2', limit('2')));
    await passes(get('/v1/models?limit=a%20b%2f', limit('a%20b%2F')));
    await fails(get('/v1/models?limit=2', limit('3')));
    await fails(get('/v1/models?limit=2&limit=2', limit('2')));
    await fails(get('/v1/models?x=2', limit('2')));
    for (const one of ['@query-param', '@query-param;name=limit',
        '@query-param;name="limit";req'])
        await fails(get('/v1/models?limit=2', { how: { covers: [...ALL, one],
            values: { [one]: '2' } } }), /component/);
});

test('components with flags, in capitals, of answers or of no name', async () => {
    for (const one of ['content-digest;sf', 'content-digest;bs',
        'content-digest;key="sha-256"', 'content-digest;tr', '@method;req',
        'Content-Digest', 'Authorization', '@status', '@signature-params',
        'signature', 'signature-input', '', '@', 'x y'])
        await fails({ how: { covers: [...ALL, one], values: {
            [one]: digest(BODY) } } }, /component/);
    for (const name of ['content-digest', 'authorization', '@method'])
        await fails({ how: { covers: ALL.map((one) => (one === name
            ? `${one};sf` : one)), values: { [`${name};sf`]: 'x' } } });
});

test('one label, one signature', async () => {
    const one = signed({ method: 'POST', url: `${gw.api}/chat/completions`,
        body: BODY, headers: { authorization: `Bearer ${owner.key}` } },
    keys.ed25519);
    const [input, bytes] = [one['signature-input'], one.signature];
    for (const sent of [
        { 'signature-input': [input, input], signature: bytes },
        { 'signature-input': input, signature: `${bytes}, ${bytes}` },
        { 'signature-input': `${input}, ${input.replace('sig1', 'sig2')}`,
            signature: `${bytes}, ${bytes.replace('sig1', 'sig2')}` },
        { 'signature-input': `${input};created=1`, signature: bytes },
        { 'signature-input': input, signature: `${bytes};x` },
        { 'signature-input': input, signature: bytes.replace('sig1', 'Sig1') },
        { 'signature-input': input, signature: `${bytes},` },
        { 'signature-input': input, signature: bytes.replace(/=+:$/, ':') }])
        await fails({ headers: one, sent });
});

test('Content-Digest: what is not known is let be, what is known must be right',
    async () => {
        const right = digest(BODY);
        const wide = digest(BODY, 'sha-512');
        for (const said of [`md5=:${'A'.repeat(22)}==:, ${right}`,
            `unixsum=30637, ${right}`, `${right}, crc32c=:AAAA:`,
            `${right}, ${wide}`, `${wide}, ${right}`, `sha=:AAAA:, ${wide}`])
            await passes({ headers: { 'content-digest': said } });
        for (const said of [`${right}, ${digest('x', 'sha-512')}`,
            `${digest('x')}, ${wide}`, `${right}, ${right}`, 'sha-256',
            right.replace('sha-256', 'SHA-256'), 'md5=:AAAA:',
            right.replaceAll(':', '"'), `${right}, sha-512=:AAAA:`, '',
            digest('', 'sha-256'), right.replace('sha-256', 'sha-512')])
            await fails({ headers: { 'content-digest': said } });
    });

test('bodies: in chunks, empty, of a GET, compressed, on one connection',
    async () => {
        await passes({ sent: { 'transfer-encoding': 'chunked' } });
        const told = { url: `${gw.api}/chat/completions` };
        assert.equal((await call({ ...told, body: '' })).status, 400);
        await passes(get('/v1/models', { body: 'a body', sent: {
            'content-length': 6 } }));
        await fails(get('/v1/models', { sent: { 'transfer-encoding': 'chunked',
            'content-digest': digest('x') } }));
        const packed = await call({ body: gzipSync(BODY),
            headers: { 'content-encoding': 'gzip' } });
        assert.equal(packed.status, 415, packed.text);
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (let i = 0; i < 3; i += 1) {
            await passes({ agent });
            await fails({ agent, sent: { 'content-digest': digest('x') } });
        }
        agent.destroy();
    });

test('moments and algorithms', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const parameters of [{ created: now + 200 }, { created: now - 200 },
        { expires: now + 60 }, { alg: null }, { tag: 'app' }])
        await passes({ how: { parameters } });
    for (const parameters of [{ created: `${now}` }, { created: now + 0.5 },
        { created: -now }, { created: now, expires: now - 10 },
        { created: now + 200, expires: now + 100 }, { expires: `${now + 60}` },
        { alg: 'hmac-sha256' }, { alg: 'ED25519' }, { alg: 1 },
        { alg: 'rsa-v1_5-sha256' }, { nonce: 7 }, { nonce: 'n'.repeat(129) },
        { nonce: '' }, { keyid: 'k'.repeat(65) }, { Tag: 'x' }])
        await fails({ how: { parameters } });
});

test('a signature of ECDSA in DER is none', async () => {
    const key = keys['ecdsa-p256-sha256'];
    const one = signed({ method: 'POST', url: `${gw.api}/chat/completions`,
        body: BODY, headers: { authorization: `Bearer ${owner.key}` } }, key);
    const input = one['signature-input'].replace('sig1=', '');
    const base = ['"@method": POST',
        `"@target-uri": ${gw.api}/chat/completions`,
        `"content-digest": ${one['content-digest']}`,
        `"authorization": Bearer ${owner.key}`,
        `"@signature-params": ${input}`].join('\n');
    const spelled = (dsaEncoding) => `sig1=:${signWith('sha256',
        Buffer.from(base), { key: key.secret, dsaEncoding })
        .toString('base64')}:`;
    await fails({ headers: one, sent: { ...one, signature: spelled('der') } });
    await passes({ headers: one, sent: { ...one,
        signature: spelled('ieee-p1363') } });
});

/** Milliseconds of `count` refusals of each kind, in turn: what a quarter needs. */
async function times(kinds, count) {
    const took = kinds.map(() => []);
    for (let i = 0; i < count; i += 1)
        for (const [at, key] of kinds.entries())
            took[at].push((await fails({ key: key() })).ms);
    return took.map((all) => all.sort((a, b) => a - b)[count >> 2]);
}

test('unknown, wrong and another algorithm take the same time', async () => {
    const wrong = { ed25519: generateKeyPairSync('ed25519').privateKey,
        'hmac-sha256': randomBytes(32) };
    await passes();
    await passes({ key: keys['hmac-sha256'] });
    const took = await times([
        () => ({ ...keys.ed25519, id: `nobody-${Math.random()}` }),
        () => ({ ...keys.ed25519, id: 'nobody' }),
        () => ({ ...keys.ed25519, secret: wrong.ed25519 }),
        () => ({ ...keys['hmac-sha256'], secret: wrong['hmac-sha256'] }),
        () => ({ ...keys['hmac-sha256'], id: keys.ed25519.id })], 21);
    assert.ok(Math.min(...took) >= 5, took.join());
    assert.ok(Math.max(...took) - Math.min(...took) < 2.5, took.join());
});
