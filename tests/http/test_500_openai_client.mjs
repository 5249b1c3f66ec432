// The unmodified openai client talks through the gateway as to OpenAI itself.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { EMBEDDER, MODEL, useGateway } from './harness.mjs';

let client;
const gw = useGateway({ policy: ['ChatGPTUnknownModel allow'] }, ({ key, api }) => {
    client = new OpenAI({ apiKey: key, baseURL: api, maxRetries: 0,
        timeout: 10000 });
});

const ask = (content, more = {}) => ({ model: MODEL,
    messages: [{ role: 'user', content }], ...more });
const WEATHER = [{ type: 'function', function: { name: 'weather',
    description: 'Weather of a place',
    parameters: { type: 'object', properties: { city: {
        type: 'string' } } } } }];
const CALL = 'call:weather {"city":"Zürich","days":[1,2,3]}';

test('a chat gets the answer the provider sent', async () => {
    const got = await client.chat.completions.create(ask('hello there'));
    assert.equal(got.choices[0].message.content, 'You said: hello there');
    assert.equal(got.choices[0].finish_reason, 'stop');
    assert.equal(got.object, 'chat.completion');
    assert.ok(got.usage.total_tokens > 0);
    assert.equal(got.usage.total_tokens,
        got.usage.prompt_tokens + got.usage.completion_tokens);
});

test('several choices arrive, each whole', async () => {
    const got = await client.chat.completions.create(ask('say: twice',
        { n: 2 }));
    assert.deepEqual(got.choices.map((one) => one.message.content),
        ['twice', 'twice']);
});

test('a streamed chat arrives in the same deltas', async () => {
    const deltas = [];
    for await (const chunk of await client.chat.completions.create(
        ask('say: one two three 四 😀', { stream: true })))
        if (chunk.choices[0].delta.content)
            deltas.push(chunk.choices[0].delta.content);
    assert.equal(deltas.join(''), 'one two three 四 😀');
});

test('a streamed chat carries usage when the caller asks for it', async () => {
    let usage;
    for await (const chunk of await client.chat.completions.create(
        ask('say: one two', { stream: true,
            stream_options: { include_usage: true } })))
        usage = chunk.usage ?? usage;
    assert.ok(usage.total_tokens > 0);
});

test('a usage chunk nobody asked for is not passed on', async () => {
    for await (const chunk of await client.chat.completions.create(
        ask('say: one two', { stream: true }))) {
        assert.equal(chunk.choices.length, 1);
        assert.ok(!chunk.usage);
    }
});

test('the stream helper of the client assembles the same message', async () => {
    const run = client.chat.completions.stream(ask('say: assembled words'));
    const final = await run.finalChatCompletion();
    assert.equal(final.choices[0].message.content, 'assembled words');
});

test('a tool call comes back with its arguments', async () => {
    const got = await client.chat.completions.create(ask(CALL,
        { tools: WEATHER }));
    const [call] = got.choices[0].message.tool_calls;
    assert.equal(call.function.name, 'weather');
    assert.deepEqual(JSON.parse(call.function.arguments),
        { city: 'Zürich', days: [1, 2, 3] });
    assert.equal(got.choices[0].finish_reason, 'tool_calls');
});

test('a streamed tool call comes back with its arguments', async () => {
    const run = client.chat.completions.stream(ask(CALL, { tools: WEATHER }));
    const final = await run.finalChatCompletion();
    const [call] = final.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments),
        { city: 'Zürich', days: [1, 2, 3] });
});

test('a tool result goes up and its answer comes down', async () => {
    const got = await client.chat.completions.create({ model: MODEL,
        tools: WEATHER, messages: [
            { role: 'user', content: 'weather?' },
            { role: 'assistant', content: null, tool_calls: [{ id: 'c1',
                type: 'function', function: { name: 'weather',
                    arguments: '{"city":"Bern"}' } }] },
            { role: 'tool', tool_call_id: 'c1', content: 'sunny' }] });
    assert.match(got.choices[0].message.content, /sunny/);
    assert.match(gw.lastBody, /"tool_call_id":"c1"/);
});

for (const encoding of [undefined, 'float', 'base64'])
    test(`embeddings arrive as ${encoding ?? 'the client likes them'}`,
        async () => {
            const asked = { model: EMBEDDER, input: ['a', 'b'],
                dimensions: 64, encoding_format: encoding };
            const got = await client.embeddings.create(asked);
            assert.equal(got.data.length, 2);
            const first = got.data[0].embedding;
            const size = typeof first === 'string'
                ? Buffer.from(first, 'base64').length / 4 : first.length;
            assert.equal(size, 64);
            assert.ok(got.usage.prompt_tokens > 0);
        });

