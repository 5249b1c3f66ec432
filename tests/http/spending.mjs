// A crowd that spends a hard budget to its end while the store has troubles.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';

import { sleep, until } from './wire.mjs';
import { load, troubles } from './load.mjs';

/** An answer that costs 1,025 micro-dollars of gpt-4o, whatever it says. */
const PROMPT = `fake:${JSON.stringify({ say: 'ok', usage: { prompt_tokens: 10,
    completion_tokens: 100, total_tokens: 110 } })}`;

/** Starts to spend; what is told of it in the end is in `report`. */
export async function spendAlong(t, gw, { budget = 0.6, width = 6 } = {}) {
    const made = await gw.newKey({ name: 'spender',
        budget: `${budget}USD/month` });
    const mark = new Date().toISOString();
    const crowd = load(gw, { width, pause: 15, ask: (agent) => gw.chat(PROMPT,
        { key: made.key, agent, again: true,
            body: { model: 'gpt-4o', max_tokens: 100 } }) });
    t.after(() => crowd.stop());
    const served = () => crowd.seen.filter((one) => one.status === 200).length;
    const more = async (count, ms) => {
        const began = performance.now();
        const want = served() + count;
        await until(() => served() >= want, { ms, every: 5,
            what: `${count} more requests served` }).catch((error) => {
            throw new Error(`${error.message}: ${JSON.stringify(troubles(crowd.seen))}`);
        });
        return Math.round(performance.now() - began);
    };

    /** Records of the key by request id: how many of each, and their costs. */
    async function ledger(least) {
        return until(async () => {
            const got = await gw.admin('GET', `/exports?from=${mark}&key=${made.id}`);
            const all = got.text.split('\n').filter(Boolean)
                .map((line) => JSON.parse(line));
            return all.length >= least && all;
        }, { ms: 8000, every: 200, what: `${least} records` });
    }

    return { more, served, crowd,
        /** Spends to the end, and checks what must hold whatever happened. */
        async finish() {
            await until(() => crowd.seen.filter((one) =>
                one.code === 'insufficient_quota').length >= width,
            { ms: 12000, every: 20, what: 'the end of the budget' });
            const seen = await crowd.stop();
            await sleep(300);
            const records = await ledger(seen.filter((one) => one.id).length);
            const count = new Map();
            for (const { id } of records)
                count.set(id, (count.get(id) ?? 0) + 1);
            for (const one of seen.filter(({ status }) => status === 200))
                assert.equal(count.get(one.id), 1,
                    `${one.id}: ${count.get(one.id)} records`);
            const spent = records.reduce((sum, one) =>
                sum + (one.cost_micros ?? 0), 0);
            const bad = seen.filter((one) => ![200, 429, 503].includes(one.status));
            t.diagnostic(`${served()} served, ${spent} of ${budget * 1e6} `
                + `micro-dollars, troubles ${JSON.stringify(troubles(seen))}`);
            assert.deepEqual(bad.slice(0, 3), []);
            assert.ok(spent <= budget * 1e6, `${spent} micro-dollars spent`);
            assert.ok(spent > budget * 1e6 * 0.9, `only ${spent} spent`);
            return seen;
        } };
}
