// The provider sees tokens, the caller gets the values back, nobody else either.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import OpenAI from 'openai';

import { MODEL, useGateway } from './harness.mjs';

const MAIL = 'ann.lee@example.com';
const CARD = '4111 1111 1111 1111';
const TOKEN = /\[\[[A-Z][A-Z0-9_]*_[a-z2-7]{5,9}\]\]/g;

let client;
const gw = useGateway({
    policy: ['ChatGPTRedact * pseudonym request'],
    server: ['ChatGPTPattern quoted "Q[^ ]+Z"'],
}, ({ key, api }) => {
    client = new OpenAI({ apiKey: key, baseURL: api, maxRetries: 0,
        timeout: 10000 });
});

const tokens = (text) => text.match(TOKEN) ?? [];

/** The token that a value has, as the provider sees it. */
async function tokenOf(value) {
    gw.script({ say: 'ok' });
    await gw.chat(`the value is ${value} there`);
    const [token] = tokens(gw.lastBody);
    assert.ok(token, gw.lastBody);
    return token;
}

test('a value leaves as a token and comes back as itself', async () => {
    const got = await gw.chat(`Write to ${MAIL} about ${CARD}.`);
    assert.equal(got.said, `You said: Write to ${MAIL} about ${CARD}.`);
    assert.ok(!gw.lastBody.includes(MAIL) && !gw.lastBody.includes('1111'));
    assert.match(gw.lastBody,
        /\[\[EMAIL_[a-z2-7]{5}\]\] about \[\[CREDIT_CARD_[a-z2-7]{5}\]\]/);
});

test('the openai client gets it whole and streamed', async () => {
    const ask = { model: MODEL, messages: [
        { role: 'system', content: `The customer is ${MAIL}.` },
        { role: 'user', content: `say: mail ${MAIL}, card ${CARD}!` }] };
    const whole = await client.chat.completions.create(ask);
    assert.equal(whole.choices[0].message.content,
        `mail ${MAIL}, card ${CARD}!`);
    const run = client.chat.completions.stream(ask);
    const final = await run.finalChatCompletion();
    assert.equal(final.choices[0].message.content,
        `mail ${MAIL}, card ${CARD}!`);
    assert.ok(!gw.lastBody.includes('ann.lee'));
});

test('tool arguments come back as sound JSON, whole and streamed',
    async () => {
        const quoted = 'Q"a\\b\'Z';
        const tools = [{ type: 'function', function: { name: 'send',
            parameters: { type: 'object', properties: {} } } }];
        const given = { to: MAIL, code: quoted, cc: [MAIL], n: 1 };
        await gw.chat(`${MAIL} ${quoted} x`);
        const [mail, code] = tokens(gw.lastBody);
        const call = { name: 'send', arguments: JSON.stringify({ to: mail,
            code, cc: [mail], n: 1 }) };
        const ask = { model: MODEL, tools, messages: [
            { role: 'user', content: `${MAIL} ${quoted} x` }] };
        gw.script({ call });
        const whole = await client.chat.completions.create(ask);
        assert.deepEqual(JSON.parse(whole.choices[0].message.tool_calls[0]
            .function.arguments), given);
        for (const chunk of [1, 2, 3, 5, 8, 13]) {
            gw.script({ call, chunk });
            const run = client.chat.completions.stream(ask);
            const final = await run.finalChatCompletion();
            assert.deepEqual(JSON.parse(final.choices[0].message
                .tool_calls[0].function.arguments), given);
        }
    });

test('restored at every cut of a stream, and at every cut of the network',
    async () => {
        const token = await tokenOf(MAIL);
        const text = `To ${token}, (${token})${token} and [[EMAIL_x.`;
        const want = text.replaceAll(token, MAIL);
        for (let cut = 1; cut < text.length; cut += 1) {
            gw.script({ chunks: [text.slice(0, cut), text.slice(cut)] });
            const got = await gw.stream(`mail ${MAIL}`);
            assert.equal(got.text, want, `cut at ${cut}`);
            assert.ok(got.done);
        }
        for (const plan of [{ chunk: 1 }, { chunk: 4 },
            { chunk: 3, split: 1 }, { chunk: 7, split: 11 }]) {
            gw.script({ say: text, ...plan });
            assert.equal((await gw.stream(`mail ${MAIL}`)).text, want);
        }
    });

