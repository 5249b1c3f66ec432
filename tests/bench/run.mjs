// make bench: what the gateway costs beside a plain reverse proxy.
// SPDX-License-Identifier: Apache-2.0
//
// Both are the same httpd, started once; rounds alternate between them, so that
// what else the machine does falls on both. CPU is user and system time of all
// processes of httpd, read before a round and after its records have gone to Redis,
// so the keeper's work is in it. Rates depend on the machine, where upstream and
// callers run too; CPU per request and the ratios do so much less. It prints and
// never fails on a figure. BENCH_ROUNDS, BENCH_SECONDS (whole), BENCH_ONLY (a row's name).

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chat } from './bodies.mjs';
import { BUILD, cpuOf, EVENTS, INTERVAL_MS, sleep, Stage } from './stage.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const CONNECTIONS = 16;
const STREAMS = 64;
const STREAM_SECONDS = 5;
const KIB = 1024;

const ROWS = [
    { name: '1 KB', body: chat('bench-1k', KIB) },
    // At full speed a plain proxy saves most of its wake-ups. With a pause both have the load
    // of an ordinary hour, and about the same of it.
    { name: '1 KB, paced', body: chat('bench-1k', KIB), pauseMs: 4 },
    { name: '16 KB', body: chat('bench-1k', 16 * KIB) },
    { name: '256 KB', body: chat('bench-1k', 256 * KIB) },
    { name: '1 KB, answer 16 KB', body: chat('bench-16k', KIB) },
    { name: 'stream', isStream: true },
];
const PLACES = ['plain', 'gateway'];
const PATHS = { plain: '/plain/chat/completions', gateway: '/v1/chat/completions' };

function wrk(stage, row, place, seconds) {
    const out = execFileSync('wrk', ['-t2', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s',
        fileURLToPath(new URL('post.lua', import.meta.url)), stage.url(PATHS[place]), '--',
        row.file, stage.key], { encoding: 'utf8', timeout: 60000,
        env: { ...process.env, ...(row.pauseMs ? { PAUSE_MS: String(row.pauseMs) } : {}) } });
    return JSON.parse(out.slice(out.indexOf('{')));
}

function streams(stage, place, seconds) {
    const out = execFileSync(path.join(BUILD, 'bench/streams'), [String(stage.port),
        PATHS[place], stage.key, String(STREAMS), String(seconds)],
    { encoding: 'utf8', timeout: 90000 });
    const got = JSON.parse(out);
    return { requests: got.streams, p50: got.p50, p99: got.p99, refused: 0, broken: got.failed,
        ...got };
}

const ask = (stage, row, place, seconds) => (row.isStream ? streams(stage, place, seconds)
    : wrk(stage, row, place, seconds));

/** One round of one place: what came, and what it cost. */
async function measure(stage, row, place) {
    const seconds = row.isStream ? STREAM_SECONDS : SECONDS;
    const redis = [await stage.redisPid()];
    await stage.settled();
    const before = { httpd: cpuOf(stage.pids()), redis: cpuOf(redis) };
    const began = performance.now();
    const got = ask(stage, row, place, seconds);
    const took = (performance.now() - began) / 1000;
    await sleep(50);
    if (place === 'gateway' && !await stage.settled())
        process.stderr.write('bench: records still wait in the journal\n');
    const count = Math.max(1, got.requests - got.refused);
    return { ...got, rate: got.micros ? got.requests * 1e6 / got.micros : got.requests / took,
        cpu: (cpuOf(stage.pids()) - before.httpd) / count,
        redis: (cpuOf(redis) - before.redis) / count };
}