test('embeddings of token lists are carried as they are', async () => {
    await client.embeddings.create({ model: EMBEDDER,
        input: [[1, 2, 3], [4, 5]], encoding_format: 'float' });
    assert.deepEqual(JSON.parse(gw.lastBody).input, [[1, 2, 3], [4, 5]]);
});

test('a completion and its stream say the same', async () => {
    const asked = { model: 'gpt-3.5-turbo-instruct', prompt: 'say: old words' };
    const got = await client.completions.create(asked);
    assert.equal(got.choices[0].text, 'old words');
    let text = '';
    for await (const chunk of await client.completions.create(
        { ...asked, stream: true }))
        text += chunk.choices[0]?.text ?? '';
    assert.equal(text, 'old words');
});

test('a response arrives whole', async () => {
    const got = await client.responses.create({ model: MODEL,
        input: 'say: the new way' });
    assert.equal(got.output_text, 'the new way');
    assert.equal(got.status, 'completed');
    assert.ok(got.usage.total_tokens > 0);
});

test('a streamed response arrives in typed events, in order', async () => {
    const types = [];
    let text = '';
    let final;
    for await (const event of await client.responses.create({ model: MODEL,
        input: [{ role: 'user', content: 'say: typed events' }],
        stream: true })) {
        types.push(event.type);
        if (event.type === 'response.output_text.delta')
            text += event.delta;
        if (event.type === 'response.completed')
            final = event.response;
    }
    assert.equal(text, 'typed events');
    assert.equal(types[0], 'response.created');
    assert.equal(types.at(-1), 'response.completed');
    assert.ok(final.usage.output_tokens > 0);
});

test('a response can call a function, streamed too', async () => {
    const asked = { model: MODEL, input: CALL, tools: [{ type: 'function',
        name: 'weather', parameters: { type: 'object', properties: {} },
        strict: false }] };
    const got = await client.responses.create(asked);
    assert.equal(got.output[0].type, 'function_call');
    let args = '';
    for await (const event of await client.responses.create(
        { ...asked, stream: true }))
        if (event.type === 'response.function_call_arguments.delta')
            args += event.delta;
    assert.deepEqual(JSON.parse(args), JSON.parse(got.output[0].arguments));
});

test('the model list and one model can be read', async () => {
    const list = await client.models.list();
    assert.ok(list.data.some((one) => one.id === MODEL));
    const one = await client.models.retrieve(MODEL);
    assert.equal(one.id, MODEL);
});

test('a model id with an encoded slash is found', async () => {
    const one = await client.models.retrieve('acme/gpt-x');
    assert.equal(one.id, 'acme/gpt-x');
});

test('a bad key is an AuthenticationError', async () => {
    const stranger = new OpenAI({ apiKey: 'sk-nobody', baseURL: gw.api,
        maxRetries: 0 });
    await assert.rejects(stranger.chat.completions.create(ask('hi')),
        (error) => error instanceof OpenAI.AuthenticationError
            && error.status === 401 && error.code === 'invalid_api_key');
});

test('an unknown path is a NotFoundError', async () => {
    await assert.rejects(client.post('/audio/nothing', { body: { a: 1 } }),
        (error) => error instanceof OpenAI.NotFoundError
            && error.code === 'unknown_url');
});

test("the provider's refusal of a parameter reaches the client", async () => {
    gw.script({ status: 400, body: { error: { message: 'no such thing',
        type: 'invalid_request_error', param: 'temperature',
        code: 'unsupported_value' } } });
    await assert.rejects(client.chat.completions.create(ask('hi')),
        (error) => error instanceof OpenAI.BadRequestError
            && error.param === 'temperature');
});

test('the client may leave a stream and call again', async () => {
    const run = await client.chat.completions.create(ask(
        'many words fake:{"repeat":50,"gap_ms":20}', { stream: true }));
    for await (const chunk of run)
        if (chunk.choices[0].delta.content)
            break;
    const got = await client.chat.completions.create(ask('again'));
    assert.equal(got.choices[0].message.content, 'You said: again');
});

test('twenty clients at once each get their own answer', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) =>
        client.chat.completions.create(ask(`say: number ${i}`))));
    assert.deepEqual(all.map((one) => one.choices[0].message.content),
        all.map((_, i) => `number ${i}`));
});
