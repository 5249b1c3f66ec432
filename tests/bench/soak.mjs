// make soak: load for a long time while things fail; nothing may leak, nor a record be lost.
// SPDX-License-Identifier: Apache-2.0
//
// SOAK_FOR seconds (600) of chats and streams at some hundred requests a second, with callers
// who leave, broken bodies, wrong keys, an upstream that fails or breaks off, and a Redis that
// is killed or frozen once a minute. Prints what the children hold every half minute. In the
// end each request that httpd counted must stand in the ledger once, and each answer that a
// caller got must have been counted. Fails on either, and on children that grew by half.
// SOAK_TROUBLE: seconds from one outage of Redis to the next (60).

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { chat } from './bodies.mjs';
import { BUILD, childrenOf, sleep, Stage } from './stage.mjs';

const SECONDS = Number(process.env.SOAK_FOR ?? 600);
const REPORT_S = Math.min(30, SECONDS / 6);
const TROUBLE_S = Number(process.env.SOAK_TROUBLE ?? Math.min(60, SECONDS / 3));
const ROUND_S = 5;
const CHATS = 8; // connections
const STREAMS = 24;
const PAUSE_MS = 10;
const GROWTH_MOST = 1.5;
const WARM = 0.3; // of the time, before growth is judged
const run = promisify(execFile);

const stage = new Stage();
const began = performance.now();
const elapsed = () => (performance.now() - began) / 1000;
const isOver = () => elapsed() >= SECONDS;
const faults = [];
/** What callers saw: answers whole, answers they or the upstream cut short, refusals. */
const seen = { answered: 0, cut: 0, refused: 0 };
const say = (words) => process.stdout.write(`${words}\n`);
const fault = (words) => {
    say(`soak: ${words}`);
    faults.push(words);
};

/* -- load ------------------------------------------------------------------ */

async function chats() {
    const file = stage.file('chat.json');
    writeFileSync(file, chat('bench-1k', 1024));
    while (!isOver()) {
        const { stdout } = await run('wrk', ['-t1', `-c${CHATS}`, `-d${ROUND_S}s`, '-s',
            fileURLToPath(new URL('post.lua', import.meta.url)),
            stage.url('/v1/chat/completions'), '--', file, stage.key],
        { env: { ...process.env, PAUSE_MS: String(PAUSE_MS) } });
        const got = JSON.parse(stdout.slice(stdout.indexOf('{"')));
        seen.answered += got.requests;
        seen.refused += got.refused;
        seen.cut += CHATS; // at most: what was under way when wrk ended
    }
}

async function streams() {
    while (!isOver()) {
        const { stdout } = await run(path.join(BUILD, 'bench/streams'), [String(stage.port),
            '/v1/chat/completions', stage.key, String(STREAMS), String(ROUND_S)]);
        const got = JSON.parse(stdout);
        seen.answered += got.streams;
        seen.cut += got.failed;
    }
}

