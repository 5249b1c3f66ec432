#!/usr/bin/env node
/* Runs the console's tests, two files at a time; the last line is `ui: N passed, N failed`.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   node tests/ui/run.mjs [--only REGEX]
 *
 * Needs admin-ui's and tests' packages (make deps) and Debian's chromium; CHROMIUM names another one.
 */
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const at = process.argv.indexOf('--only');
const only = new RegExp(at > 0 ? process.argv[at + 1] : '.');
const files = readdirSync(HERE).filter((name) => /^test_\d.*\.mjs$/.test(name) && only.test(name)).sort();
const total = { passed: 0, failed: 0 };

/* A file and a describe() count for nothing by themselves, unless they failed outside of their tests. */
const isGroup = (data) => data.details.type === 'suite' || files.some((name) => data.name.endsWith(name));

function explain(error) {
    const cause = error?.cause ?? error;
    const lines = String(cause?.stack ?? cause?.message ?? cause).split('\n');
    return lines.filter((line) => !/node:internal/.test(line)).slice(0, 16).map((line) => `      ${line}`).join('\n');
}

async function runFile(name) {
    const began = Date.now();
    const tally = { passed: 0, failed: 0 };
    await new Promise((resolve) => {
        const stream = run({ files: [HERE + name], concurrency: 1, timeout: 480000 });
        stream.on('test:pass', (data) => { if (!isGroup(data)) tally.passed += 1; });
        stream.on('test:fail', (data) => {
            const { error } = data.details;
            if (isGroup(data) && /subtests? failed/.test(error?.message ?? '')) return;
            tally.failed += 1;
            process.stdout.write(`  FAILED ${name}: ${data.name}\n${explain(error)}\n`);
        });
        stream.on('end', resolve);
        stream.resume();
    });
    total.passed += tally.passed;
    total.failed += tally.failed;
    const took = Math.round((Date.now() - began) / 1000);
    const mark = tally.failed ? 'not ok' : 'ok    ';
    process.stdout.write(`${mark} ${name}  ${tally.passed} passed, ${tally.failed} failed, ${took} s\n`);
}

/* They mostly wait for the browser, so two keep two cores busy. */
const queue = [...files];
async function lane() {
    while (queue.length) await runFile(queue.shift());
}
await Promise.all([lane(), lane()]);
process.stdout.write(`ui: ${total.passed} passed, ${total.failed} failed\n`);
process.exit(total.failed || !total.passed ? 1 : 0);
