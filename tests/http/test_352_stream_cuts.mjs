// Streams cut anywhere, by the provider and by the network, masked as the whole is.
// SPDX-License-Identifier: Apache-2.0
//
// own-stream of the corpora where it is present, and a few of our own.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { corpora } from './corpora.mjs';
import { useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact * mask answer',
    'ChatGPTRedact * pseudonym request'] });

/** A way of cutting that is the same in every run. */
function dice(seed) {
    return (below) => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return Math.floor(seed / 65536) % below;
    };
}

function pieces(text, roll) {
    const points = [...text];
    const all = [];
    while (points.length)
        all.push(points.splice(0, 1 + roll(roll(3) ? 6 : 60)).join(''));
    return all;
}

const OWN = ['card 4111 1111 1111 1111, mail ann@example.com, call 13800138000',
    '身份证号11010519491231002X，手机 13800138000，邮箱ann@example.com。',
    'plain words, 3.14, 12:30, [1] and [[x]], \\_ & % 你好 😀'];

function texts() {
    const at = corpora() && path.join(corpora(), 'pii', 'own-stream.jsonl');
    const all = at && existsSync(at) ? readFileSync(at, 'utf8').split('\n')
        .filter(Boolean).map((line) => JSON.parse(line).text) : [];
    return [...OWN, ...all.filter((text) => text.length < 2000)];
}

test('every text is the same, wherever it is cut', async () => {
    const roll = dice(11);
    const many = texts();
    const seen = async (text) => {
        gw.script({ say: text });
        const want = (await gw.chat('x')).said;
        const plan = { chunks: pieces(text, roll),
            ...(roll(2) ? { split: 1 + roll(40) } : {}) };
        gw.script(plan);
        const got = await gw.stream('x');
        assert.equal(got.text, want, JSON.stringify(plan));
        assert.ok(got.done);
    };
    for (const text of many)
        await seen(text);
});

test('... and with values to put back between', async () => {
    const roll = dice(12);
    const ask = 'I am bob.b@example.org.';
    gw.script({ say: 'ok' });
    await gw.chat(ask);
    const [token] = /\[\[EMAIL_[a-z2-7]{5}\]\]/.exec(gw.lastBody);
    for (const text of texts().slice(0, 40)) {
        const at = roll(text.length + 1);
        const say = `${text.slice(0, at)} ${token} ${text.slice(at)}`
            .replaceAll(/[\ud800-\udbff] | [\udc00-\udfff]/g, ' ');
        gw.script({ say });
        const want = (await gw.chat(ask)).said;
        assert.ok(want.includes('bob.b@example.org'), want);
        gw.script({ chunks: pieces(say, roll) });
        assert.equal((await gw.stream(ask)).text, want, say);
    }
});

test('content parts in deltas are one running text', async () => {
    const delta = (text) => `data: ${JSON.stringify({ id: 'c', object:
        'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0,
        delta: { content: [{ type: 'text', text }] },
        finish_reason: null }] })}\n\n`;
    gw.script({ pieces: [delta('card 4111 11'), delta('11 1111 1'),
        delta('111 and on'), 'data: [DONE]\n\n'] });
    const got = await gw.stream('x');
    const text = got.chunks.flatMap((one) => one.choices)
        .flatMap((one) => one.delta.content ?? []).map((one) => one.text)
        .join('');
    assert.equal(text, 'card [CREDIT_CARD] and on');
});