/** Resolves to the status, 0 when the answer broke off; leaves after so many ms. */
function post(body, { key = stage.key, leaveMs } = {}) {
    return new Promise((done) => {
        const ask = http.request(stage.url('/v1/chat/completions'), { method: 'POST',
            headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' } });
        const leaving = leaveMs ? setTimeout(() => ask.destroy(), leaveMs) : null;
        const end = (status) => {
            clearTimeout(leaving);
            done(status);
        };
        ask.on('error', () => end(0));
        ask.on('response', (got) => {
            got.on('error', () => end(0));
            got.on('close', () => end(got.complete ? got.statusCode : 0));
            got.resume();
        });
        ask.end(body);
    });
}

const stream = (model) => chat(model, 600, { stream: true });
/** What is asked, and what may come of it. 0: broken off. */
const ACTS = [
    { name: 'a caller who leaves', body: stream('bench-1k'), leaveMs: 150, may: [0] },
    { name: 'a caller who leaves at once', body: chat('bench-1k', 900), leaveMs: 1,
        may: [0, 200] },
    { name: 'a stream that breaks off', body: stream('bench-cut'), may: [0] },
    { name: 'an upstream that fails', body: chat('bench-fail', 900), may: [500, 502, 503] },
    { name: 'a broken body', body: '{"model":"bench-1k","messages":[', may: [400] },
    { name: 'a wrong key', body: chat('bench-1k', 900), key: 'sk-nobody', may: [401] },
    { name: 'a model nobody has', body: chat('bench-none', 900), may: [404] },
    { name: 'a long chat', body: chat('bench-16k', 65536), may: [200] },
];

async function failures(first) {
    for (let i = first; !isOver(); i++) {
        const act = ACTS[i % ACTS.length];
        const status = await post(act.body, act);
        seen[status === 0 ? 'cut' : 'answered']++;
        // While Redis is away an unknown key cannot be judged, and a failed upstream rests.
        if (![...act.may, 503].includes(status))
            fault(`${act.name}: ${status}`);
        await sleep(50);
    }
}

/* -- trouble --------------------------------------------------------------- */

async function trouble() {
    for (let i = 1; i * TROUBLE_S < SECONDS - 5; i++) {
        while (elapsed() < i * TROUBLE_S)
            await sleep(100);
        const isFrozen = i % 2 === 0;
        say(`${elapsed().toFixed(0)} s: Redis is ${isFrozen ? 'frozen' : 'killed'} for 2 s`);
        if (isFrozen)
            stage.redis.freeze();
        else
            await stage.redis.kill();
        await sleep(2000);
        if (isFrozen)
            stage.redis.thaw();
        else
            await stage.redis.start();
    }
}

/* -- watching -------------------------------------------------------------- */

function sizes() {
    return childrenOf(stage.httpd.child.pid).map((pid) => {
        const text = readFileSync(`/proc/${pid}/status`, 'utf8');
        return { pid, mb: Number(/VmRSS:\s+(\d+)/.exec(text)[1]) / 1024,
            files: readdirSync(`/proc/${pid}/fd`).length };
    });
}

function judge(warm, now) {
    for (const { pid, mb, files } of now) {
        const before = warm.find((one) => one.pid === pid);
        if (!before)
            fault(`child ${pid} is new: another has died`);
        else if (mb > before.mb * GROWTH_MOST)
            fault(`child ${pid} has grown from ${before.mb.toFixed(1)} to ${mb.toFixed(1)} MB`);
        else if (files > before.files * GROWTH_MOST + 32)
            fault(`child ${pid} has ${files} open files, after ${before.files}`);
    }
}

async function watch() {
    let warm = null;
    say('  time  answered  cut  refused  waiting KB  children: MB (open files)');
    while (!isOver()) {
        await sleep(Math.min(REPORT_S, Math.max(0.1, SECONDS - elapsed())) * 1000);
        const now = sizes();
        if (warm)
            judge(warm, now);
        else if (elapsed() > SECONDS * WARM)
            warm = now;
        const waiting = await stage.metric('chatgpt_journal_backlog_bytes').catch(() => NaN);
        say([`${elapsed().toFixed(0)} s`.padStart(6), String(seen.answered).padStart(8),
            String(seen.cut).padStart(5), String(seen.refused).padStart(6),
            (waiting / 1024).toFixed(0).padStart(9), '   ',
            now.map(({ mb, files }) => `${mb.toFixed(1)} (${files})`).join('  ')].join(' '));
    }
}

/** Records that the ledger has ever taken; it keeps but the last of them. */
async function recorded() {
    const keys = (await stage.redis.cli('KEYS', '*audit*')).split('\n');
    let sum = 0;
    for (const key of keys.filter(Boolean)) {
        if (await stage.redis.cli('TYPE', key) !== 'stream')
            continue;
        const info = await stage.redis.cli('XINFO', 'STREAM', key);
        sum += Number(/entries-added\n(\d+)/.exec(info)[1]);
    }
    return sum;
}

/** What was answered but with 200, by model and status; and the reasons. */
async function others() {
    const text = await fetch(stage.url('/metrics')).then((got) => got.text());
    const counted = [...text.matchAll(/^chatgpt_(?:requests|refused)_total\{(.*)\} (\d+)$/mg)];
    return counted.filter(([, labels, count]) => count !== '0' && !/="200"/.test(labels))
        .map(([, labels, count]) => `${[...labels.matchAll(/(?:model|status|reason)="([^"]*)"/g)]
            .map(([, value]) => value || '-').join(' ')} ${count}`);
}

async function balance() {
    if (!await stage.settled(30000))
        fault('records still wait in the journal');
    const counted = await stage.metric('chatgpt_requests_total');
    const kept = await recorded();
    const most = seen.answered + seen.cut;
    say(`requests counted ${counted}, records kept ${kept}; callers got ${
        seen.answered} answers, ${seen.cut} at most were cut`);
    say(`answers but 200: ${(await others()).join(', ')}`);
    if (counted !== kept)
        fault(`${counted} requests, but ${kept} records`);
    if (counted < seen.answered || counted > most)
        fault(`${counted} requests were counted; callers know of ${seen.answered} to ${most}`);
}

try {
    await stage.start();
    await Promise.all([watch(), trouble(), chats(), streams(),
        ...ACTS.map((_, i) => failures(i))]);
    await balance();
    const loud = stage.log().split('\n').filter((line) => /:(crit|alert|emerg)\]/.test(line));
    loud.forEach((line) => fault(line));
} catch (error) {
    fault(error.stack);
} finally {
    await stage.stop();
}
say(`soak: ${faults.length ? `${faults.length} faults` : 'all is well'}`);
process.exit(faults.length ? 1 : 0);
