// What came back is counted by the provider's numbers, for streams too.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EMBEDDER, MODEL, useGateway } from './harness.mjs';

const gw = useGateway();
const USAGE = { prompt_tokens: 1234, completion_tokens: 56,
    total_tokens: 1290 };
const say = (rest = {}) => `fake:${JSON.stringify({ say: 'some words here',
    usage: USAGE, ...rest })}`;

/** [in, out, micro-dollars] of a request's record. */
async function billed(id) {
    const record = await gw.record(id);
    return [record.input_tokens, record.output_tokens, record.cost_micros];
}

test('a whole answer is counted as the provider counted it', async () => {
    const got = await gw.chat(say(), { body: { max_tokens: 100 } });
    const [input, output, micros] = await billed(got.headers['x-request-id']);
    assert.deepEqual([input, output], [1234, 56]);
    assert.ok(Math.abs(micros - (1234 * 0.15 + 56 * 0.6)) <= 1.5,
        `${micros} micro-dollars`);
});

for (const asked of [true, false])
    test(`a stream is counted the same (${asked ? 'usage asked for'
        : 'usage not asked for'})`, async () => {
        const got = await gw.stream(say(), { body: { max_tokens: 100,
            ...(asked ? { stream_options: { include_usage: true } }
                : {}) } });
        assert.equal(got.text, 'some words here');
        assert.equal(Boolean(got.usage), asked);
        if (asked)
            assert.deepEqual(got.usage, USAGE);
        const [input, output] = await billed(got.headers['x-request-id']);
        assert.deepEqual([input, output], [1234, 56]);
    });

test('the gateway asks the provider for usage when the caller does not',
    async () => {
        await gw.stream('hi');
        assert.equal(JSON.parse(gw.lastBody).stream_options.include_usage,
            true);
    });

test("other stream options of the caller's are kept", async () => {
    await gw.stream('hi', { body: { stream_options: {
        include_obfuscation: false } } });
    assert.deepEqual(JSON.parse(gw.lastBody).stream_options,
        { include_obfuscation: false, include_usage: true });
});

test('a stream without usage is counted by the gateway itself', async () => {
    const got = await gw.stream('fake:{"say":"five words in this answer",'
        + '"usage":false}');
    const [input, output] = await billed(got.headers['x-request-id']);
    assert.ok(input > 0 && input < 100, `${input} in`);
    assert.ok(output >= 4 && output <= 12, `${output} out`);
});

test('embeddings and responses are counted', async () => {
    const embedded = await gw.call('/embeddings', { body: { model: EMBEDDER,
        input: [[1, 2, 3, 4, 5, 6, 7]] } });
    assert.equal((await billed(embedded.headers['x-request-id']))[0], 7);
    const got = await gw.call('/responses', { body: { model: MODEL,
        input: 'say: counted' } });
    const { usage } = got.json;
    assert.deepEqual((await billed(got.headers['x-request-id'])).slice(0, 2),
        [usage.input_tokens, usage.output_tokens]);
    const streamed = await gw.stream('x', { at: '/responses', body: {
        model: MODEL, input: 'say: counted', messages: undefined } });
    const [input, output] = await billed(streamed.headers['x-request-id']);
    assert.ok(input > 0 && output > 0);
});

test('the model that served is recorded beside the model asked', async () => {
    gw.script({ body: { id: 'c', object: 'chat.completion', created: 1,
        model: 'gpt-4o-mini-2024-07-18', choices: [{ index: 0, message: {
            role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
        usage: USAGE } });
    const got = await gw.chat('hi', { body: { max_tokens: 100 } });
    const record = JSON.stringify(await gw.record(
        got.headers['x-request-id']));
    assert.match(record, /"gpt-4o-mini"/);
    assert.match(record, /"gpt-4o-mini-2024-07-18"/);
});

test('tokens, cost and latency stand in the metrics', async () => {
    await gw.chat(say());
    await gw.stream(say());
    const shown = await gw.metrics();
    for (const name of [/^chatgpt_\w*tokens\w*\{/m, /^chatgpt_\w*cost\w*/m,
        /^chatgpt_\w*_bucket\{.*le="\+Inf"/m, /^chatgpt_\w*first\w*_bucket/m])
        assert.match(shown, name);
});