function median(list) {
    const sorted = [...list].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Rounds of both places in turn; the second round begins with the other. */
async function bench(stage, row) {
    if (!row.isStream) {
        row.file = stage.file('body.json');
        writeFileSync(row.file, row.body);
    }
    for (const place of PLACES)
        ask(stage, row, place, 1);
    const seen = { plain: [], gateway: [] };
    for (let round = 0; round < (row.isStream ? 2 : ROUNDS); round++)
        for (const place of round % 2 ? [...PLACES].reverse() : PLACES)
            seen[place].push(await measure(stage, row, place));
    const sum = (list, what) => list.reduce((all, one) => all + one[what], 0);
    const of = (list) => ({ rate: median(list.map((one) => one.rate)),
        cpu: median(list.map((one) => one.cpu)), redis: median(list.map((one) => one.redis)),
        p50: median(list.map((one) => one.p50)), p99: median(list.map((one) => one.p99)),
        bad: sum(list, 'refused') + sum(list, 'broken') });
    return { name: row.name, isStream: row.isStream === true, plain: of(seen.plain),
        gateway: of(seen.gateway) };
}

const ms = (micros) => (micros / 1000).toFixed(micros < 10000 ? 2 : 1);
const TITLES = ['chat', 'place', 'requests/s', 'CPU us/request', 'Redis us/request', 'p50 ms',
    'p99 ms', 'failed'];

function lines(result) {
    const rows = PLACES.map((place) => {
        const of = result[place];
        return [place === 'plain' ? result.name : '', place, of.rate.toFixed(of.rate < 100 ? 1 : 0),
            of.cpu.toFixed(0), of.redis.toFixed(0), ms(of.p50), ms(of.p99), String(of.bad)];
    });
    const ratio = (what) => (result.gateway[what] / result.plain[what]).toFixed(2);
    rows.push(['', 'ratio', ratio('rate'), ratio('cpu'), '',
        `+${ms(Math.max(0, result.gateway.p50 - result.plain.p50))}`, '', '']);
    return rows;
}

function print(table) {
    const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
    const text = table.map((row) => row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i])
        : cell.padStart(widths[i]))).join('  ').trimEnd()).join('\n');
    process.stdout.write(`\n${text}\n`);
}

async function main() {
    const only = process.env.BENCH_ONLY;
    const stage = new Stage();
    const results = [];
    try {
        await stage.start();
        for (const row of ROWS.filter((one) => !only || one.name === only)) {
            process.stderr.write(`bench: ${row.name}\n`);
            results.push(await bench(stage, row));
        }
    } finally {
        await stage.stop();
    }
    print([TITLES, ...results.flatMap(lines)]);
    process.stdout.write(`
plain: ProxyPass alone. gateway: key checked, two request limits and a token limit, all types masked
both ways, 100 keywords, 2 patterns, texts in the audit, metrics. Answers of 1 KB but where said;
${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${SECONDS} s each in turn. paced: each connection rests 4 ms
after an answer. stream: ${STREAMS} at once, ${EVENTS} events each,
one each ${INTERVAL_MS} ms; CPU is of a whole stream, p50 and p99 are the delay of an event.
`);
    if (!only)
        process.stdout.write(`\n${execFileSync(path.join(BUILD, 'bench/chat'),
            { encoding: 'utf8', timeout: 60000 })}`);
    if (!only || only === 'keys')
        process.stdout.write(`\n${execFileSync(path.join(BUILD, 'bench/keys'),
            { encoding: 'utf8', timeout: 120000 })}`);
    if (!only || only === 'quota')
        process.stdout.write(`\n${execFileSync(path.join(BUILD, 'bench/quota'),
            { encoding: 'utf8', timeout: 120000 })}`);
    // The search alone, beside a loop of PCRE2-JIT, and what is made to be slow.
    if (!only || only === 'redact')
        process.stdout.write(`\n${execFileSync(path.join(BUILD, 'bench/redact'),
            { encoding: 'utf8', timeout: 120000 })}`);
    if (!only || only === 'tokens')
        process.stdout.write(`\n${execFileSync(path.join(BUILD, 'bench/tokens'),
            { encoding: 'utf8', timeout: 60000 })}`);
    if (!only || only === 'counts')
        process.stdout.write(`\n${execFileSync(process.execPath,
            [fileURLToPath(new URL('counts.mjs', import.meta.url))], { encoding: 'utf8', timeout: 300000 })}`);
    if (!only || only === 'signatures')
        process.stdout.write(`\n${execFileSync(path.join(BUILD, 'bench/signatures'),
            { encoding: 'utf8', timeout: 60000 })}`);
    if (process.env.BENCH_JSON)
        writeFileSync(process.env.BENCH_JSON, `${JSON.stringify(results, null, 1)}\n`);
}

await main();
