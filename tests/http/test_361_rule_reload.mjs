// A rule file that changes: a graceful reload takes it, and drops no stream.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-reload-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const RULES = path.join(folder, 'ours.rules');
const WORDS = path.join(folder, 'words.txt');
const write = (...lines) => writeFileSync(RULES, `${lines.join('\n')}\n`);

/** Two thousand words, so that there is something to compile. */
const many = (extra) => writeFileSync(WORDS, `${[...Array.from({ length: 2000 },
    (_, i) => `Projekt ${i} intern`), ...extra].join('\n')}\n`);
write('words projects words.txt whole-word');
many(['Aurora']);

// Children whose streams go on take a place beside their successors.
const gw = useGateway({ server: ['ServerLimit 16',
    `ChatGPTRules * ${RULES}`] });

async function seen(text) {
    gw.forget();
    const got = await gw.chat(text);
    assert.equal(got.status, 200, got.text);
    return JSON.parse(gw.lastBody).messages[0].content;
}

/** Graceful, as `apachectl graceful` asks for it. */
const reload = () => process.kill(gw.ready.httpd_pid, 'SIGUSR1');

test('a rule that is written is in force after a graceful reload, and no stream '
    + 'is dropped', async () => {
    assert.equal(await seen('Aurora and Borealis'), '[KEYWORD] and Borealis');
    const say = Array.from({ length: 40 }, (_, i) => `word${i} Borealis `)
        .join('');
    gw.forget();
    gw.script(...Array.from({ length: 6 }, () => ({ say, chunk: 8,
        gap_ms: 40 })));
    let ended = 0;
    const streams = Array.from({ length: 6 }, async () => {
        const got = await gw.stream('go');
        ended++;
        return got;
    });
    await sleep(300);
    many(['Aurora', 'Borealis']);
    reload();
    await until(async () => await seen('Borealis') === '[KEYWORD]',
        { ms: 10000, every: 100, what: 'the new rule' });
    assert.equal(ended, 0, 'all of them still run');
    for (const one of await Promise.all(streams)) {
        assert.equal(one.status, 200);
        assert.ok(one.raw.includes('[DONE]'), one.raw.slice(-200));
        assert.equal(one.text, say, 'it ends with the rules it began with');
    }
});

test('requests that go on while rules are reloaded all succeed', async () => {
    let isDone = false;
    const crowd = Array.from({ length: 4 }, async () => {
        let count = 0;
        while (!isDone ? count < 400 : count < 4) {
            const got = await gw.chat('Projekt 7 intern');
            assert.equal(got.status, 200, got.text);
            assert.match(got.text, /\[KEYWORD\]/);
            count++;
        }
        return count;
    });
    for (let i = 0; i < 3; i++) {
        many(['Aurora', 'Borealis', `Wort${i}`]);
        reload();
        await until(async () => (await gw.chat(`see Wort${i}`)).text
            .includes('[KEYWORD]'), { ms: 10000, every: 50, what: 'Wort' });
    }
    isDone = true;
    for (const count of await Promise.all(crowd))
        assert.ok(count > 3);
});

test('a faulty file is told with its line, and the running rules go on',
    async () => {
        write('words projects words.txt whole-word', '', 'regex bad a(b');
        const said = await gw.configtest();
        assert.equal(said.ok, false, 'httpd -t accepted it');
        assert.ok(said.words.includes('ChatGPTRules'), said.words);
        assert.ok(said.words.includes(`${RULES}:3: `), said.words);
        assert.match(said.words, /regex bad/);
        assert.match(said.words, /server\.conf:\d+/, 'and who named the file');
        assert.equal(await seen('Aurora and a(b'), '[KEYWORD] and a(b');
        write('words projects words.txt whole-word');
        assert.equal((await gw.configtest()).ok, true);
    });
