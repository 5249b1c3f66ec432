// The practice provider itself: what the other tests rely on it for.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { start } from '../fake/provider.mjs';
import { heard, raw, send, sleep, stream, until } from './wire.mjs';

let fake;
before(async () => { fake = await start(); });
after(() => fake.close());
beforeEach(() => control('POST', 'reset'));

const AUTH = { authorization: 'Bearer any', 'content-type':
    'application/json' };
const control = (method, name, body) => send(`${fake.url}/__fake/${name}`,
    { method, body: body === undefined ? undefined : JSON.stringify(body) });
const chat = (content, more = {}, headers = {}) => send(
    `${fake.url}/v1/chat/completions`, { headers: { ...AUTH, ...headers },
        body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{
            role: 'user', content }], ...more }) });
const flow = async (content) => {
    const got = await stream(`${fake.url}/v1/chat/completions`, {
        headers: AUTH, body: JSON.stringify({ model: 'gpt-4o-mini',
            stream: true, messages: [{ role: 'user', content }] }) });
    return { ...got, ...heard(got) };
};

test('it answers with what it was told and counts tokens', async () => {
    const got = await chat('hello');
    assert.equal(got.said, 'You said: hello');
    const { usage } = got.json;
    assert.equal(usage.total_tokens, usage.prompt_tokens
        + usage.completion_tokens);
});

test('it refuses a caller without a key, and any but the one set',
    async () => {
        assert.equal((await chat('x', {}, { authorization: '' })).status,
            401);
        await control('POST', 'config', { key: 'k1' });
        assert.equal((await chat('x')).status, 401);
        assert.equal((await chat('x', {}, { authorization: 'Bearer k1' }))
            .status, 200);
        await control('POST', 'config', { key: null });
    });

test('it remembers what it was asked, byte for byte', async () => {
    await chat('first');
    await chat('second');
    const last = (await control('GET', 'last')).json;
    assert.match(last.body, /second/);
    assert.equal(Buffer.from(last.body_b64, 'base64').toString(), last.body);
    assert.ok(last.headers.some(([name]) => name === 'authorization'));
    assert.equal((await control('GET', 'requests?since=1')).json.length, 1);
    assert.equal((await control('GET', 'count')).json.count, 2);
});

test('a script answers once each, then it is itself again', async () => {
    await control('POST', 'script', [{ status: 429, retry_after: 3 },
        { say: 'two', times: 2 }]);
    const refused = await chat('x');
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['retry-after'], '3');
    assert.deepEqual([(await chat('x')).said, (await chat('x')).said,
        (await chat('x')).said], ['two', 'two', 'You said: x']);
});

test('the text and a header can steer it too', async () => {
    assert.equal((await chat('say: exactly this')).said, 'exactly this');
    assert.equal((await chat('x', {}, { 'x-fake': '{"status":503}' }))
        .status, 503);
    const got = await flow('fake:{"say":"abcdef","chunk":2}');
    assert.deepEqual(got.chunks.map((one) =>
        one.choices[0].delta.content).filter(Boolean), ['ab', 'cd', 'ef']);
});

for (const end of ['reset', 'silent-close', 'half-headers', 'garbage'])
    test(`it can end with ${end} before its head`, async () => {
        await control('POST', 'script', { end });
        await assert.rejects(chat('x'));
    });

for (const end of ['cut', 'close', 'reset'])
    test(`it can ${end} inside a stream`, async () => {
        await control('POST', 'script', { say: 'a b c d e', end, after: 3 });
        const got = await flow('x');
        assert.ok(!got.done && !got.whole);
        assert.equal((await control('GET', 'aborted')).json.count, 0);
    });

test('it notices a caller who leaves, and when', async () => {
    await control('POST', 'script', { end: 'hang' });
    await assert.rejects(send(`${fake.url}/v1/chat/completions`, { ms: 200,
        headers: AUTH, body: '{"model":"gpt-4o","messages":[]}' }));
    const left = await until(async () => {
        const got = (await control('GET', 'aborted')).json;
        return got.count === 1 && got.callers[0];
    });
    assert.ok(left.after_ms >= 150 && left.after_ms < 1000);
});

test('gaps between events are real', async () => {
    const got = await flow('fake:{"say":"a b c","gap_ms":80}');
    const at = got.events.map((one) => one.at);
    assert.ok(at.at(-1) - at[0] > 80 * 4);
});

test('bytes that are no HTTP do not end it', async () => {
    await raw(fake.port, 'hello\r\n\r\n');
    await sleep(20);
    assert.equal((await chat('alive')).status, 200);
});
