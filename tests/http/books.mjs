// The books of quota as they stand in the store, beside the gateway; and a crowd whose
// requests end in every way a request can.
// SPDX-License-Identifier: Apache-2.0

import net from 'node:net';

import { MODEL } from './gateway.mjs';
import { SAMPLES } from './samples.mjs';
import { sleep, until } from './wire.mjs';

/** Sums over all counters of the default tenant for one subject, by script: the values are
 * packed (quota/ring.lua). */
const SUMS = `
local out, cursor = {}, '0'
local function add(name, n) out[name] = (out[name] or 0) + n end
repeat
    local page = redis.call('SCAN', cursor, 'MATCH', 'cg:{cg}:*', 'COUNT', 500)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
        local kind = key:match('^cg:{cg}:(%a+):')
        local value = redis.call('TYPE', key).ok == 'string' and redis.call('GET', key)
        if value and key:sub(-#ARGV[1]) == ARGV[1] then
            local quantity = key:match('^cg:{cg}:%a+:[^:]+:([^:]+)')
            if kind == 'budget' then
                local spent, held = struct.unpack('<I7I7', value)
                add(quantity .. ' spent', spent)
                add(quantity .. ' held', held)
            elseif kind == 'window' then
                local sum, held = struct.unpack('<I7I7', value)
                add(quantity .. ' window', sum)
                add(quantity .. ' advance', held)
            elseif kind == 'concurrent' then
                add('concurrent', (struct.unpack('<I7', value)))
            end
        end
    end
until cursor == '0'
out['holds'] = redis.call('ZCARD', 'cg:{cg}:holds')
return cjson.encode(out)`;

export async function books(gw, subject) {
    return JSON.parse(await gw.store('EVAL', SUMS, '0', subject));
}

/** What the records of a key come to. */
export async function billed(gw, id, from) {
    const got = await gw.admin('GET', `/exports?from=${from}&key=${id}`);
    const all = got.text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    const sum = (member) => all.reduce((n, one) => n + (one[member] ?? 0), 0);
    return { count: all.length, ids: new Set(all.map((one) => one.id)), all,
        micros: sum('cost_micros'), tokens: sum('input_tokens') + sum('output_tokens'),
        lost: all.filter((one) => one.reason === 'process_lost').length };
}

/** Books that are at rest and say what the records say; else the last difference. */
export async function balanced(gw, { id }, from, ms) {
    let last;
    try {
        return await until(async () => {
            // A restart may close the connection that is asked over.
            const store = await books(gw, id).catch(() => null);
            const journal = store && await billed(gw, id, from).catch(() => null);
            if (!journal)
                return false;
            last = { store, micros: journal.micros, tokens: journal.tokens,
                records: journal.count, lost: journal.lost };
            return !store.concurrent && !store.holds && !store['micros held']
                && store['micros spent'] === journal.micros
                && store['tokens window'] === journal.tokens && last;
        }, { ms, every: 100, what: 'the books' });
    } catch (error) {
        return { off: true, why: String(error), ...last };
    }
}

/** One request on a bare socket; leaves when told to, or when so much was heard. */
function leaver(gw, key, content, { stream, heard = 0, ms = 0 }) {
    return new Promise((done) => {
        const body = JSON.stringify({ model: MODEL, stream, max_tokens: 300,
            messages: [{ role: 'user', content }] });
        const socket = net.connect(gw.port, '127.0.0.1');
        let got = 0;
        const leave = () => socket.destroy();
        socket.on('data', (part) => {
            got += part.length;
            if (heard && got >= heard)
                leave();
        });
        socket.on('error', () => {});
        socket.on('close', () => done(0));
        socket.setTimeout(8000, leave);
        if (ms)
            setTimeout(leave, ms);
        socket.write([`POST /v1/chat/completions HTTP/1.1`,
            `Host: 127.0.0.1:${gw.port}`, `Authorization: Bearer ${key}`,
            'Content-Type: application/json',
            `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
    });
}

/** Who is told that the store is away waits before he asks again. */
const AWAY_MS = 250;

const fake = (plan) => `fake:${JSON.stringify(plan)}`;
const WORDS = 'one two three four five six seven eight '.repeat(6);

/** Ways to end, by weight of their place; each resolves however it ends. */
export const FATES = {
    whole: (ask) => ask(fake({ say: 'well' })),
    'whole stream': (ask) => ask(fake({ say: WORDS }), { stream: true }),
    'no usage': (ask) => ask(fake({ say: WORDS, usage: false })),
    'absurd usage': (ask) => ask(fake({ say: 'x', usage: { prompt_tokens: 9e15,
        completion_tokens: 9e15, total_tokens: 9e15 } })),
    'negative usage': (ask) => ask(fake({ say: 'x', usage: { prompt_tokens: -5,
        completion_tokens: -70, total_tokens: -75 } })),
    'upstream 500': (ask) => ask(fake({ status: 500 })),
    'upstream reset': (ask) => ask(fake({ end: 'reset' })),
    'stream cut': (ask) => ask(fake({ say: WORDS, end: 'cut', after: 6 }), { stream: true }),
    'stream reset': (ask) => ask(fake({ say: WORDS, end: 'reset', after: 5 }),
        { stream: true }),
    garbage: (ask) => ask(fake({ end: 'garbage' })),
    'left inside': (ask, leave) => leave(fake({ say: WORDS, gap_ms: 4 }),
        { stream: true, heard: 1500 }),
    'left before': (ask, leave) => leave(fake({ say: 'late', wait_ms: 400 }),
        { stream: false, ms: 60 }),
    'left hanging': (ask, leave) => leave(fake({ end: 'hang' }), { stream: false, ms: 150 }),
    'refused later': (ask) => ask(`my card ${SAMPLES.CREDIT_CARD}`),
};

/** Runs `count` requests, `width` at a time; resolves to how each fate ended. */
export async function crowd(gw, key, { count, width, onStep = () => {} }) {
    const names = Object.keys(FATES);
    const seen = {};
    let next = 0;
    const one = async () => {
        while (next < count) {
            const serial = next++;
            onStep(serial);
            const name = names[serial % names.length];
            const ask = (content, { stream = false } = {}) =>
                gw.chat(content, { key, body: { max_tokens: 300, stream }, again: true,
                    ms: 8000 }).then((got) => got.status, () => 0);
            const leave = (content, how) => leaver(gw, key, content, how);
            const status = await FATES[name](ask, leave);
            seen[`${name} ${status}`] = (seen[`${name} ${status}`] ?? 0) + 1;
            if (status === 503)
                await sleep(AWAY_MS);
        }
    };
    await Promise.all(Array.from({ length: width }, one));
    await sleep(50);
    return seen;
}

/** A key under limits of every kind, none of which it will reach. */
export const wideKey = (gw, name) => until(() => gw.newKey({ name, budget: '90000USD/month',
    limits: ['900000000tokens/1h', '5000concurrent', '900000/1h', '900000000output_tokens/day'],
}).catch(() => false), { ms: 5000, what: 'a new key' });
