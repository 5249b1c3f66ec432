// Wrong rules stop the start, with directive, value, what is legal, and file:line;
// the tool says the same beforehand, and tells what other rules would have found.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-rules-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const put = (name, text) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
};

const gw = useGateway();

const FAULTY = put('faulty.rules', '# ours\ntype US_SSN\nallow 10.0.0.0/99\n');
const BOMB = put('bomb.rules', 'regex b ((a{100}){100}){100}\n');
const TWICE = put('twice.rules', 'pack cn\n');

/** Directive, value, what the error must say besides. */
const WRONG = [
    ['ChatGPTRules', 'atlantis', [/cn, eu, global, secrets, us/, /\.rules/]],
    ['ChatGPTRules', `cn ${folder}/none.rules`, [/none\.rules.*cannot be read/]],
    ['ChatGPTRules', FAULTY, [/faulty\.rules:3: /, /10\.0\.0\.0\/8/]],
    ['ChatGPTRules', BOMB, [/bomb\.rules:1: /, /too large/]],
    ['ChatGPTRules', TWICE, [/pack cn is already in/]],
    ['ChatGPTAllowValue', '10.0.0.0/99', [/10\.0\.0\.0\/8/]],
    ['ChatGPTAllowValue', '"-"', [/1 to 512 bytes/]],
];

for (const [directive, value, says] of WRONG)
    test(`${directive} ${path.basename(value)} stops the start and says why`,
        async () => {
            const begun = Date.now();
            const said = await gw.configtest(['<Location "/trial/">',
                `${directive} ${value}`, '</Location>']);
            assert.equal(said.ok, false, 'httpd -t accepted it');
            assert.ok(said.words.includes(directive), said.words);
            assert.ok(said.words.includes(value.split(' ').at(-1)
                .replaceAll('"', '')), said.words);
            assert.match(said.words, /trial\.conf:2|line 2 of \S*trial\.conf/);
            for (const one of says)
                assert.match(said.words, one);
            assert.ok(Date.now() - begun < 5000);
        });

/** The same outside every section. */
const AT_SERVER = [
    ['ChatGPTRulesFolder', `${folder}/nowhere`, /cannot be read/],
    ['ChatGPTWords', put('short.txt', 'fine\nq\n'), /short\.txt:2: .*2 to 160/],
    ['ChatGPTPattern', 'all .+', /nearly any text/],
    ['ChatGPTPattern', 'look "(?=a)b"', /regex look/],
];

for (const [directive, value, says] of AT_SERVER)
    test(`${directive} ${path.basename(value)} stops the start and says why`,
        async () => {
            const said = await gw.configtest([`${directive} ${value}`]);
            assert.equal(said.ok, false, 'httpd -t accepted it');
            assert.ok(said.words.includes(directive), said.words);
            assert.match(said.words, says);
        });

test('a folder of packs of one\'s own takes the place of the other', async () => {
    put('own/team.rules', 'type US_SSN\n');
    put('own/readme.txt', 'no pack\n');
    const own = `ChatGPTRulesFolder ${folder}/own`;
    assert.ok((await gw.configtest([own, 'ChatGPTRules team'])).ok);
    assert.match((await gw.configtest([own, 'ChatGPTRules cn'])).words,
        /legal: team,/);
    put('own/bad.rules', 'type NO_SUCH_TYPE\n');
    assert.match((await gw.configtest([own])).words, /bad\.rules:1: .*NO_SUCH/);
});

test('below a lock packs are added and no value can be allowed', async () => {
    const below = (line) => ['ChatGPTRules global secrets',
        'ChatGPTRedactLock on', '<Location "/trial/">', line, '</Location>'];
    assert.ok((await gw.configtest(below('ChatGPTRules cn'))).ok);
    const said = await gw.configtest(below('ChatGPTAllowValue @example.com'));
    assert.equal(said.ok, false);
    assert.match(said.words, /ChatGPTAllowValue @example\.com/);
    assert.match(said.words, /trial\.conf:4/);
    assert.match(said.words, /ChatGPTRedactLock on/);
});

