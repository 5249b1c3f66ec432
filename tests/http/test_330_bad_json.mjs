// Bodies that are no good: the right refusal, and nothing forwarded.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bodyOf, cases } from './corpora.mjs';
import { MODEL, useGateway } from './harness.mjs';
import { bare } from './samples.mjs';

// CG3009: text that hides behind invisible characters by the thousand.
const gw = useGateway({ policy: ['ChatGPTRedact * mask'] }, () =>
    gw.expectLog('CG3009'));
const CARD = '4111111111111111';

function isRefusal(got, status) {
    assert.ok(got.error, got.text.slice(0, 200));
    assert.match(got.headers['content-type'], /^application\/json/);
    if (status)
        assert.equal(got.status, status, got.text);
    assert.equal(gw.reached.length, 0, 'something was forwarded');
}

const good = `"max_tokens":9,"model":"${MODEL}","messages":[{"role":"user","content":"x"}]`;
const OWN = {
    'no JSON': 'hello',
    'half a document': `{${good}`,
    'two documents': `{${good}}{${good}}`,
    'an array': `[{${good}}]`,
    'a string': '"x"',
    'duplicate members': `{${good},"model":"gpt-5"}`,
    'duplicate members, one escaped': `{${good},"mod\\u0065l":"gpt-5"}`,
    'duplicate members deep inside': `{${good},"x":{"y":[{"a":1,"a":2}]}}`,
    'a lone surrogate': `{${good},"x":"\\ud800"}`,
    'an escaped NUL': `{${good},"x":"a\\u0000b"}`,
    'a raw NUL': `{${good},"x":"a\0b"}`,
    'a raw line feed in a string': `{${good},"x":"a\nb"}`,
    'an unknown escape': `{${good},"x":"\\x41"}`,
    'a trailing comma': `{${good},}`,
    'single quotes': `{'model':'${MODEL}'}`,
    'NaN': `{${good},"temperature":NaN}`,
    '100,000 brackets': `{${good},"x":${'['.repeat(100000)}`,
    '100,000 nested objects': `{${good},"x":${'{"a":'.repeat(100000)}1${
        '}'.repeat(100000)}}`,
};
for (const [what, body] of Object.entries(OWN))
    test(`${what}: 400 invalid_json, nothing forwarded`, async () => {
        gw.forget();
        const got = await gw.call('/chat/completions', { body });
        isRefusal(got, 400);
        assert.equal(got.error.code, 'invalid_json');
    });

for (const bytes of [[0xff], [0xc0, 0xaf], [0xe2, 0x82], [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80]])
    test(`bytes ${bytes.map((one) => one.toString(16))} are no UTF-8: 400`,
        async () => {
            gw.forget();
            const got = await gw.call('/chat/completions', { body:
                Buffer.concat([Buffer.from(`{${good},"x":"`),
                    Buffer.from(bytes), Buffer.from('"}')]) });
            isRefusal(got, 400);
        });

async function sendCase(one) {
    gw.forget();
    const headers = Object.fromEntries(one.headers ?? []);
    return gw.call('/chat/completions', { headers, body: bodyOf(one) });
}

const MATCH = { '2xx': (s) => s >= 200 && s < 300,
    '4xx': (s) => s >= 400 && s < 500, 413: (s) => s === 413,
    any: (s) => s < 500 || [502, 503, 504].includes(s) };

for (const one of cases('chat-bodies.jsonl'))
    test(`chat-bodies ${one.id}: ${one.expect}`, async () => {
        const got = await sendCase(one);
        assert.ok(MATCH[one.expect](got.status),
            `${got.status} ${got.text.slice(0, 200)}`);
        if (got.status >= 400 && one.expect !== 'any')
            assert.ok(got.error, got.text.slice(0, 200));
        if (one.expect === '4xx' && one.level === 'must')
            assert.equal(gw.reached.length, 0, 'forwarded');
        if (gw.reached.length && bare(one.body ?? '').includes(CARD))
            assert.ok(!bare(gw.lastBody).includes(CARD), gw.lastBody);
    });

for (const one of cases('json-parsing.jsonl'))
    test(`json-parsing ${one.id}: ${one.expect}`, async () => {
        gw.forget();
        const value = bodyOf(one);
        const body = Buffer.concat([Buffer.from(`{${good},"x":`), value,
            Buffer.from('}')]);
        const got = await gw.call('/chat/completions', { body });
        assert.ok(got.status < 500, `${got.status} ${got.text}`);
        if (one.expect === 'reject' && wrapped(one))
            isRefusal(got, 400);
        if (one.expect === 'accept' && !refusedByDesign(value))
            assert.equal(got.status, 200, got.text);
        if (got.status === 200)
            assert.equal(Buffer.compare(gw.reached.at(-1).body, body), 0,
                'changed on its way');
    });

/** A few documents are only wrong as a whole: inside a member they are not. */
function wrapped(one) {
    const text = bodyOf(one).toString('latin1');
    try {
        JSON.parse(`{"x":${text}}`);
        return false;
    } catch {
        return true;
    }
}

/** RELIABILITY.md §2: U+0000 and repeated names are refused on purpose. */
function refusedByDesign(value) {
    const text = value.toString('utf8');
    return /\\u0000/.test(text) || /"a":.*"a":/s.test(text)
        || text.split('[').length > 60;
}

for (const one of cases('unicode-strings.jsonl'))
    test(`unicode-strings ${one.id} passes, or is refused by its shape`,
        async () => {
            gw.forget();
            const body = `{"model":"${MODEL}","messages":[{"role":"user",`
                + `"content":${one.text_json}}],"max_tokens":9}`;
            const got = await gw.call('/chat/completions', { body });
            assert.ok([200, 400].includes(got.status), got.text);
            if (got.status === 200)
                JSON.parse(gw.lastBody);
            else
                isRefusal(got, 400);
        });

test('after all that the children are the same ones', async () => {
    assert.ok(!/AH00051|AH00052|exit signal/.test(gw.log()),
        'a child has died');
    assert.equal((await gw.chat('alive?')).status, 200);
});
