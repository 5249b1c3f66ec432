// The key of pseudonyms changes under conversations that go on.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { rmSync } from 'node:fs';

import { sleep, until, useGateway } from './harness.mjs';

const MAIL = 'ann.lee@example.com';
const file = path.join(tmpdir(), `cg-pseudonyms-${process.pid}`);
const line = (letter) => `${letter} is one of the keys of this test, long`;
const keys = (...letters) => writeFileSync(file,
    `${letters.map(line).join('\n\n')}\n`, { mode: 0o600 });

keys('a');
after(() => rmSync(file, { force: true }));
const gw = useGateway({ policy: ['ChatGPTRedact * pseudonym request'],
    server: [`ChatGPTPseudonymKeyFile ${file}`] });

async function tokenOf(value) {
    gw.script({ say: 'ok' });
    await gw.chat(`mail ${value} `, { agent: false });
    return /\[\[[A-Z_]+_[a-z2-7]+\]\]/.exec(gw.lastBody)[0];
}

async function reload(before) {
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    return until(async () => {
        const now = await tokenOf(MAIL);
        return now !== before && now;
    }, { ms: 10000, every: 100, what: 'the new key' });
}

test('a new key is used at once, and the old one is understood', async () => {
    const old = await tokenOf(MAIL);
    gw.script({ say: `long ago ${old} wrote to us`, chunk: 3, gap_ms: 120 });
    const open = gw.stream(`mail ${MAIL}`);
    await sleep(300);
    keys('b', 'a');
    const now = await reload(old);
    assert.notEqual(now, old);
    assert.equal((await open).text, `long ago ${MAIL} wrote to us`);
    // A conversation the provider keeps knows the old token.
    const say = `${old} is ${now}`;
    gw.script({ say }, { say, chunk: 2 });
    assert.equal((await gw.chat(`mail ${MAIL}`)).said, `${MAIL} is ${MAIL}`);
    assert.equal((await gw.stream(`mail ${MAIL}`)).text,
        `${MAIL} is ${MAIL}`);
    // ... but not for one who does not have the value, or has typed the token.
    gw.script({ say }, { say });
    assert.equal((await gw.chat('who is it')).said, say);
    assert.equal((await gw.chat(`${MAIL} is ${old}, or not`)).said,
        `${old} is ${MAIL}`);
});

test('a key that is taken away is forgotten', async () => {
    keys('a');
    const old = await tokenOf(MAIL);
    const now = await reload(old);
    gw.script({ say: `${old} is ${now}` });
    assert.equal((await gw.chat(`mail ${MAIL}`)).said, `${old} is ${MAIL}`);
});

test('a file without good keys is refused before httpd starts', async () => {
    const bad = `${file}-bad`;
    for (const [text, words] of [['', 'no key'], ['short\n', '5 bytes'],
        [null, 'cannot read']]) {
        if (text === null)
            rmSync(bad, { force: true });
        else
            writeFileSync(bad, text);
        const said = await gw.configtest([`ChatGPTPseudonymKeyFile ${bad}`]);
        assert.ok(!said.ok);
        assert.ok(said.words.includes('ChatGPTPseudonymKeyFile'), said.words);
        assert.ok(said.words.includes(words), said.words);
        assert.ok(!said.words.includes('short'), said.words);
    }
    rmSync(bad, { force: true });
});
