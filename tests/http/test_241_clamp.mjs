// A shorter answer in the place of a refusal, where the limits leave room for one.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { MODEL, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTClamp on'] });

const client = (key) => new OpenAI({ apiKey: key, baseURL: gw.api, maxRetries: 0 });
const poor = (name, limits) => gw.newKey({ name, limits });
const HEADER = 'x-chatgpt-max-output-tokens';

/** The body as the provider got it. */
const forwarded = () => JSON.parse(gw.lastBody);

for (const member of ['max_tokens', 'max_completion_tokens'])
    test(`${member} is put down to what is left, and the answer says so`, async () => {
        const { key } = await poor(member, ['500tokens/1h']);
        gw.forget();
        const { data, response } = await client(key).chat.completions.create({
            model: MODEL, [member]: 4000, messages: [{ role: 'user', content: 'hi' }] })
            .withResponse();
        assert.equal(data.object, 'chat.completion');
        const left = forwarded()[member];
        assert.ok(left > 400 && left < 500, `${left} of 500 less the words asked`);
        assert.equal(response.headers.get(HEADER), String(left));
        const record = await gw.record(response.headers.get('x-request-id'));
        assert.equal(record.clamped_output_tokens, left);
    });

test('of a response it is max_output_tokens', async () => {
    const { key } = await poor('responses', ['500tokens/1h']);
    gw.forget();
    const { response } = await client(key).responses.create({ model: MODEL, input: 'hi',
        max_output_tokens: 3000 }).withResponse();
    const left = forwarded().max_output_tokens;
    assert.ok(left > 400 && left < 500, String(left));
    assert.equal(response.headers.get(HEADER), String(left));
});

test('a stream is shortened as well, and every choice of several', async () => {
    const { key } = await poor('stream', ['900output_tokens/1h']);
    gw.forget();
    const stream = await client(key).chat.completions.create({ model: MODEL, n: 3,
        max_tokens: 5000, stream: true, messages: [{ role: 'user', content: 'hi' }] });
    for await (const part of stream)
        assert.equal(part.object, 'chat.completion.chunk');
    assert.equal(forwarded().max_tokens, 300);
});

test('money is counted in tokens of the model, and a budget is never passed', async () => {
    const made = await gw.newKey({ name: 'money', budget: '0.001USD/month' });
    gw.forget();
    // 1,000 micro-dollars: at 0.60 a million some 1,660 words of output.
    const got = await gw.chat('hi', { key: made.key, body: { max_tokens: 16000 } });
    assert.equal(got.status, 200, got.text);
    const left = forwarded().max_tokens;
    assert.ok(left > 1500 && left < 1700, String(left));
});

test('who asks for less than is left is not shortened', async () => {
    const { key } = await poor('modest', ['500tokens/1h']);
    gw.forget();
    const got = await gw.chat('hi', { key, body: { max_tokens: 50 } });
    assert.equal(got.status, 200, got.text);
    assert.equal(forwarded().max_tokens, 50);
    assert.equal(got.headers[HEADER], undefined);
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.clamped_output_tokens, undefined);
});

test('where nothing is left it is refused', async () => {
    const { key } = await poor('empty', ['5tokens/1h']);
    gw.forget();
    const got = await gw.chat('many words that are more than five tokens', { key,
        body: { max_tokens: 50 } });
    assert.equal(got.status, 429, got.text);
    assert.equal(gw.reached.length, 0);
});
