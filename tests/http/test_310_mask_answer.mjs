// What the provider says is masked too, also when a value comes in pieces.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact * mask'] });
const BEFORE = 'It is ';
const AFTER = ', as you asked.';

const whole = (value) => `${BEFORE}${value}${AFTER}`;
const clean = (text, value) => assert.ok(!bare(text).includes(bare(value)),
    `leaked in: ${text}`);

async function masked(value) {
    gw.script({ say: whole(value) });
    const got = await gw.chat('tell me');
    assert.equal(got.status, 200, got.text);
    clean(got.text, value);
    return got.said;
}

for (const [type, value] of Object.entries(SAMPLES)) {
    test(`${type}: masked in a whole answer`, async () => {
        const said = await masked(value);
        assert.ok(said.startsWith(`${BEFORE}[${type}`), said);
        assert.ok(said.endsWith(AFTER), said);
    });

    test(`${type}: masked when cut over any two chunks`, async () => {
        const want = await masked(value);
        const text = whole(value);
        const steps = Math.max(1, Math.floor(text.length / 40));
        for (let cut = 1; cut < text.length; cut += steps) {
            gw.script({ chunks: [text.slice(0, cut), text.slice(cut)] });
            const got = await gw.stream('tell me');
            clean(got.text, value);
            assert.equal(got.text, want, `cut at ${cut}`);
            assert.ok(got.done);
        }
    });
}

for (const size of [1, 2, 3, 5, 7])
    test(`masked when every delta has ${size} characters`, async () => {
        for (const value of [SAMPLES.CREDIT_CARD, SAMPLES.EMAIL_ADDRESS,
            SAMPLES.CN_RESIDENT_ID, SAMPLES.SECRET_GITHUB_TOKEN]) {
            const want = await masked(value);
            gw.script({ say: whole(value), chunk: size });
            const got = await gw.stream('tell me');
            assert.equal(got.text, want);
        }
    });

for (const size of [1, 7, 64, 1000])
    test(`masked when the network cuts every ${size} bytes`, async () => {
        const value = SAMPLES.CREDIT_CARD;
        const want = await masked(value);
        gw.script({ say: whole(value), chunk: 4, split: size });
        const got = await gw.stream('tell me');
        assert.equal(got.text, want);
        assert.ok(got.done);
    });

for (const newline of ['crlf', 'cr'])
    test(`masked with ${newline} line ends and comments between`,
        async () => {
            const value = SAMPLES.US_SSN;
            const want = await masked(value);
            gw.script({ say: whole(value), chunk: 3, newline,
                comments: true });
            const got = await gw.stream('tell me');
            assert.equal(got.text, want);
        });

test('a value at the very end of a stream is masked', async () => {
    for (const value of [SAMPLES.CREDIT_CARD, SAMPLES.US_SSN]) {
        gw.script({ say: `It is ${value}`, chunk: 2 });
        const got = await gw.stream('tell me');
        clean(got.text, value);
        assert.match(got.text, /^It is \[[A-Z_]+\]$/);
        assert.ok(got.done);
    }
});

test('two choices of a stream are held apart', async () => {
    gw.script({ say: whole(SAMPLES.US_SSN), chunk: 3 });
    const got = await gw.stream('tell me', { body: { n: 2 } });
    const texts = ['', ''];
    for (const chunk of got.chunks)
        for (const choice of chunk.choices)
            texts[choice.index] += choice.delta.content ?? '';
    assert.deepEqual(texts, [whole('[US_SSN]'), whole('[US_SSN]')]);
});

test('tool arguments of an answer are masked, whole and streamed',
    async () => {
        const tools = [{ type: 'function', function: { name: 'f' } }];
        const call = { name: 'f', arguments: JSON.stringify({ note:
            `card ${SAMPLES.CREDIT_CARD}`, n: 1 }) };
        gw.script({ call });
        const got = await gw.chat('x', { body: { tools } });
        const args = got.json.choices[0].message.tool_calls[0].function
            .arguments;
        clean(args, SAMPLES.CREDIT_CARD);
        assert.equal(JSON.parse(args).n, 1);
        gw.script({ call, chunk: 3 });
        const streamed = await gw.stream('x', { body: { tools } });
        const joined = streamed.chunks.flatMap((one) =>
            one.choices[0]?.delta.tool_calls ?? [])
            .map((one) => one.function.arguments ?? '').join('');
        clean(joined, SAMPLES.CREDIT_CARD);
        assert.equal(JSON.parse(joined).n, 1);
    });

test('a response is masked in its deltas, its parts and its end',
    async () => {
        const value = SAMPLES.EMAIL_ADDRESS;
        const body = { model: MODEL, input: 'x', messages: undefined };
        gw.script({ say: whole(value) });
        const got = await gw.call('/responses', { body });
        clean(got.text, value);
        gw.script({ say: whole(value), chunk: 4 });
        const streamed = await gw.stream('x', { at: '/responses', body });
        clean(streamed.raw, value);
        const deltas = streamed.events.map((one) => JSON.parse(one.data))
            .filter((one) => one.type === 'response.output_text.delta')
            .map((one) => one.delta).join('');
        assert.equal(deltas, whole('[EMAIL_ADDRESS]'));
        const last = JSON.parse(streamed.events.at(-1).data);
        assert.equal(last.type, 'response.completed');
        assert.equal(last.response.output[0].content[0].text, deltas);
    });

test('a completion is masked, whole and streamed', async () => {
    const value = SAMPLES.US_SSN;
    const body = { model: MODEL, prompt: 'x', messages: undefined };
    gw.script({ say: whole(value) });
    clean((await gw.call('/completions', { body })).text, value);
    gw.script({ say: whole(value), chunk: 3 });
    const got = await gw.stream('x', { at: '/completions', body });
    assert.equal(got.text, whole('[US_SSN]'));
});

test('logprobs do not repeat what was masked', async () => {
    const value = SAMPLES.US_SSN;
    const logprobs = { content: [{ token: value, logprob: -0.1, bytes:
        [...Buffer.from(value)], top_logprobs: [] }], refusal: null };
    gw.script({ body: { id: 'c', object: 'chat.completion', created: 1,
        model: MODEL, choices: [{ index: 0, logprobs, finish_reason: 'stop',
            message: { role: 'assistant', content: whole(value) } }],
        usage: { prompt_tokens: 1, completion_tokens: 1,
            total_tokens: 2 } } });
    const got = await gw.chat('x', { body: { logprobs: true } });
    clean(got.text, value);
    assert.ok(!got.text.includes([...Buffer.from(value)].join(',')));
});

test('harmless text passes unchanged, character for character', async () => {
    const text = 'Zürich 北京 😀 👨‍👩‍👧 می‌خواهم 12:30, 3.14, v1.2.3 \t"quoted" \\ /';
    for (const plan of [{ chunk: 1 }, { chunk: 2 }, { chunk: 1, split: 1 }]) {
        gw.script({ say: text, ...plan });
        assert.equal((await gw.stream('x')).text, text);
    }
    gw.script({ say: text });
    assert.equal((await gw.chat('x')).said, text);
});
