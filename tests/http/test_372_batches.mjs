// Files of JSON lines and batches: each line is looked through, and must be what it should be.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { toFile } from 'openai';

import { post, reachedForm } from './forms.mjs';
import { MODEL, useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';

let client;
const gw = useGateway({ policy: ['ChatGPTBodyLimit 64K',
    'ChatGPTUploadLimit 4M'] }, ({ key, api }) => {
    client = new OpenAI({ apiKey: key, baseURL: api, maxRetries: 0,
        timeout: 10000 });
});
gw.expectLog('CG2005');
const CARD = SAMPLES.CREDIT_CARD;
const line = (i, more = {}) => ({ custom_id: `request-${i}`, method: 'POST',
    url: '/v1/chat/completions', body: { model: MODEL, messages: [{
        role: 'user', content: `number ${i}` }] }, ...more });
const said = (text) => ({ body: { model: MODEL, messages: [{ role: 'user',
    content: text }] } });
const jsonl = (lines, end = '\n') => lines.map((one) =>
    typeof one === 'string' ? one : JSON.stringify(one)).join(end) + end;

/** The parts in the order that the client sends them: the file first. */
const upload = (text, purpose = 'batch', { last = true } = {}) => {
    const file = { name: 'file', filename: 'lines.jsonl', data: text };
    const field = { name: 'purpose', data: purpose };
    return post(gw, '/files', last ? [file, field] : [field, file]);
};

test('a batch goes its whole way, masked line by line, its answers come back as they are', async () => {
    const lines = [line(1), line(2, said(`card ${CARD}`)),
        line(3, { body: { model: MODEL, messages: [{ role: 'user', content: [
            { type: 'text', text: `ssn ${SAMPLES.US_SSN} \u00e9` }] }],
        temperature: 0.5 } })];
    const file = await client.files.create({ purpose: 'batch', file:
        await toFile(Buffer.from(jsonl(lines)), 'lines.jsonl') });
    const sent = reachedForm(gw).file.data.toString().trimEnd().split('\n')
        .map((one) => JSON.parse(one));
    assert.deepEqual(sent[0], lines[0]);
    assert.equal(sent[1].body.messages[0].content, 'card [CREDIT_CARD]');
    assert.equal(sent[2].body.messages[0].content[0].text, 'ssn [US_SSN] é');
    const batch = await client.batches.create({ input_file_id: file.id,
        endpoint: '/v1/chat/completions', completion_window: '24h',
        metadata: { about: `mail ${SAMPLES.EMAIL_ADDRESS}` } });
    assert.equal(batch.metadata.about, 'mail [EMAIL_ADDRESS]');
    assert.equal((await client.batches.retrieve(batch.id)).status, 'completed');
    const raw = gw.provider.state.store.files.get(batch.output_file_id).data;
    const got = await (await client.files.content(batch.output_file_id)).text();
    assert.equal(got, raw.toString());
    assert.equal(got.trim().split('\n').length, 3);
    const all = [];
    for await (const one of client.batches.list())
        all.push(one.id);
    assert.ok(all.includes(batch.id));
    assert.equal((await client.batches.cancel(batch.id)).status, 'cancelling');
});

test('what comes back in lines is masked in each', async () => {
    const store = gw.provider.state.store.files;
    store.set('file-raw', { id: 'file-raw', data: Buffer.from(jsonl([
        { id: '1', response: { body: { choices: [{ message: { content:
            `the card is ${CARD}` } }] } } }, { n: 2 }])) });
    const got = await (await client.files.content('file-raw')).text();
    assert.equal(JSON.parse(got.split('\n')[0]).response.body.choices[0]
        .message.content, 'the card is [CREDIT_CARD]');
    assert.equal(got.split('\n')[1], '{"n":2}');
});

for (const last of [true, false])
    test(`a line that is none is named, purpose ${last ? 'behind' : 'before'} the file`, async () => {
        gw.forget();
        const bad = [
            [[line(1), line(2), '{"custom_id": "3", '], 3],
            [[line(1), '[1, 2]'], 2], [['not json'], 1], [['"text"'], 1],
            [[line(1), '{"a": 1, "a": 2}'], 2], [[line(1), '', 'x'], 3],
            [[line(1), line(2, { custom_id: undefined })], 2],
            [[line(1), line(2, { method: 'GET' })], 2],
            [[line(1), line(2, { url: '/v1/files' })], 2],
            [[line(1), line(2, { url: 'https://evil.example/v1/chat/completions'
            })], 2],
            [[line(1), line(2, { body: 'text' })], 2],
            [[line(1), line(2, { body: { messages: [] } })], 2]];
        for (const [lines, number] of bad) {
            const got = await upload(jsonl(lines), 'batch', { last });
            assert.equal(got.status, 400, `${lines.at(-1)}: ${got.text}`);
            assert.equal(got.error.code, 'invalid_jsonl', got.text);
            assert.match(got.error.message, new RegExp(`^Line ${number} of`));
            assert.equal(got.error.param, 'file');
        }
        const binary = await upload(Buffer.from([0, 1, 2, 3]), 'batch', { last });
        assert.equal(binary.error.code, 'invalid_jsonl');
        assert.equal(gw.reached.length, 0);
    });

test("a line's model is asked of the caller's lists", async () => {
    gw.forget();
    const got = await upload(jsonl([line(1), line(2, { body: {
        model: 'no-such-model', messages: [] } })]));
    assert.equal(got.status, 404, got.text);
    assert.equal(got.error.code, 'model_not_found');
    assert.match(got.error.message, /^Line 2 of/);
    assert.equal(gw.reached.length, 0);
});

test('fine-tuning takes any objects, other purposes take any text', async () => {
    const train = { messages: [{ role: 'user', content: `mail ${
        SAMPLES.EMAIL_ADDRESS}` }, { role: 'assistant', content: 'ok' }] };
    assert.equal((await upload(jsonl([train, train]), 'fine-tune')).status, 200);
    const sent = reachedForm(gw).file.data.toString();
    assert.equal(sent.split('[EMAIL_ADDRESS]').length, 3);
    assert.equal((await upload(jsonl([train, 'x']), 'fine-tune')).error.code,
        'invalid_jsonl');
    assert.equal((await upload(jsonl([train, `x ${CARD}`]), 'user_data')).status,
        200);
    assert.ok(reachedForm(gw).file.data.toString().endsWith('x [CREDIT_CARD]\n'));
});

test('a value split by a line end in what are no lines is still found', async () => {
    const body = `${JSON.stringify({ a: 1 })}\n${SAMPLES.SECRET_PRIVATE_KEY}\n`;
    assert.equal((await upload(body, 'user_data')).status, 200);
    const sent = reachedForm(gw).file.data.toString();
    assert.ok(!bare(sent).includes('MIIEowIBAAKCAQEA7vq9'), sent);
    assert.ok(sent.startsWith('{"a":1}\n'));
});

test('ends of lines, blank lines and the mark of UTF-8 stay as they are', async () => {
    for (const text of [jsonl([line(1), line(2)], '\r\n'),
        jsonl([line(1), line(2)]).trimEnd(), `${jsonl([line(1)])}\n\n`,
        `\ufeff${jsonl([line(1), line(2)])}`]) {
        assert.equal((await upload(text)).status, 200);
        assert.equal(reachedForm(gw).file.data.toString(), text);
    }
});

test('numbers, names and escapes of a line are looked at', async () => {
    const text = '{"card":4111111111111111,"a":"\\u0034111 1111 1111 1111",'
        + '"n":{"536-22-8726":true},"id":"110101199003070492"}\n';
    await upload(text, 'user_data');
    const sent = reachedForm(gw).file.data.toString();
    assert.ok(!/4111|536-22|110101/.test(sent), sent);
    JSON.parse(sent);
});

test('a line longer than a body may be is refused', async () => {
    gw.forget();
    const got = await upload(jsonl([line(1), line(2, said('a '.repeat(40000)))]));
    assert.equal(got.status, 413, got.text);
    assert.equal(gw.reached.length, 0);
});

test('an upload larger than may be is refused before it is read', async () => {
    gw.forget();
    const got = await upload('a '.repeat(2 << 20), 'user_data');
    assert.equal(got.status, 413, got.text);
    assert.equal(gw.reached.length, 0);
});

test('a batch of what no batch may ask for is refused; so is any under a budget', async () => {
    for (const endpoint of ['/v1/files', '/v1/audio/speech', 'x', 7])
        assert.equal((await gw.call('/batches', { body: { input_file_id: 'f',
            endpoint, completion_window: '24h' } })).error.param, 'endpoint');
    const { key } = await gw.newKey({ budget: '5USD/month' });
    const got = await gw.call('/batches', { key, body: { input_file_id: 'f',
        endpoint: '/v1/chat/completions', completion_window: '24h' } });
    assert.equal(got.status, 403, got.text);
    assert.equal(got.error.code, 'model_not_priced');
});
