// GET /metrics: what promtool accepts, what it counts, and who may read it.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';
import { send } from './wire.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact * mask'] });

/** The value of a sample whose name and labels match, summed. */
function valueOf(text, name, labels = {}) {
    let sum = 0;
    for (const line of text.split('\n')) {
        const found = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
        if (found?.[1] === name && Object.entries(labels).every(([k, v]) =>
            (found[2] ?? '').includes(`${k}="${v}"`)))
            sum += Number(found[3]);
    }
    return sum;
}

const grows = async (name, labels, by, act) => {
    const before = valueOf(await gw.metrics(), name, labels);
    await act();
    await until(async () => valueOf(await gw.metrics(), name, labels)
        >= before + by, { ms: 2000, what: `${name} + ${by}` });
};

test('promtool accepts it', async () => {
    await gw.chat(`hi ${SAMPLES.US_SSN}`);
    await gw.stream('hi');
    await gw.chat('x', { key: 'sk-nobody' });
    const text = await gw.metrics();
    const said = spawnSync('promtool', ['check', 'metrics'],
        { input: text, encoding: 'utf8', timeout: 10000 });
    assert.equal(said.status, 0, said.stdout + said.stderr);
});

test('a stranger may not read it', async () => {
    const got = await send(gw.ready.metrics, { method: 'GET' });
    assert.ok([401, 403].includes(got.status), String(got.status));
    assert.ok(!got.text.includes('chatgpt_requests_total'));
});

test('mod_status tells about the gateway', async () => {
    const got = await send(`http://127.0.0.1:${gw.port}/server-status?auto`,
        { method: 'GET' });
    assert.equal(got.status, 200);
    assert.match(got.text, /^ChatGPT\w*: /m);
});

test('requests are counted by endpoint, model and status', () =>
    grows('chatgpt_requests_total', { model: 'gpt-4o-mini', status: '200' },
        3, async () => {
            for (let i = 0; i < 3; i++)
                await gw.chat('hi');
        }));

test('every child counts into the same numbers', () =>
    grows('chatgpt_requests_total', { status: '200' }, 60, () =>
        Promise.all(Array.from({ length: 60 }, () => gw.chat('hi')))));

test('refusals are counted by reason', () =>
    grows('chatgpt_refused_total', { reason: 'invalid_api_key' }, 1, () =>
        gw.chat('x', { key: 'sk-nobody' })));

test('findings are counted by type', () =>
    grows('chatgpt_findings_total', { type: 'US_SSN' }, 2, () =>
        gw.chat(`${SAMPLES.US_SSN} and 219-09-9876`)));

test('tokens and cost are counted', async () => {
    await grows('chatgpt_tokens_total', { model: 'gpt-4o' }, 1500, () =>
        gw.chat('fake:{"say":"x","usage":{"prompt_tokens":1000,'
            + '"completion_tokens":500,"total_tokens":1500}}',
        { body: { model: 'gpt-4o', max_tokens: 500 } }));
    assert.ok(valueOf(await gw.metrics(), 'chatgpt_cost_dollars_total',
        { model: 'gpt-4o' }) >= 0.007);
});

test('the wait for the first token is a histogram', () =>
    grows('chatgpt_time_to_first_token_seconds_count', {}, 1, () =>
        gw.stream('hi')));

test('a model nobody listed cannot make the page grow', async () => {
    for (let i = 0; i < 30; i++)
        await gw.chat('x', { body: { model: `made-up-${i}` } });
    const text = await gw.metrics();
    assert.ok(!text.includes('made-up-'));
});

test('the store is said to be up and the journal to be empty', async () => {
    await until(async () => {
        const text = await gw.metrics();
        return valueOf(text, 'chatgpt_store_up') === 1
            && valueOf(text, 'chatgpt_journal_backlog_records') === 0;
    }, { what: 'a shipped journal' });
});