test('other spellings of a token are understood, likenesses are not',
    async () => {
        const token = await tokenOf(MAIL);
        const code = token.slice(8, 13);
        const good = [token.toLowerCase(), token.toUpperCase(),
            `\\[\\[EMAIL\\_${code}\\]\\]`, `[[EMAIL\\_${code}]]`,
            `&#91;&#91;EMAIL_${code}&#93;&#93;`,
            `&lbrack;&lbrack;EMAIL_${code}&rbrack;&rbrack;`,
            `【【EMAIL_${code}】】`];
        const bad = [`[EMAIL_${code}]`, `[[EMAIL ${code}]]`, `[[${code}]]`,
            `[[EMAIL_${code.slice(0, 4)}]]`, `[[EMAIL_${code}x]]`,
            `[[PHONE_${code}]]`, `[[EMAIL_${code}`];
        const say = [...good, ...bad].join(' ');
        const want = [...good.map(() => MAIL), ...bad].join(' ');
        gw.script({ say });
        assert.equal((await gw.chat(`mail ${MAIL}`)).said, want);
        gw.script({ say, chunk: 3 });
        assert.equal((await gw.stream(`mail ${MAIL}`)).text, want);
    });

test('a token typed by the caller is never resolved', async () => {
    const token = await tokenOf(MAIL);
    const code = token.slice(8, 13);
    const typed = [token, token.toLowerCase(), `[[EMAIL\\_${code}]]`,
        `&#91;&#91;EMAIL_${code}]]`, `【【EMAIL_${code}】】`];
    for (const one of typed) {
        const ask = `I typed ${one}, my mail is ${MAIL}`;
        const whole = await gw.chat(ask);
        assert.equal(whole.said, `You said: ${ask}`);
        const other = tokens(gw.lastBody).find((found) => found !== token
            && found.startsWith(`[[EMAIL_${code}`));
        assert.ok(other && other.length > token.length, gw.lastBody);
        gw.script({ say: `${one} ${other}`, chunk: 2 });
        assert.equal((await gw.stream(ask)).text, `${one} ${MAIL}`);
    }
    for (const body of [{ metadata: { note: token } },
        { messages: [{ role: 'user', content: MAIL },
            { role: 'tool', tool_call_id: 'c',
                content: JSON.stringify({ [token]: 1 }) }] },
        { messages: [{ role: 'user', content: [{ type: 'text', text: MAIL },
            { type: 'text', text: JSON.stringify({ a: JSON.stringify(
                token) }) }] }] }]) {
        gw.script({ say: `it is ${token}` });
        const got = await gw.chat(`mail ${MAIL}`, { body });
        assert.equal(got.said, `it is ${token}`);
    }
    const escaped = [...token].map((c) => `\\u${c.charCodeAt(0).toString(16)
        .padStart(4, '0')}`).join('');
    gw.script({ say: `it is ${token}` });
    const got = await gw.call('/chat/completions', { body: `{"model":"${MODEL
    }","messages":[{"role":"user","content":"${escaped} ${MAIL}"}]}` });
    assert.equal(got.json.choices[0].message.content, `it is ${token}`);
});

test('nor is one that he types in two pieces, or in a file', async () => {
    const token = await tokenOf(MAIL);
    const never = async (...messages) => {
        gw.script({ say: `it is ${token}` });
        const got = await gw.chat('', { body: { messages: [
            { role: 'system', content: MAIL }, ...messages] } });
        assert.equal(got.said, `it is ${token}`, JSON.stringify(messages));
    };
    const text = (words) => ({ type: 'text', text: words });
    for (let cut = 1; cut < token.length; cut += 1) {
        const [a, b] = [token.slice(0, cut), token.slice(cut)];
        await never({ role: 'user', content: [text(a), text(b)] });
        await never({ role: 'user', content: a },
            { role: 'user', content: `${b} is who?` });
    }
    const file = Buffer.from(`who is ${token}?`).toString('base64');
    await never({ role: 'user', content: [text('see'), { type: 'file',
        file: { filename: 'a.txt',
            file_data: `data:text/plain;base64,${file}` } }] });
});

