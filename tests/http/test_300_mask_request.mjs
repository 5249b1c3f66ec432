// What must not leave is masked on its way up; all else arrives byte for byte.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { EMBEDDER, MODEL, useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';

const words = path.join(tmpdir(), `cg-words-${process.pid}.txt`);
writeFileSync(words, '# projects\nProject Nightingale\n夜莺计划\n');
after(() => rmSync(words));

const gw = useGateway({ policy: ['ChatGPTRedact * mask'], server: [
    `ChatGPTWords "${words}"`,
    'ChatGPTPattern ticket "TICKET-[0-9]{6}"'] });

const SECRETS = { ...SAMPLES, KEYWORD: 'project nightingale',
    'KEYWORD in Chinese': '夜莺计划', CUSTOM: 'TICKET-123456' };
const SSN = SAMPLES.US_SSN;

/** The provider never saw these letters and digits, whatever stood between. */
function unseen(value) {
    const seen = bare(JSON.parse(JSON.stringify(gw.lastBody)));
    assert.ok(!seen.includes(bare(value)), gw.lastBody);
}

for (const [type, value] of Object.entries(SECRETS))
    test(`${type} is masked on its way to the provider`, async () => {
        const got = await gw.chat(`please note ${value} for later`);
        assert.equal(got.status, 200, got.text);
        unseen(value);
        assert.match(gw.lastBody, /please note .* for later/s);
        assert.ok(gw.lastBody.includes(`[${type.split(' ')[0]}`),
            gw.lastBody);
    });

const PLACES = {
    'a system message': { messages: [{ role: 'system', content: SSN },
        { role: 'user', content: 'x' }] },
    'an earlier turn': { messages: [{ role: 'user', content: SSN },
        { role: 'assistant', content: 'ok' },
        { role: 'user', content: 'go on' }] },
    'a text part': { messages: [{ role: 'user', content: [{ type: 'text',
        text: 'a' }, { type: 'text', text: `b ${SSN}` }] }] },
    'tool arguments': { messages: [{ role: 'user', content: 'x' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c1',
            type: 'function', function: { name: 'f', arguments:
                JSON.stringify({ ssn: SSN }) } }] },
        { role: 'tool', tool_call_id: 'c1', content: 'done' }] },
    'a tool result': { messages: [{ role: 'user', content: 'x' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c1',
            type: 'function', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c1', content: SSN }] },
    'a tool description': { messages: [{ role: 'user', content: 'x' }],
        tools: [{ type: 'function', function: { name: 'f',
            description: `for ${SSN}` } }] },
    'metadata': { messages: [{ role: 'user', content: 'x' }],
        metadata: { note: SSN } },
    'a member nobody knows': { messages: [{ role: 'user', content: 'x' }],
        zzz: [{ deep: { deeper: [SSN] } }] },
    'the member user': { messages: [{ role: 'user', content: 'x' }],
        user: `person ${SSN}` },
};
for (const [place, body] of Object.entries(PLACES))
    test(`a value in ${place} is masked`, async () => {
        const got = await gw.call('/chat/completions', { body: {
            model: MODEL, ...body } });
        assert.equal(got.status, 200, got.text);
        unseen(SSN);
        assert.doesNotThrow(() => JSON.parse(gw.lastBody));
    });

for (const [path_, body] of [['/completions', { prompt: `x ${SSN}` }],
    ['/completions', { prompt: ['a', `x ${SSN}`] }],
    ['/responses', { input: SSN }],
    ['/responses', { input: [{ role: 'user', content: [{
        type: 'input_text', text: SSN }] }] }],
    ['/responses', { input: 'x', instructions: `about ${SSN}` }],
    ['/embeddings', { model: EMBEDDER, input: [SSN, 'b'] }]])
    test(`${path_} masks ${Object.keys(body)} as well`, async () => {
        const got = await gw.call(path_, { body: { model: MODEL, ...body } });
        assert.equal(got.status, 200, got.text);
        unseen(SSN);
    });

test('what is not masked arrives byte for byte', async () => {
    const body = '{ "seed" : 9007199254740993 ,\n\t"temperature":1.0E+0,'
        + '"model":"gpt-4o-mini","max_tokens":50,"x":{"b":1,"a":-0.0},'
        + '"messages":[ {"content":"caf\\u00e9 \\/ 😀 \\ud83d\\ude00 tab\\t",'
        + '"role":"user"} ],"logit_bias":{"50256":-100}, "n":1 }';
    const got = await gw.call('/chat/completions', { body });
    assert.equal(got.status, 200, got.text);
    assert.equal(gw.lastBody, body);
});

test('around a masked value nothing else moves', async () => {
    const body = (value) => '{"model":"gpt-4o-mini" , "max_tokens":50,"seed":'
        + '9007199254740993,"messages":[{"role":"user","content":"A \\u00e9 '
        + `${value} \\ud83d\\ude00 B"}],"temperature":1.10}`;
    const [front, back] = body('§').split('§');
    for (const value of [SSN, '5\\u00336-22-8726', 'ada@ex\\u0061mple.org']) {
        const got = await gw.call('/chat/completions', { body: body(value) });
        assert.equal(got.status, 200, got.text);
        const seen = gw.lastBody;
        assert.ok(seen.startsWith(front) && seen.endsWith(back), seen);
        assert.match(seen.slice(front.length, -back.length), /^\[[A-Z_]+\]$/);
    }
});

test('the length the provider is told is the length it gets', async () => {
    for (const size of [0, 100, 8000, 70000, 1000000]) {
        const got = await gw.chat(`${'word '.repeat(size / 5)} ${SSN}`);
        assert.equal(got.status, 200, got.text.slice(0, 200));
        assert.equal(Number(gw.lastHeaders['content-length']),
            gw.reached.at(-1).body.length);
        unseen(SSN);
    }
});

test('a thousand values in one request are all masked', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) =>
        `user${i}@example${i}.org`);
    const got = await gw.chat(lines.join('\n'));
    assert.equal(got.status, 200);
    assert.ok(!/user\d+@/.test(gw.lastBody));
});

test('the record tells type and count, and its text is masked', async () => {
    const got = await gw.chat(`two cards ${SAMPLES.CREDIT_CARD} and `
        + `5500 0055 5555 5559 and ${SSN}`);
    const record = await gw.record(got.headers['x-request-id']);
    const text = JSON.stringify(record);
    for (const value of [SAMPLES.CREDIT_CARD, '5500 0055 5555 5559', SSN])
        assert.ok(!bare(text).includes(bare(value)), text);
    const count = (type) => record.findings.find((one) =>
        one.type === type && one.direction === 'request').count;
    assert.equal(count('CREDIT_CARD'), 2);
    assert.equal(count('US_SSN'), 1);
    assert.match(record.prompt, /two cards \[CREDIT_CARD\]/);
});

test('no value reaches the error log or the metrics', async () => {
    for (const value of Object.values(SAMPLES))
        await gw.chat(`x ${value} y`);
    const shown = gw.log() + await gw.metrics();
    for (const value of Object.values(SAMPLES))
        assert.ok(!shown.includes(value.split('\n')[0]), value);
});

test('masked on the way up and echoed: the caller reads the mask', async () => {
    const got = await gw.chat(`my number is ${SSN}`);
    assert.equal(got.said, 'You said: my number is [US_SSN]');
});
