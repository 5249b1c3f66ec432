#!/usr/bin/env node
// make soak: mixed load for a long time; nothing may be answered wrongly, leak or grow.
// SPDX-License-Identifier: Apache-2.0
//
// SECONDS (3600) of chats, streams, callers who leave, masked and refused
// requests, over a gateway of its own (make run), with a graceful restart each
// five minutes. Each half minute it prints a line: requests, resident memory
// and open files of httpd's children, records that wait. It fails on a wrong
// answer, an unexpected line in the error log, or children that have grown by
// more than half since they were warm.

import { readdirSync, readFileSync } from 'node:fs';

import { Gateway } from '../http/gateway.mjs';
import { sleep, until } from '../http/wire.mjs';

const SECONDS = Number(process.env.SECONDS || 3600);
const CALLERS = 8;
const REPORT_MS = 30000;
const RESTART_MS = 300000;
const WARM_MS = Math.min(120000, SECONDS * 300);
const GROWTH_MOST = 1.5;
const CARD = '4111 1111 1111 1111';

const gw = new Gateway({});
const end = Date.now() + SECONDS * 1000;
const faults = [];
let calls = 0;

const fault = (words) => {
    if (faults.length < 20)
        process.stdout.write(`soak: ${words}\n`);
    faults.push(words);
};

const expect = (what, holds, got) => holds || fault(`${what}: ${JSON.stringify(got).slice(0, 300)}`);

const ACTS = [
    async () => {
        const got = await gw.chat(`My card is ${CARD}.`);
        expect('a masked chat', got.status === 200 && !got.text.includes(CARD), got.text);
    },
    async () => {
        const got = await gw.stream(`say: card ${CARD} and more words`);
        expect('a masked stream', got.whole && got.done && !got.text.includes(CARD), got.text);
    },
    async () => {
        const got = await gw.chat('x'.repeat(200000));
        expect('a long chat', got.status === 200, got.status);
    },
    async () => {
        const got = await gw.chat('x', { key: 'sk-nobody' });
        expect('a bad key', got.status === 401, got.status);
    },
    async () => {
        const got = await gw.call('/chat/completions', { method: 'POST', body: '{"model":' });
        expect('a broken body', got.status === 400, got.status);
    },
    async () => {
        const left = new AbortController();
        setTimeout(() => left.abort(), 30);
        await fetch(`${gw.api}/chat/completions`, { method: 'POST', headers: gw.headers(),
            body: JSON.stringify({ model: 'gpt-4o-mini', stream: true, messages: [
                { role: 'user', content: 'fake:{"gap_ms":20,"repeat":20} words' }] }),
            signal: left.signal }).then((got) => got.text()).catch(() => {});
    },
];

async function caller(first) {
    for (let i = first; Date.now() < end; i++, calls++)
        await ACTS[i % ACTS.length]().catch((error) => fault(`a call failed: ${error.message}`));
}

/** { rss (MB), files } of the largest child. */
async function sizes() {
    const all = (await gw.children()).flatMap((pid) => {
        try {
            const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
            return [{ rss: Number(kb) / 1024, files: readdirSync(`/proc/${pid}/fd`).length }];
        } catch {
            return []; // it ended meanwhile
        }
    });
    return { rss: Math.max(...all.map((one) => one.rss)),
        files: Math.max(...all.map((one) => one.files)) };
}

async function waiting() {
    return Number(/^chatgpt_journal_backlog_records (\S+)/m.exec(await gw.metrics())?.[1]);
}

async function watch() {
    let warm = null;
    for (let at = Date.now(); Date.now() < end; at = Date.now()) {
        await sleep(Math.min(REPORT_MS, Math.max(0, end - at)));
        const now = await sizes();
        if (!warm && Date.now() > end - SECONDS * 1000 + WARM_MS)
            warm = now;
        process.stdout.write(`${Math.round((end - Date.now()) / 1000)} s left: ${calls} calls, ${
            now.rss.toFixed(1)} MB, ${now.files} files, ${await waiting()} records wait\n`);
        if (warm && now.rss > warm.rss * GROWTH_MOST)
            fault(`a child has grown from ${warm.rss.toFixed(1)} to ${now.rss.toFixed(1)} MB`);
        if (warm && now.files > warm.files * GROWTH_MOST + 32)
            fault(`a child has ${now.files} open files, after ${warm.files}`);
    }
}

async function restart() {
    for (let next = Date.now() + RESTART_MS; Date.now() < end; await sleep(200))
        if (Date.now() > next) {
            process.kill(gw.ready.httpd_pid, 'SIGUSR1');
            next += RESTART_MS;
        }
}

await gw.start();
try {
    await Promise.all([watch(), restart(),
        ...Array.from({ length: CALLERS }, (_, i) => caller(i))]);
    await until(async () => await waiting() === 0, { ms: 10000, what: 'a shipped journal' })
        .catch((error) => fault(error.message));
} finally {
    await gw.stop().catch((error) => fault(error.message));
}
process.stdout.write(`soak: ${calls} passed, ${faults.length} failed\n`);
process.exit(faults.length ? 1 : 0);
