// Whatever goes wrong, the caller reads OpenAI's error object and never a page.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { raw } from './wire.mjs';

const gw = useGateway();

export function isOpenAiError(answer, status, code) {
    assert.equal(answer.status, status, answer.text.slice(0, 300));
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    const { error } = answer.json;
    assert.deepEqual(Object.keys(error).sort(),
        ['code', 'message', 'param', 'type']);
    assert.ok(error.message.length > 0);
    assert.ok(!/<html|<!DOCTYPE/i.test(answer.text));
    assert.ok(answer.headers['x-request-id'], 'x-request-id');
    if (code !== undefined)
        assert.equal(error.code, code);
}

const UNKNOWN = ['/', '/chat', '/chat/completions/', '/chat/completions/x',
    '/assistants', '/images', '/audio', '/files/file-1/x',
    '/fine_tuning/jobs', '/embeddings/x', '/responses/resp_1',
    '/CHAT/COMPLETIONS', '/..%2f..%2fetc', '//chat',
    '/batches/x/y', '/threads', '/vector_stores', '/realtime/sessions'];

for (const path of UNKNOWN)
    test(`POST ${path} is 404 and reaches nobody`, async () => {
        gw.forget();
        const got = await gw.call(path, { body: { model: MODEL,
            messages: [], input: 'x' } });
        isOpenAiError(got, 404);
        assert.equal(gw.reached.length, 0);
    });

test('an unknown path needs a key as well, or is 404, never served',
    async () => {
        const got = await gw.call('/threads', { key: null, method: 'GET' });
        assert.ok([401, 404].includes(got.status), String(got.status));
        assert.ok(got.error);
    });

for (const [method, path] of [['GET', '/chat/completions'],
    ['PUT', '/chat/completions'], ['DELETE', '/chat/completions'],
    ['PATCH', '/embeddings'], ['POST', '/models'], ['DELETE', '/models/x'],
    ['TRACE', '/chat/completions'], ['OPTIONS', '/chat/completions'],
    ['PROPFIND', '/models']])
    test(`${method} ${path} is refused in the same shape`, async () => {
        gw.forget();
        const got = await gw.call(path, { method });
        assert.ok([404, 405, 501].includes(got.status), String(got.status));
        isOpenAiError(got, got.status);
        assert.equal(gw.reached.length, 0);
        if (got.status === 405 && method !== 'TRACE')
            assert.match(got.headers.allow ?? '', /POST|GET/);
    });

test('GET may carry a content type without a body', async () => {
    const got = await gw.call(`/models/${MODEL}`);
    assert.equal(got.status, 200);
    assert.equal(got.json.id, MODEL);
});

test('an unknown model of the list is 404 in the same shape', async () => {
    const got = await gw.call('/models/no-such-model');
    isOpenAiError(got, 404);
});

test('a header section too large is refused politely', async () => {
    const got = await gw.call('/models', { headers: {
        'x-much': 'y'.repeat(20000) } });
    assert.ok([400, 431].includes(got.status), String(got.status));
    assert.ok(!/<html/i.test(got.text), got.text.slice(0, 200));
});

test('a request line too long is refused politely', async () => {
    const got = await gw.call(`/models?${'q'.repeat(20000)}`);
    assert.ok([400, 414].includes(got.status), String(got.status));
    assert.ok(!/<html/i.test(got.text), got.text.slice(0, 200));
});

test('no answer tells which software answers', async () => {
    for (const got of [await gw.call('/nothing'), await gw.chat('hi')]) {
        assert.ok(!got.headers['x-powered-by']);
        assert.ok(!/fake|openai/i.test(got.headers.server ?? ''));
        assert.ok(!got.headers.via);
    }
});

test('an id the caller sends is kept when it is sane', async () => {
    const got = await gw.chat('hi', { headers: {
        'x-request-id': 'trace-42.a_B' } });
    assert.equal(got.headers['x-request-id'], 'trace-42.a_B');
    assert.equal(gw.lastHeaders['x-request-id'], 'trace-42.a_B');
    assert.match(got.headers['x-upstream-request-id'], /^req_fake/);
});

for (const bad of ['a b', 'x'.repeat(129), 'a;b', 'ä', '', '../x', '<b>'])
    test(`an id like ${JSON.stringify(bad.slice(0, 12))} is replaced`,
        async () => {
            const got = await gw.chat('hi', { headers: {
                'x-request-id': Buffer.from(bad).toString('latin1') } });
            assert.equal(got.status, 200);
            assert.match(got.headers['x-request-id'],
                /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
        });

test('bytes that are no HTTP at all are answered or cut, and life goes on',
    async () => {
        for (const bytes of ['\x00\x01\x02\r\n\r\n', 'hello\r\n\r\n',
            '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
            'GET\r\n\r\n', `GET ${'/'.repeat(9000)} HTTP/1.1\r\n\r\n`])
            await raw(gw.port, Buffer.from(bytes, 'latin1'));
        assert.equal((await gw.chat('alive?')).status, 200);
    });
