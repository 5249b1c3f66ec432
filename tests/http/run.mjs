#!/usr/bin/env node
// Runs the HTTP tests: a few files at a time, bounded, with a last line to read.
// SPDX-License-Identifier: Apache-2.0
//
//   node tests/http/run.mjs [--only REGEX] [--jobs N] [--seconds N]
//
// Output: one line a file as it ends, each failure in full, and as the last
// line `http: N passed, N failed`. Exits 1 when anything failed.

import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));

function option(name, otherwise) {
    const at = process.argv.indexOf(`--${name}`);
    return at > 0 ? process.argv[at + 1] : otherwise;
}

/** Files that measure time run alone; the rest share the machine. */
const ALONE = /test_(?:230|231|510|520|810)_/;

const only = new RegExp(option('only', '.'));
const jobs = Number(option('jobs', 2));
const deadline = Date.now() + 1000 * Number(option('seconds', 900));
const files = readdirSync(HERE).filter((name) => /^test_\d.*\.mjs$/.test(name)
    && only.test(name)).sort();
const total = { passed: 0, failed: 0, skipped: 0, gaps: 0 };

const short = (file) => file?.split('/').at(-1) ?? '?';

function explain(error) {
    const cause = error?.cause ?? error;
    const text = cause?.stack ?? cause?.message ?? String(cause);
    return String(text).split('\n').filter((line) =>
        !/node:internal|async Promise\.all/.test(line)).slice(0, 14)
        .map((line) => `      ${line}`).join('\n');
}

/** A file counts as a test only when it failed outside of its tests. */
const isFile = (data) => data.nesting === 0 && files.includes(short(data.name));

function runSome(names, concurrency) {
    const told = new Set();
    const tally = new Map(names.map((name) => [name, [0, 0]]));
    return new Promise((done) => {
        const stream = run({ files: names.map((name) => HERE + name),
            concurrency, timeout: Math.max(1000, deadline - Date.now()) });
        stream.on('test:pass', (data) => {
            if (isFile(data))
                return;
            total[data.skip !== undefined ? 'skipped' : 'passed'] += 1;
            const at = tally.get(short(data.file));
            if (at)
                at[0] += 1;
        });
        stream.on('test:fail', (data) => {
            const { error } = data.details;
            if (isFile(data) && /subtests? failed/.test(error?.message ?? ''))
                return;
            if (data.todo !== undefined && data.todo !== false) {
                total.gaps += 1;
                process.stdout.write(`  known gap ${short(data.file)}: ${
                    data.name}: ${data.todo}\n`);
                return;
            }
            total.failed += 1;
            const at = tally.get(short(data.file));
            if (at)
                at[1] += 1;
            const why = explain(error);
            const isNew = !told.has(why);
            told.add(why);
            process.stdout.write(`  FAILED ${short(data.file)}: ${data.name}\n${
                isNew ? why : '      (as above)'}\n`);
        });
        stream.on('end', () => {
            for (const [name, [passed, failed]] of tally)
                process.stdout.write(`${failed ? 'not ok' : 'ok    '} ${name
                }  ${passed} passed, ${failed} failed\n`);
            done();
        });
        stream.resume();
    });
}

const at = Date.now();
const together = files.filter((name) => !ALONE.test(name));
const alone = files.filter((name) => ALONE.test(name));
if (together.length)
    await runSome(together, jobs);
if (alone.length)
    await runSome(alone, 1);
process.stdout.write(`took ${Math.round((Date.now() - at) / 1000)} s, ${
    total.skipped} skipped, ${total.gaps} known gaps\n`);
process.stdout.write(`http: ${total.passed} passed, ${total.failed} failed\n`);
process.exit(total.failed ? 1 : 0);
