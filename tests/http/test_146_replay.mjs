// The same signed request at once, to every child of two servers: one of it passes.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';

import { Gateway } from './gateway.mjs';
import { MODEL, useGateway } from './harness.mjs';
import { STOP_MS } from './launch.mjs';
import { signed } from './signing.mjs';
import { send } from './wire.mjs';

const WAYS = 20;
const OPTIONS = { policy: ['ChatGPTSignature required', 'ChatGPTAttempts off'],
    server: ['CustomLog served_by "%P %s"'] };
const HOST = 'gw.example';

let second;
let key;
let owner;

/** Another server of the same company: its Redis, its pepper and its master key. */
async function beside(first) {
    const other = new Gateway(OPTIONS);
    other.redis = { url: first.ready.redis, stop: async () => {} };
    const provider = other.providerAgain.bind(other);
    other.providerAgain = async (port) => {
        for (const name of ['pepper', 'seal.key'])
            await copyFile(path.join(first.folder, name),
                path.join(other.folder, name));
        await provider(port);
    };
    return other.start();
}

const gw = useGateway(OPTIONS, async () => {
    owner = await gw.newKey({ name: 'signer' });
    const made = await gw.admin('POST', '/signing-keys', { name: 'shared',
        algorithm: 'hmac-sha256', key: owner.id });
    key = { id: made.json.id, algorithm: 'hmac-sha256',
        secret: Buffer.from(made.json.secret, 'base64') };
    second = await beside(gw);
});
after(() => second?.stop(), { timeout: STOP_MS + 20000 });

function oneRequest(parameters = {}) {
    const body = JSON.stringify({ model: MODEL,
        messages: [{ role: 'user', content: 'once' }] });
    const url = `http://${HOST}/v1/chat/completions`;
    return { body, headers: signed({ url, body, headers: { host: HOST,
        'content-type': 'application/json',
        authorization: `Bearer ${owner.key}` } }, key, { parameters }) };
}

/** Each on a connection of its own, so that all children are asked. */
function race(request) {
    return Promise.all(Array.from({ length: WAYS }, (_, i) => send(
        `${(i % 2 ? second : gw).api}/chat/completions`,
        { ...request, agent: false })));
}

test('of twenty at once exactly one passes, ten times over', async () => {
    for (let round = 0; round < 10; round += 1) {
        gw.forget();
        second.forget();
        const got = await race(oneRequest());
        const passed = got.filter((one) => one.status === 200);
        const refused = got.filter((one) => one.status === 401
            && one.error.code === 'signature_replayed');
        assert.deepEqual([passed.length, refused.length], [1, WAYS - 1],
            got.map((one) => one.status).join());
        assert.equal(gw.reached.length + second.reached.length, 1);
    }
    for (const one of [gw, second]) {
        const lines = await readFile(path.join(one.folder, 'served_by'),
            'utf8');
        const children = new Set(lines.trim().split('\n').map((line) =>
            line.split(' ')[0]));
        assert.ok(children.size > 1, `${children.size} child answered`);
    }
});

test('with limits at the place the race ends the same, and counts once',
    async () => {
        const limited = await gw.newKey({ name: 'limited',
            limits: ['5/60s'] });
        const made = await gw.admin('POST', '/signing-keys', { name: 'l',
            algorithm: 'hmac-sha256', key: limited.id });
        [owner, key] = [limited, { ...key, id: made.json.id,
            secret: Buffer.from(made.json.secret, 'base64') }];
        for (let round = 0; round < 5; round += 1) {
            const got = await race(oneRequest());
            assert.equal(got.filter((one) => one.status === 200).length, 1);
        }
        const over = await race(oneRequest());
        assert.equal(over.filter((one) => one.status === 429).length, 1);
        assert.equal(over.filter((one) => one.status === 401).length,
            WAYS - 1);
    });

test('a nonce is of its key, and one of another text is another', async () => {
    const nonce = randomUUID();
    const made = await gw.admin('POST', '/signing-keys', { name: 'k',
        algorithm: 'hmac-sha256', key: (owner = await gw.newKey({})).id });
    const own = { id: made.json.id, algorithm: 'hmac-sha256',
        secret: Buffer.from(made.json.secret, 'base64') };
    const twin = await gw.admin('POST', '/signing-keys', { name: 't',
        algorithm: 'hmac-sha256', key: owner.id });
    const ask = async (with_, text) => {
        key = with_;
        return (await send(`${gw.api}/chat/completions`,
            { ...oneRequest({ nonce: text }), agent: false })).status;
    };
    assert.equal(await ask(own, nonce), 200);
    assert.equal(await ask(own, nonce), 401);
    assert.equal(await ask({ ...own, id: twin.json.id,
        secret: Buffer.from(twin.json.secret, 'base64') }, nonce), 200);
    assert.equal(await ask(own, `${nonce}x`), 200);
    assert.equal(await ask(own, 'x'.repeat(128)), 200);
    assert.equal(await ask(own, 'x'.repeat(128)), 401);
    assert.equal(await ask(own, 'x'.repeat(129)), 401);
});

test('what is remembered ends by itself', async () => {
    const kept = (await gw.store('KEYS', 'cg:{cg}:nonce*')).trim().split('\n');
    assert.ok(kept.length > 10);
    for (const name of kept) {
        const left = Number(await gw.store('PTTL', name));
        assert.ok(left > 800000 && left <= 900000, `${name}: ${left}`);
    }
});
