// Streams: events pass as they come, a break is never dressed up as an end.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cases } from './corpora.mjs';
import { useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact * mask',
    'ChatGPTIdleTimeout 1500ms', 'ChatGPTFirstByteTimeout 2s'] }, () => {
    gw.expectLog(/CG[4-6]\d{3}/, /\[proxy(?:_http)?:/);
});

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

test('each event is passed on when it is there', async () => {
    const words = Array.from({ length: 12 }, (_, i) => `word${i}. `);
    gw.script({ chunks: words, gap_ms: 120 });
    const got = await gw.stream('x');
    assert.equal(got.text, words.join(''));
    const at = got.events.map((one) => one.at);
    const gaps = at.slice(1).map((one, i) => one - at[i]);
    assert.ok(median(gaps) > 90 && median(gaps) < 160,
        gaps.map(Math.round).join());
    assert.ok(at.at(-1) - at[0] > 120 * 11);
});

test('Chinese text is not held back', async () => {
    const words = Array.from({ length: 10 }, () => '你好世界');
    gw.script({ chunks: words, gap_ms: 100 });
    const shown = [];
    await gw.stream('x', { onEvent: (one) => {
        const delta = one.data?.includes('你好');
        if (delta)
            shown.push(performance.now());
    } });
    assert.ok(shown.length >= 9, `${shown.length} deltas with text`);
    assert.ok(shown.at(-1) - shown[0] > 700);
});

test('the head arrives with the first event, not with the last', async () => {
    gw.script({ say: 'one two three four', gap_ms: 150 });
    const got = await gw.stream('x');
    assert.match(got.headers['content-type'], /^text\/event-stream/);
    assert.ok(got.headAt < 400, `${got.headAt} ms`);
    assert.equal(got.headers['content-length'], undefined);
});

test('comments keep a quiet stream alive', async () => {
    gw.script({ say: 'still here', comments: true, gap_ms: 50 });
    const got = await gw.stream('x');
    assert.equal(got.text, 'still here');
});

for (const [what, plan] of Object.entries({
    'cut inside a chunk': { end: 'cut', after: 3 },
    'closed without an end': { end: 'close', after: 3 },
    'reset': { end: 'reset', after: 3 },
    'silent for too long': { end: 'hang', after: 3 } }))
    test(`a stream ${what} after its first words is broken, not ended`,
        async () => {
            gw.forget();
            gw.script({ say: 'a b c d e f g h', gap_ms: 20, ...plan });
            const got = await gw.stream('x');
            assert.equal(got.status, 200);
            assert.ok(!got.done, 'a [DONE] was made up');
            assert.match(got.text, /^a/);
            assert.ok(got.errors.length === 1 || !got.whole, got.raw);
            if (got.errors.length)
                assert.equal(typeof got.errors[0].message, 'string');
            assert.equal(gw.reached.length, 1, 'asked again after output');
        });

test('an error event after output is passed on and ends the stream',
    async () => {
        gw.forget();
        gw.script({ say: 'a b c d e f', error_after: 3, gap_ms: 20 });
        const got = await gw.stream('x');
        assert.equal(got.errors.length, 1);
        assert.ok(!got.done);
        assert.equal(gw.reached.length, 1);
    });

test('an event of one megabyte passes', async () => {
    const long = 'lorem ipsum '.repeat(90000);
    gw.script({ chunks: ['a ', long, ' b'] });
    const got = await gw.stream('x');
    assert.equal(got.text.length, long.length + 4);
    assert.ok(got.done);
});

test('ten thousand events pass in order', async () => {
    const chunks = Array.from({ length: 10000 }, (_, i) => `word${i} `);
    gw.script({ chunks });
    const got = await gw.stream('x');
    assert.equal(got.text, chunks.join(''));
});

test('thirty streams at once each get their own words', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) =>
        gw.stream(`fake:${JSON.stringify({ say: `stream ${i} `.repeat(20),
            gap_ms: 5 })}`)));
    all.forEach((one, i) => {
        assert.equal(one.text, `stream ${i} `.repeat(20));
        assert.ok(one.done && one.whole);
    });
});

test('a caller that asked for gzip still gets every event', async () => {
    gw.script({ say: 'one two three' });
    const got = await gw.stream('x', { headers: {
        'accept-encoding': 'gzip, br' } });
    assert.equal(got.text, 'one two three');
    assert.equal(gw.lastHeaders['accept-encoding'] ?? 'identity',
        'identity');
});

// — playing back a broken provider —

const EXPECT = {
    text: (got, want) => assert.equal(got.text, want),
    cut: (got) => assert.ok(!got.whole || got.status >= 500
        || got.errors.length, 'a cut answer was passed on as whole'),
    status: (got, list) => assert.ok(list.split(',').map(Number)
        .includes(got.status), String(got.status)),
    strip: (got, name) => assert.equal(got.headers[name], undefined),
    'no-follow': (got) => assert.ok(!got.headers.location),
    any: () => {},
};

for (const one of cases('upstream-streams.jsonl'))
    test(`upstream-streams ${one.id}: ${one.expect.slice(0, 40)}`,
        async () => {
            gw.forget();
            gw.script({ ...one, id: undefined, times: 4 });
            const got = await gw.stream('hello', { body: {
                stream: one.stream }, ms: 15000 });
            const at = one.expect.indexOf(':');
            const [kind, rest] = at < 0 ? [one.expect, ''] : [one.expect
                .slice(0, at), one.expect.slice(at + 1)];
            EXPECT[kind](got, rest);
            assert.ok(got.status < 500 || [500, 502, 503, 504, 529]
                .includes(got.status), String(got.status));
            assert.ok(gw.reached.length <= 5);
            gw.forget();
            assert.equal((await gw.chat('alive?')).status, 200);
        });
