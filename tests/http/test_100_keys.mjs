// Who is asking: keys made by either tool, kept as hashes, refused when wrong.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { MODEL, sleep, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const sh = promisify(execFile);
let made;
const gw = useGateway({}, async () => {
    made = await gw.newKey({ name: 'Ada', owner: 'ada', team: 'research' });
});

async function refused(key, code, headers = {}) {
    gw.forget();
    const got = await gw.chat('hi', { key, headers });
    assert.equal(got.status, 401, got.text);
    assert.equal(got.error.type, 'invalid_request_error');
    assert.ok([].concat(code).includes(got.error.code), got.error.code);
    assert.match(got.headers['www-authenticate'] ?? '', /^Bearer/i);
    assert.equal(gw.reached.length, 0);
    return got;
}

test('a key made in the console works at once', async () => {
    assert.equal((await gw.chat('hi', { key: made.key })).status, 200);
});

test('a key made by chatgptctl works at once', async () => {
    const said = await gw.ctl(['key', 'create', '--name', 'Bob', '--user',
        'bob', '--team', 'sales', '--limit', '100/60s']);
    assert.equal(said.code, 0, said.stderr);
    const { id, key } = said.lines[0];
    assert.ok(id && key);
    assert.equal((await gw.chat('hi', { key })).status, 200);
    const seen = await gw.admin('GET', `/keys/${id}`);
    assert.equal(seen.json.name, 'Bob');
});

test('a key is shown once and known afterwards by prefix and last four',
    async () => {
        const seen = await gw.admin('GET', `/keys/${made.id}`);
        assert.equal(seen.status, 200);
        assert.ok(!seen.text.includes(made.key));
        assert.ok(seen.text.includes(made.key.slice(-4)));
        const listed = await gw.admin('GET', '/keys?limit=500');
        assert.ok(!listed.text.includes(made.key));
    });

test('the store, its files, the journal and the log hold no secret',
    async () => {
        const [, secret] = /^vk_[^_]+_(.{43})_/.exec(made.key);
        for (const form of [secret, Buffer.from(secret).toString('base64')
            .replace(/=+$/, ''), Buffer.from(secret).toString('hex')]) {
            const found = await sh('grep', ['-rlaF', '--', form, gw.folder])
                .then(({ stdout }) => stdout.trim(), () => '');
            assert.equal(found, '', `secret found in ${found}`);
        }
    });

test('the scheme may be written in any case', async () => {
    for (const scheme of ['bearer', 'BEARER', 'BeArEr'])
        assert.equal((await gw.chat('hi', { key: null, headers: {
            authorization: `${scheme} ${made.key}` } })).status, 200);
});

test('no key is refused', () => refused(null, 'invalid_api_key'));
test('an empty bearer is refused', () => refused(null, 'invalid_api_key',
    { authorization: 'Bearer ' }));
test('another scheme is refused', () => refused(null, 'invalid_api_key',
    { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }));
test('a stranger is refused', () => refused('sk-nobody', 'invalid_api_key'));
test('ten kilobytes of key are refused', async () => {
    const got = await gw.chat('hi', { key: 'k'.repeat(7000) });
    assert.equal(got.status, 401);
});

const flip = (text, at) => {
    const i = (at + text.length) % text.length;
    return text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A')
        + text.slice(i + 1);
};

for (const at of [4, 14, 20, -12, -1])
    test(`a key with its letter ${at} changed is refused`, () =>
        refused(flip(made.key, at), 'invalid_api_key'));

for (const [what, change] of [['cut short', (k) => k.slice(0, -5)],
    ['longer by one', (k) => `${k}A`], ['in upper case', (k) =>
        k.toUpperCase()], ['quoted', (k) => `"${k}"`],
    ['twice', (k) => `${k} ${k}`], ['with a wildcard', (k) =>
        k.replace(/.$/, '*')], ['with an escape', (k) => `${k}%00`],
    ['that is only its id', (k) => k.split('_').slice(0, 2).join('_')],
    ['with words of SQL and Redis', () => "x' OR '1'='1' * FLUSHALL"]])
    test(`a key ${what} is refused`, () =>
        refused(change(made.key), 'invalid_api_key'));

test('two Authorization headers never add up to one caller', async () => {
    gw.forget();
    const got = await send(`${gw.api}/chat/completions`, { method: 'POST',
        headers: ['content-type', 'application/json', 'authorization',
            'Bearer sk-nobody', 'authorization', `Bearer ${made.key}`],
        body: JSON.stringify({ model: MODEL, messages: [{ role: 'user',
            content: 'x' }] }) });
    assert.ok([400, 401].includes(got.status), String(got.status));
    assert.equal(gw.reached.length, 0);
});

test('a key in the query, a cookie or the user part does not count',
    async () => {
        const body = { model: MODEL, messages: [] };
        for (const [path, headers] of [
            [`/chat/completions?api_key=${made.key}`, {}],
            ['/chat/completions', { cookie: `key=${made.key}` }],
            ['/chat/completions', { 'x-api-key': '' }]]) {
            const got = await gw.call(path, { body, key: null, headers });
            assert.equal(got.status, 401);
        }
    });

test('an expired key says so, from the second it expires', async () => {
    gw.expectLog('CG1027');
    const soon = await gw.newKey({ name: 'short', expires_at:
        new Date(Date.now() + 2000).toISOString() });
    assert.equal((await gw.chat('hi', { key: soon.key })).status, 200);
    await sleep(2300);
    await refused(soon.key, 'key_expired');
});

test('the caller is named to the record, never to the provider', async () => {
    const got = await gw.chat('hi', { key: made.key });
    const record = await gw.record(got.headers['x-request-id']);
    const words = JSON.stringify(record);
    assert.ok(words.includes(made.id), words);
    assert.ok(words.includes('research'), words);
    const sent = JSON.stringify(gw.lastHeaders);
    for (const word of [made.key, made.id, 'research'])
        assert.ok(!sent.includes(word), word);
});
