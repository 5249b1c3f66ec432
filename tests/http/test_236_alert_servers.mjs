// Two servers that share a store tell of each crossing once, together.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';

import { Gateway } from './gateway.mjs';
import { sleep, until, useGateway } from './harness.mjs';
import { STOP_MS } from './launch.mjs';
import { Receiver } from './receiver.mjs';

const receiver = await Receiver.start();
after(() => receiver.close());
const options = { policy: ['ChatGPTBudget team 0.4USD/month'],
    server: [`ChatGPTAlertTo hook ${receiver.url}`] };

let two;

/** Another server of the same company: its Redis and its pepper. */
async function beside(first) {
    const other = new Gateway(options);
    other.redis = { url: first.ready.redis, stop: async () => {} };
    const provider = other.providerAgain.bind(other);
    other.providerAgain = async (port) => {
        await copyFile(path.join(first.folder, 'pepper'),
            path.join(other.folder, 'pepper'));
        await provider(port);
    };
    return other.start();
}

const one = useGateway(options, async () => {
    two = await beside(one);
});
after(() => two?.stop(), { timeout: STOP_MS + 20000 });

const PAID = { content: `fake:${JSON.stringify({ say: 'ok', usage: {
    prompt_tokens: 1, completion_tokens: 1000, total_tokens: 1001 } })}`,
body: { model: 'gpt-4o', max_tokens: 1050 } };

test('each part is told once, whoever saw it first', async () => {
    const keys = [];
    for (const gw of [one, two])
        keys.push((await gw.newKey({ name: 'both', team: 'search' })).key);
    const pay = (i) => [one, two][i % 2].chat(PAID.content,
        { key: keys[i % 2], body: PAID.body });
    for (let at = 0; at < 44; at += 4)
        await Promise.all([0, 1, 2, 3].map(pay));
    await receiver.got((call) => call.data.percent === 100, 8000);
    await sleep(2500);
    const percents = receiver.calls.map((call) => call.data.percent);
    assert.equal(new Set(percents).size, percents.length, percents.join());
    assert.ok(receiver.calls.every((call) => call.data.subject === 'search'
        && call.data.dimension === 'team'));
});

test('a test alert is sent by one of them, once', async () => {
    const made = [];
    for (let i = 0; i < 10; i++)
        made.push((await [one, two][i % 2].admin('POST', '/alert-tests', {}))
            .json.id);
    await until(() => made.every((id) => receiver.calls.some((call) =>
        call.id === id)), { ms: 6000, what: 'all of them' });
    await sleep(500);
    for (const id of made)
        assert.equal(receiver.calls.filter((call) => call.id === id).length, 1);
});
