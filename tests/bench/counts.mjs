// make bench: token counts beside those of npm tiktoken, in number and in time.
// SPDX-License-Identifier: Apache-2.0
//
// The texts are this source's own: prose of the manual, C, JSON, and the console's Chinese.
// BENCH_TEXTS names a folder of others, one file a kind. Both count the same text in one
// thread, the best of several rounds of CPU time; that they count the same is checked.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = path.resolve(ROOT, process.env.BUILD ?? 'build');
const SIZE = 1000000;
const ROUNDS = 3;
const WORST_SECONDS = Number(process.env.BENCH_WORST ?? 10);

const filesOf = (folder, end) => readdirSync(path.join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(end) && !name.includes('node_modules')).sort()
    .map((name) => readFileSync(path.join(ROOT, folder, name), 'utf8')).join('\n');

/** Prose alone: no tables, no code, no headings. */
const prose = (text) => text.replace(/^```[^]*?^```/gm, '').split('\n')
    .filter((line) => line && !/^[|#>\s]/.test(line)).join('\n');

/** Whole characters of about a megabyte, from the beginning again if need be. */
function sized(text) {
    let all = text;
    while (Buffer.byteLength(all) < SIZE)
        all += `\n${text}`;
    return Buffer.from(all).subarray(0, SIZE).toString('utf8').replace(/\uFFFD+$/, '');
}

function texts() {
    if (process.env.BENCH_TEXTS) {
        return Object.fromEntries(readdirSync(process.env.BENCH_TEXTS).map((name) => [
            path.parse(name).name, readFileSync(path.join(process.env.BENCH_TEXTS, name), 'utf8')]));
    }
    const chinese = Object.values(JSON.parse(readFileSync(path.join(ROOT, 'admin-ui/words/zh.json'), 'utf8')));
    return { English: sized(prose(filesOf('docs', '.md'))), code: sized(filesOf('src', '.c')),
        JSON: sized(filesOf('tests/data', '.jsonl')),
        Chinese: sized(chinese.filter((word) => /\p{Script=Han}{4}/u.test(word)).join('\n')) };
}

function npmSpeed(encoding, text) {
    let best = Infinity;
    let count = 0;
    for (let i = 0; i < ROUNDS; i++) {
        const before = process.cpuUsage();
        count = encoding.encode_ordinary(text).length;
        const took = process.cpuUsage(before);
        best = Math.min(best, took.user + took.system);
    }
    return { nanos: best * 1000, count };
}

const run = (...args) => execFileSync(path.join(BUILD, 'bench/counts'), [path.join(BUILD, 'tokens'), ...args],
    { encoding: 'utf8', timeout: 120000 }).trim().split('\n').map((line) => JSON.parse(line));

function compare(folder) {
    const require = createRequire(new URL('../../conf/tokens/package.json', import.meta.url));
    const { get_encoding: open } = require('tiktoken');
    const files = Object.entries(texts()).map(([kind, text]) => {
        const file = path.join(folder, kind);
        writeFileSync(file, text);
        return { kind, text, file };
    });
    const own = run('speed', ...files.map((one) => one.file));
    for (const name of ['cl100k_base', 'o200k_base']) {
        const encoding = open(name);
        for (const { kind, text, file } of files) {
            const mine = own.find((row) => row.file === file && row.encoding === name);
            const other = npmSpeed(encoding, text);
            const rate = (nanos) => (mine.bytes / nanos * 1000).toFixed(1).padStart(6);
            const verdict = other.count === mine.count ? '' : `  COUNTS DIFFER: ${mine.count}, npm ${other.count}`;
            process.stdout.write(`${name.padEnd(12)} ${kind.padEnd(8)} ${rate(mine.nanos)} MB/s, npm tiktoken `
                + `${rate(other.nanos)} MB/s: ${(other.nanos / mine.nanos).toFixed(1)} times${verdict}\n`);
        }
        encoding.free();
    }
}

function main() {
    const folder = mkdtempSync(path.join(tmpdir(), 'cg-counts-'));
    process.stdout.write('tokens, counted; CPU of one thread, a megabyte each:\n');
    try {
        compare(folder);
    } finally {
        rmSync(folder, { recursive: true });
    }
    for (const row of run('runs').filter((one) => one.run))
        process.stdout.write(`${row.encoding.padEnd(12)} one run of ${row.run.padEnd(10)} `
            + `${(row.nanos / 1e6).toFixed(1).padStart(6)} ms, ${row.ratio} times a tenth of it\n`);
    for (const row of run('worst', String(WORST_SECONDS)).filter((one) => one.worst))
        process.stdout.write(`${row.encoding.padEnd(12)} the worst of a search of ${WORST_SECONDS} s: ${row.worst} ns a byte\n`);
}

main();