test('chatgptctl rules check tells every fault with its line', async () => {
    const file = put('many.rules', 'list a b c\n  word\n  q\nregex x (\n'
        + 'action US_SSN shred\n  stray\nallow @example.com\n');
    const got = await gw.ctl(['rules', 'check', file, FAULTY]);
    assert.equal(got.code, 1);
    const lines = got.stdout.trim().split('\n');
    assert.deepEqual(lines.map((line) => line.replace(`${folder}/`, '')
        .split(': ')[0]), ['many.rules:1', 'many.rules:4', 'many.rules:5',
        'faulty.rules:3']);
});

test('chatgptctl rules check says nothing of sound files', async () => {
    const file = put('sound.rules', 'list a\n  word\nregex x A-[0-9]+\n');
    const got = await gw.ctl(['rules', 'check', file]);
    assert.deepEqual([got.code, got.stdout, got.stderr], [0, '', '']);
    assert.equal((await gw.ctl(['rules', 'check'])).code, 2);
    assert.equal((await gw.ctl(['rules'])).code, 2);
});

test('chatgptctl scan --rules masks by types, lists, regexes and exceptions',
    async () => {
        const rules = put('scan.rules', 'pack p\ntype US_SSN partial\n'
            + 'list w whole-word\n  aurora\nregex t caseless tkt-[0-9]{3}\n'
            + 'type EMAIL_ADDRESS\nallow @example.com\n');
        const text = `Aurora auroras TKT-123 a@example.com b@example.org ssn ${
            SAMPLES.US_SSN} ip 203.0.115.77`;
        const got = await gw.ctl(['scan', '--rules', rules],
            { input: `${JSON.stringify({ id: 1, text })}\n` });
        assert.equal(got.code, 0, got.stderr);
        assert.deepEqual(got.lines[0].entities.map((one) => one.type),
            ['KEYWORD', 'CUSTOM:t', 'EMAIL_ADDRESS', 'US_SSN']);
        assert.equal(got.lines[0].masked, '[KEYWORD] auroras [CUSTOM:t] '
            + `a@example.com [EMAIL_ADDRESS] ssn ***-**-${
                SAMPLES.US_SSN.slice(-4)} ip 203.0.115.77`);
        const faulty = await gw.ctl(['scan', '--rules', FAULTY], { input: '' });
        assert.equal(faulty.code, 1);
        assert.match(faulty.stderr, /faulty\.rules:3: /);
    });

test('chatgptctl policy replay tells hits before and after of an export',
    async () => {
        const plain = await gw.chat('nothing of note');
        const kept = await gw.chat(`Aurora for ${SAMPLES.EMAIL_ADDRESS} and ${
            SAMPLES.US_SSN}`);
        const ids = [plain, kept].map((one) => one.headers['x-request-id']);
        for (const id of ids)
            await gw.record(id);
        const file = put('export.jsonl', (await gw.admin('GET',
            '/exports')).text);
        const rules = put('next.rules',
            'type EMAIL_ADDRESS block\nlist w\n  aurora\n');
        const got = await gw.ctl(['policy', 'replay', '--rules', rules, file]);
        assert.equal(got.code, 0, got.stderr);
        const mine = got.lines.find((one) => one.id === ids[1]);
        // Of prompt and answer, which says the prompt again.
        assert.deepEqual(mine.before, { EMAIL_ADDRESS: 2, US_SSN: 2 });
        assert.deepEqual(mine.after, { KEYWORD: 2, EMAIL_ADDRESS: 2 });
        assert.deepEqual([mine.refused_before, mine.refused_after],
            [false, true]);
        assert.ok(!got.lines.some((one) => one.id === ids[0]));
        const sum = got.lines.at(-1);
        assert.ok(sum.records >= 2 && sum.scanned >= 2 && sum.changed >= 1);
        assert.equal(sum.refused_before, 0);
        assert.equal(sum.refused_after, 1);
        assert.ok(!got.stdout.includes(SAMPLES.EMAIL_ADDRESS));
        const none = await gw.ctl(['policy', 'replay', file]);
        assert.equal(none.code, 2);
    });