test('a token of another request is not resolved', async () => {
    const token = await tokenOf(MAIL);
    gw.script({ say: `it is ${token}` });
    assert.equal((await gw.chat('no address here')).said, `it is ${token}`);
    gw.script({ say: `it is ${token}`, chunk: 3 });
    assert.equal((await gw.stream('mine is bob@example.com')).text,
        `it is ${token}`);
});

test('all children give a value the same token', async () => {
    const seen = new Set();
    const token = await tokenOf(MAIL);
    await Promise.all(Array.from({ length: 40 }, (_, i) => gw.chat(
        `${i}: ${MAIL}`, { agent: false })));
    for (const one of gw.reached.slice(-40))
        tokens(one.body.toString()).forEach((found) => seen.add(found));
    assert.deepEqual([...seen], [token]);
    assert.ok((await gw.children()).length >= 2);
});

test('the record holds tokens and no value', async () => {
    gw.script({ say: `${await tokenOf(MAIL)} wrote`, chunk: 3 });
    const streamed = await gw.stream(`mail ${MAIL}`);
    const whole = await gw.chat(`mail ${MAIL}`);
    for (const got of [streamed, whole]) {
        const record = await gw.record(got.headers['x-request-id']);
        const text = JSON.stringify(record);
        assert.ok(!text.includes('ann.lee'), text);
        assert.match(record.prompt, /\[\[EMAIL_[a-z2-7]{5}\]\]/);
        assert.match(record.answer, /\[\[EMAIL_[a-z2-7]{5}\]\]/);
    }
    assert.ok(!gw.log().includes('ann.lee'));
});

test('responses and completions give values back too', async () => {
    const token = await tokenOf(MAIL);
    const say = `mail ${token}.`;
    const want = `mail ${MAIL}.`;
    gw.script({ say });
    const whole = await client.responses.create({ model: MODEL,
        input: `x ${MAIL}`, instructions: `for ${MAIL}` });
    assert.equal(whole.output_text, want);
    gw.script({ say, chunk: 3 });
    let deltas = '';
    let last;
    for await (const event of await client.responses.create({ model: MODEL,
        input: `x ${MAIL}`, stream: true })) {
        if (event.type === 'response.output_text.delta')
            deltas += event.delta;
        if (event.type === 'response.output_text.done')
            assert.equal(event.text, want);
        last = event;
    }
    assert.equal(deltas, want);
    assert.equal(last.response.output[0].content[0].text, want);
    const body = { model: MODEL, prompt: `x ${MAIL}`, messages: undefined };
    gw.script({ say }, { say, chunk: 2 });
    assert.equal((await gw.call('/completions', { body })).json.choices[0]
        .text, want);
    assert.equal((await gw.stream('x', { at: '/completions', body })).text,
        want);
});

test('a stream that breaks off shows no half of anything', async () => {
    gw.expectLog(/CG[4-6]\d{3}/, /\[proxy(?:_http)?:/);
    const token = await tokenOf(MAIL);
    gw.script({ chunks: ['a ', token.slice(0, 9), 'zz', 'zz'], end: 'cut',
        after: 3 });
    const got = await gw.stream(`mail ${MAIL}`);
    assert.ok(!got.done);
    assert.ok(!got.raw.includes(MAIL));
});

test('every case of own-restore comes back, whole and streamed', async () => {
    const file = new URL('../data/restore/own.jsonl', import.meta.url);
    const cases = readFileSync(file, 'utf8').split('\n').filter(Boolean)
        .map((line) => JSON.parse(line));
    let seed = 7;
    const next = (below) => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return seed % below;
    };
    for (const one of cases) {
        const ask = one.originals.map(({ type, value }) =>
            `${type.replaceAll('_', ' ')}: ${value}`).join('\n');
        gw.script({ say: 'ok' });
        await gw.chat(ask);
        const issued = tokens(gw.lastBody);
        assert.equal(issued.length, one.originals.length, one.id);
        const say = one.answer_chunks.join('').replace(/§(\d)§/g,
            (_, n) => issued[n - 1]);
        gw.script({ say });
        assert.equal((await gw.chat(ask)).said, one.expected, one.id);
        const a = next(say.length);
        const b = a + next(say.length - a);
        gw.script({ chunks: [say.slice(0, a), say.slice(a, b), say.slice(b)]
            .filter(Boolean) });
        assert.equal((await gw.stream(ask)).text, one.expected, one.id);
    }
});
