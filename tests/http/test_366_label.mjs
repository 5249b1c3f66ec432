// Answers say that a machine wrote them, to programs and in the reader's language.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { MODEL, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const EN = 'This content was made by a machine';
const ZH = '本内容由机器生成';
const folder = mkdtempSync(path.join(tmpdir(), 'cg-rules-'));
chmodSync(folder, 0o755);
writeFileSync(path.join(folder, 'land.rules'), `pack land
region land
label required
label-text zh "${ZH}"
label-text en "${EN}"
`);
after(() => rmSync(folder, { recursive: true }));

let client;
const gw = useGateway({ policy: ['ChatGPTRegion land', 'ChatGPTUnknownModel allow'],
    server: [`ChatGPTRulesFolder "${folder}"`,
        '<Location "/v1/completions">', 'ChatGPTLabel off', '</Location>'] },
({ key, api }) => {
    client = new OpenAI({ apiKey: key, baseURL: api, maxRetries: 0, timeout: 10000 });
});

const ask = (content, more = {}) => ({ model: MODEL,
    messages: [{ role: 'user', content }], ...more });
const WEATHER = [{ type: 'function', function: { name: 'weather',
    parameters: { type: 'object', properties: {} } } }];

async function streamed(body, options) {
    const { data, response } = await client.chat.completions
        .create({ ...body, stream: true }, options).withResponse();
    const chunks = [];
    for await (const chunk of data)
        chunks.push(chunk);
    const text = (index) => chunks.flatMap((one) => one.choices)
        .filter((one) => one.index === index)
        .map((one) => one.delta.content ?? '').join('');
    return { chunks, text, headers: response.headers };
}

for (const [language, question, words] of [['English', 'say: one two', EN],
    ['Chinese', '请回答 say: 一二三', ZH]]) {
    const said = question.slice(question.indexOf('say: ') + 5);

    test(`a whole chat ends with the label in ${language}`, async () => {
        const { data, response } = await client.chat.completions
            .create(ask(question, { n: 2 })).withResponse();
        assert.equal(response.headers.get('x-chatgpt-ai-generated'),
            '?1;region="land"');
        assert.deepEqual(data.ai_generated, { label: true, region: 'land',
            id: response.headers.get('x-request-id') });
        for (const choice of data.choices)
            assert.equal(choice.message.content, `${said}\n\n${words}`);
        assert.ok(data.usage.total_tokens > 0);
    });

    test(`a streamed chat ends with the label in ${language}`, async () => {
        const got = await streamed(ask(question, { n: 2,
            stream_options: { include_usage: true } }));
        assert.equal(got.headers.get('x-chatgpt-ai-generated'), '?1;region="land"');
        for (const index of [0, 1]) {
            assert.equal(got.text(index), `${said}\n\n${words}`);
            const mine = got.chunks.filter((one) => one.choices[0]?.index === index);
            const ended = mine.filter((one) => one.choices[0].finish_reason);
            assert.equal(ended.length, 1);
            assert.equal(mine.at(-1), ended[0], 'the label is no second end');
            assert.equal(ended[0].ai_generated.region, 'land');
        }
        assert.ok(got.chunks.at(-1).usage.total_tokens > 0);
        assert.equal(new Set(got.chunks.map((one) => one.id)).size, 1);
    });

    test(`a response, whole and streamed, carries it in ${language}`, async () => {
        const whole = await client.responses.create({ model: MODEL, input: question });
        assert.equal(whole.output_text, `${said}\n\n${words}`);
        assert.equal(whole.ai_generated.region, 'land');
        const run = client.responses.stream({ model: MODEL, input: question });
        let text = '';
        const numbers = [];
        run.on('response.output_text.delta', ({ delta }) => { text += delta; });
        run.on('event', (event) => numbers.push(event.sequence_number));
        const final = await run.finalResponse();
        assert.equal(text, `${said}\n\n${words}`);
        assert.equal(final.output_text, text);
        assert.equal(final.ai_generated.region, 'land');
        assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
        assert.equal(new Set(numbers).size, numbers.length);
    });
}

test('Accept-Language goes before the language of the question', async () => {
    const got = await client.chat.completions.create(ask('say: 一二三'),
        { headers: { 'accept-language': 'en-GB,zh;q=0.4' } });
    assert.equal(got.choices[0].message.content, `一二三\n\n${EN}`);
});

test('the helper of the client assembles the labelled message', async () => {
    const run = client.chat.completions.stream(ask('say: assembled'));
    const final = await run.finalChatCompletion();
    assert.equal(final.choices[0].message.content, `assembled\n\n${EN}`);
});

test('JSON that was asked for stays JSON', async () => {
    const format = { response_format: { type: 'json_object' } };
    const got = await client.chat.completions.create(ask('say: {"a":1}', format));
    assert.deepEqual(JSON.parse(got.choices[0].message.content), { a: 1 });
    assert.equal(got.ai_generated.region, 'land');
    const piece = await streamed(ask('say: {"a":1}', format));
    assert.deepEqual(JSON.parse(piece.text(0)), { a: 1 });
    assert.ok(piece.chunks.some((one) => one.ai_generated));
});

test('a tool call is no text', async () => {
    const call = ask('call:weather {"city":"Bern"}', { tools: WEATHER });
    const got = await client.chat.completions.create(call);
    assert.equal(got.choices[0].finish_reason, 'tool_calls');
    assert.ok(!JSON.stringify(got).includes(EN));
    assert.deepEqual(JSON.parse(got.choices[0].message.tool_calls[0].function.arguments),
        { city: 'Bern' });
    const final = await client.chat.completions.stream(call).finalChatCompletion();
    assert.deepEqual(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments),
        { city: 'Bern' });
    assert.ok(!JSON.stringify(final).includes(EN));
});

test('what is held at the end of a stream comes before the label', async () => {
    for (const chunk of [1, 3, 7]) {
        gw.script({ say: `my card is ${SAMPLES.CREDIT_CARD}`, chunk });
        const got = await streamed(ask('hello'));
        assert.equal(got.text(0), `my card is [CREDIT_CARD]\n\n${EN}`);
    }
});

test('errors carry no label', async () => {
    gw.script({ status: 400, body: { error: { message: 'no', type: 'x', code: 'y' } } });
    const got = await gw.chat('hello');
    assert.equal(got.status, 400);
    assert.equal(got.headers['x-chatgpt-ai-generated'], undefined);
    assert.ok(!got.text.includes('ai_generated'));
});

test('a place may leave it to its front end', async () => {
    const got = await client.completions.create({ model: 'gpt-3.5-turbo-instruct',
        prompt: 'say: bare' });
    assert.equal(got.choices[0].text, 'bare');
    assert.equal(got.ai_generated, undefined);
});

test('the record says that the answer was labelled', async () => {
    const got = await gw.chat('hello');
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.region, 'land');
    assert.equal(record.label, true);
    assert.ok(!record.answer.includes(EN), 'what the model said, no more');
});
