// Which models a caller may use: by place, by key, and what the list shows.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EMBEDDER, MODEL, useGateway } from './harness.mjs';

let narrow;
let wide;
const gw = useGateway({
    policy: [`ChatGPTAllowModel ${MODEL} gpt-4o ${EMBEDDER}`],
}, async () => {
    narrow = await gw.newKey({ name: 'narrow', models: [MODEL] });
    wide = await gw.newKey({ name: 'wide', models: [MODEL, 'gpt-5'] });
});

async function denied(model, key) {
    gw.forget();
    const got = await gw.chat('hi', { key, body: { model } });
    assert.equal(got.status, 403, got.text);
    assert.equal(got.error.code, 'model_not_allowed');
    assert.equal(got.error.type, 'permission_error');
    assert.equal(gw.reached.length, 0);
}

test('a model of the place is served', async () => {
    assert.equal((await gw.chat('hi', { body: { model: 'gpt-4o' } }))
        .status, 200);
});

test('a model the place does not name is refused', () =>
    denied('gpt-5', gw.key));
test('a model the key does not name is refused', () =>
    denied('gpt-4o', narrow.key));
test('a key cannot widen what the place allows', () =>
    denied('gpt-5', wide.key));

for (const model of ['GPT-4O', 'gpt-4o ', ' gpt-4o', 'gpt-4o\u0000', 'gpt-4*',
    '*', '', 'gpt-4o,gpt-5', '../gpt-4o', 'gpt‑4o'])
    test(`a model written ${JSON.stringify(model)} does not slip through`,
        async () => {
            gw.forget();
            const got = await gw.chat('hi', { key: narrow.key,
                body: { model } });
            assert.ok([400, 403, 404].includes(got.status), got.text);
            assert.ok(got.error);
            assert.equal(gw.reached.length, 0);
        });

for (const model of [null, 7, {}, ['gpt-4o'], true, undefined])
    test(`a model that is ${JSON.stringify(model) ?? 'absent'} is refused`,
        async () => {
            gw.forget();
            const got = await gw.chat('hi', { body: { model } });
            assert.equal(got.status, 400, got.text);
            assert.equal(got.error.param, 'model');
            assert.equal(gw.reached.length, 0);
        });

test('the rule holds for every endpoint', async () => {
    gw.forget();
    for (const [path, body] of [['/completions', { prompt: 'x' }],
        ['/responses', { input: 'x' }], ['/embeddings', { input: 'x' }]]) {
        const got = await gw.call(path, { body: { model: 'gpt-4.1', ...body },
            key: narrow.key });
        assert.equal(got.status, 403, `${path} ${got.text}`);
    }
    assert.equal(gw.reached.length, 0);
});

test('the list shows what the key may use, and only that', async () => {
    const ids = async (key) => (await gw.call('/models', { key })).json.data
        .map((one) => one.id).sort();
    assert.deepEqual(await ids(narrow.key), [MODEL]);
    assert.deepEqual(await ids(wide.key), [MODEL]);
    assert.deepEqual(await ids(gw.key), [EMBEDDER, MODEL, 'gpt-4o'].sort());
});

test('one model is found only by who may use it', async () => {
    assert.equal((await gw.call('/models/gpt-4o')).status, 200);
    for (const [id, key] of [['gpt-4o', narrow.key], ['gpt-5', gw.key]]) {
        const got = await gw.call(`/models/${id}`, { key });
        assert.ok([403, 404].includes(got.status), String(got.status));
        assert.ok(got.error);
    }
});
