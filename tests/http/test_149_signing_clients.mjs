// The clients of docs/examples sign what the gateway accepts, with every algorithm.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import OpenAI from 'openai';

import { readKey, signedFetch } from '../../docs/examples/sign.mjs';
import { MODEL, useGateway } from './harness.mjs';
import { ROOT } from './launch.mjs';

const PAIRS = { ed25519: ['ed25519'],
    'ecdsa-p256-sha256': ['ec', { namedCurve: 'P-256' }],
    'rsa-pss-sha512': ['rsa', { modulusLength: 2048 }] };
const keys = {};
let owner;
let body;

const gw = useGateway({ policy: ['ChatGPTSignature required',
    'ChatGPTAttempts off'] }, async () => {
    owner = await gw.newKey({ name: 'signer' });
    body = path.join(gw.folder, 'body.json');
    await writeFile(body, `${JSON.stringify({ model: MODEL, messages: [
        { role: 'user', content: 'Grüße' }] })}\n`);
    for (const algorithm of [...Object.keys(PAIRS), 'hmac-sha256']) {
        const pair = PAIRS[algorithm] ? generateKeyPairSync(
            ...PAIRS[algorithm]) : null;
        const made = await gw.admin('POST', '/signing-keys', { algorithm,
            name: algorithm, key: owner.id, ...(pair && { public_key:
            pair.publicKey.export({ type: 'spki', format: 'pem' }) }) });
        assert.equal(made.status, 201, made.text);
        const file = path.join(gw.folder, `${algorithm}.key`);
        await writeFile(file, pair ? pair.privateKey.export({ type: 'pkcs8',
            format: 'pem' }) : `${made.json.secret}\n`, { mode: 0o600 });
        keys[algorithm] = { id: made.json.id, file };
    }
});

function run(program, algorithm, words) {
    const { id, file } = keys[algorithm];
    return new Promise((done) => {
        execFile(program[0], [...program.slice(1), ...words], {
            timeout: 15000, env: { ...process.env, OPENAI_API_KEY: owner.key,
                SIGN_KEY_ID: id, SIGN_KEY_FILE: file } },
        (error, stdout, stderr) => done({ code: error ? error.code ?? 1 : 0,
            stdout, stderr }));
    });
}

const example = (name) => path.join(ROOT, 'docs', 'examples', name);
const CLIENTS = { 'sign.sh': ['sh', example('sign.sh')],
    'sign.mjs': [process.execPath, example('sign.mjs')] };

for (const [name, program] of Object.entries(CLIENTS))
    for (const algorithm of [...Object.keys(PAIRS), 'hmac-sha256'])
        test(`${name} signs with ${algorithm}`, async () => {
            // Numbers of ECDSA are now and then shorter: more than one try.
            for (let i = 0; i < (algorithm.startsWith('ec') ? 4 : 1); i += 1) {
                const got = await run(program, algorithm, [
                    `${gw.api}/chat/completions`, body]);
                assert.equal(got.code, 0, got.stderr + got.stdout);
                assert.match(JSON.parse(got.stdout).choices[0].message.content,
                    /Grüße/);
            }
            const listed = await run(program, algorithm, [
                `${gw.api}/models?limit=1`]);
            assert.equal(listed.code, 0, listed.stderr + listed.stdout);
            assert.ok(JSON.parse(listed.stdout).data.length > 0);
        });

test('brackets, dots and signs of a URL go out as they were signed', async () => {
    for (const [name, program] of Object.entries(CLIENTS))
        for (const at of ['models?include[]=a&x={1,2}', 'models?q=%20+%2f',
            ...(name === 'sign.sh' ? ['./models', 'x/../models'] : [])]) {
            const got = await run(program, 'ed25519', [`${gw.api}/${at}`]);
            assert.equal(got.code, 0, at + got.stderr + got.stdout);
            assert.ok(JSON.parse(got.stdout).data.length > 0);
        }
});

test('a refusal is shown and told by the exit status', async () => {
    for (const program of Object.values(CLIENTS)) {
        const kept = keys.ed25519;
        keys.ed25519 = { ...kept, id: 'nobody' };
        const got = await run(program, 'ed25519', [`${gw.api}/models`]);
        keys.ed25519 = kept;
        assert.notEqual(got.code, 0);
        assert.match(got.stdout, /invalid_signature/);
        assert.equal((await run(program, 'ed25519', [])).code, 2);
    }
});

test('the openai client signs through its fetch, also streams and repeats',
    async () => {
        const { id, file } = keys['hmac-sha256'];
        const client = new OpenAI({ apiKey: owner.key, baseURL: gw.api,
            maxRetries: 1, fetch: signedFetch({ id, ...readKey(file) }) });
        const asked = { model: MODEL, messages: [{ role: 'user',
            content: 'hello' }] };
        const got = await client.chat.completions.create(asked);
        assert.equal(got.choices[0].message.content, 'You said: hello');
        let text = '';
        for await (const chunk of await client.chat.completions.create({
            ...asked, stream: true }))
            text += chunk.choices[0]?.delta?.content ?? '';
        assert.equal(text, 'You said: hello');
        assert.ok((await client.models.list()).data.length > 0);
    });
