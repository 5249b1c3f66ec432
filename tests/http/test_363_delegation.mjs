// Redaction directives hold per server, virtual host, directory, .htaccess and
// SPDX-License-Identifier: Apache-2.0
// location; below ChatGPTRedactLock they can only be made stricter.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync }
    from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { useGateway } from './harness.mjs';
import { ROOT } from './launch.mjs';
import { SAMPLES } from './samples.mjs';
import { freePort, send } from './wire.mjs';

/** Document roots, whose v1 may hold a .htaccess: httpd reads it at each request. */
const root = mkdtempSync(path.join(tmpdir(), 'cg-site-'));
const folders = ['free', 'locked', 'inner', 'placed'].map((name) => path.join(root, name));
for (const folder of [root, ...folders]) {
    mkdirSync(path.join(folder, 'v1'), { recursive: true });
    chmodSync(folder, 0o755);
}
after(() => rmSync(root, { recursive: true }));

const [free, locked, inner, placed] = await Promise.all([freePort(), freePort(),
    freePort(), freePort()]);

const site = (port, folder, ...lines) => [`Listen 127.0.0.1:${port}`,
    `<VirtualHost 127.0.0.1:${port}>`, `DocumentRoot "${folder}"`, ...lines,
    '</VirtualHost>'];
const inside = (folder, ...lines) => [`<Directory "${folder}">`,
    'AllowOverride AuthConfig', ...lines, '</Directory>'];

/** A file of their own, which configtest below does without. */
const sites = path.join(root, 'sites.conf');
writeFileSync(sites, [...site(free, folders[0], 'ChatGPTRedact CREDIT_CARD block answer',
        'ChatGPTRedact US_SSN allow',
        ...inside(folders[0], 'ChatGPTRedact IP_ADDRESS allow',
            'ChatGPTRedact PHONE_NUMBER log')),
    ...site(locked, folders[1], 'ChatGPTRedact US_SSN partial',
        'ChatGPTRedactLock on', ...inside(folders[1])),
    ...site(inner, folders[2], ...inside(folders[2],
        'ChatGPTRedact US_SSN mask', 'ChatGPTRedactLock on')),
    ...site(placed, folders[3], 'ChatGPTRedact US_SSN log', ...inside(folders[3]),
        '<Location "/v1">', 'ChatGPTRedact US_SSN mask', 'ChatGPTRedactLock on',
        '</Location>')].join('\n'));

const gw = useGateway({ server: [`ChatGPTRulesFolder "${ROOT}/conf/rules"`,
    'ChatGPTRedact EMAIL_ADDRESS log',
    `IncludeOptional "${root}/sites*.conf"`] });

const htaccess = (folder, ...lines) => writeFileSync(
    path.join(folder, 'v1', '.htaccess'), `${lines.join('\n')}\n`);

const ALL = ['EMAIL_ADDRESS', 'CREDIT_CARD', 'US_SSN', 'IP_ADDRESS',
    'PHONE_NUMBER'];

/** What reaches the provider of each type: passed, or what stands there. */
async function seen(port, types = ALL) {
    gw.forget();
    const text = types.map((type) => `${type} ${SAMPLES[type]}`).join(' ; ');
    const got = await send(`http://127.0.0.1:${port}/v1/chat/completions`, {
        headers: gw.headers(), body: JSON.stringify({ model: 'gpt-4o-mini',
            messages: [{ role: 'user', content: text }] }) });
    if (got.status !== 200)
        return got;
    const up = JSON.parse(gw.lastBody).messages[0].content.split(' ; ');
    return Object.fromEntries(types.map((type, i) => {
        const there = up[i].slice(type.length + 1);
        return [type, there === SAMPLES[type] ? 'passed'
            : there === `[${type}]` ? 'masked' : there];
    }));
}

test('what each place says holds there, inner places before outer ones', async () => {
    const main = await seen(gw.port);
    assert.deepEqual(main, { EMAIL_ADDRESS: 'passed', CREDIT_CARD: 'masked',
        US_SSN: 'masked', IP_ADDRESS: 'masked', PHONE_NUMBER: 'masked' });
    htaccess(folders[0]);
    assert.deepEqual(await seen(free), { EMAIL_ADDRESS: 'passed',
        CREDIT_CARD: 'masked', US_SSN: 'passed', IP_ADDRESS: 'passed',
        PHONE_NUMBER: 'passed' });
});

test('a .htaccess makes its place stricter', async () => {
    htaccess(folders[0], 'ChatGPTRedact US_SSN mask', 'ChatGPTRedact PHONE_NUMBER block');
    const got = await seen(free, ['US_SSN', 'IP_ADDRESS']);
    assert.deepEqual(got, { US_SSN: 'masked', IP_ADDRESS: 'passed' });
    const refused = await seen(free);
    assert.equal(refused.status, 400);
    assert.equal(refused.error.code, 'content_policy_violation');
});

test('without a lock, what would loosen in a .htaccess has no effect', async () => {
    htaccess(folders[0], 'ChatGPTRedact CREDIT_CARD allow', 'ChatGPTRedact * log');
    assert.equal((await seen(free)).CREDIT_CARD, 'masked');
});

test('below a lock a .htaccess may be stricter', async () => {
    htaccess(folders[1], 'ChatGPTRedact US_SSN mask', 'ChatGPTRedact EMAIL_ADDRESS mask');
    const got = await seen(locked);
    assert.equal(got.US_SSN, 'masked');
    assert.equal(got.EMAIL_ADDRESS, 'masked');
    assert.equal(got.CREDIT_CARD, 'masked');
});

const LOOSE = [
    ['ChatGPTRedact US_SSN log', /US_SSN in requests from partial to log/,
        /"ChatGPTRedact US_SSN partial" \(sites\.conf:\d+\)/],
    ['ChatGPTRedact CREDIT_CARD log answer', // of which nobody has said a word
        /CREDIT_CARD in answers from mask to log/, /sites\.conf:\d+/],
    ['ChatGPTRedact * allow', /from \w+ to allow/, /sites\.conf:\d+/],
    ['ChatGPTAudit best-effort', /ChatGPTAudit best-effort/, /sites\.conf:\d+/],
    ['ChatGPTLabel off', /ChatGPTLabel off/, /sites\.conf:\d+/],
];

for (const [line, what, where] of LOOSE)
    test(`below a lock, ${line} in a .htaccess is refused, and told which line it is`,
        async () => {
            gw.expectLog('CG9003', 'CG9017');
            htaccess(folders[1], '# a line before it', line);
            const got = await seen(locked);
            assert.equal(got.status, 500);
            assert.equal(got.error.type, 'server_error');
            assert.equal(got.error.code, 'policy_locked');
            assert.ok(got.error.message.includes(`"${line}" (/v1/.htaccess:2)`),
                got.error.message);
            assert.match(got.error.message, what);
            assert.match(got.error.message, where);
            assert.match(got.error.message,
                /locked by "ChatGPTRedactLock on" \(sites\.conf:\d+\)/);
            assert.ok(!got.text.includes(root), 'no path of the server');
            assert.equal(gw.reached.length, 0);
            assert.ok(gw.log().includes(
                `"${line}" (${path.join(folders[1], 'v1', '.htaccess')}:2)`));
            const record = await gw.record(got.headers['x-request-id']);
            assert.equal(record.reason, 'policy_locked');
        });

test('a lock of a <Location> holds for a .htaccess, which httpd reads before it', async () => {
    gw.expectLog('CG9003', 'CG9017');
    htaccess(folders[3], 'ChatGPTRedact PHONE_NUMBER block');
    const types = ['US_SSN', 'CREDIT_CARD'];
    assert.deepEqual(await seen(placed, types), { US_SSN: 'masked', CREDIT_CARD: 'masked' });
    assert.equal((await seen(placed)).error.code, 'content_policy_violation');
    htaccess(folders[3], 'ChatGPTRedact US_SSN log');
    const got = await seen(placed, types);
    assert.equal(got.status, 500);
    assert.match(got.error.message, /"ChatGPTRedact US_SSN log" \(\/v1\/\.htaccess:1\)/);
    assert.match(got.error.message, /locked by "ChatGPTRedactLock on" \(sites\.conf:\d+\)/);
});

test('a wrong word in a .htaccess is an error of the API, and the log says where', async () => {
    gw.expectLog(/\.htaccess: ChatGPTRedact/);
    htaccess(folders[0], 'ChatGPTRedact US_SSN shred');
    const got = await seen(free);
    assert.equal(got.status, 500);
    assert.equal(got.error.type, 'server_error');
    assert.match(gw.log(), /ChatGPTRedact: "shred" is not legal; legal: allow, log/);
    htaccess(folders[0]);
});

test('a lock of a <Directory> holds for the .htaccess in it', async () => {
    gw.expectLog('CG9003', 'CG9017');
    htaccess(folders[2], 'ChatGPTRedact US_SSN block answer');
    assert.equal((await seen(inner)).US_SSN, 'masked');
    htaccess(folders[2], 'ChatGPTRedact US_SSN partial');
    assert.equal((await seen(inner)).error.code, 'policy_locked');
    htaccess(folders[2]);
    assert.equal((await seen(inner)).US_SSN, 'masked');
});

test('the lines that follow are judged without the sites above', () => {
    renameSync(sites, `${sites}.away`);
});

const within = (section, ...lines) => [`<${section}>`, ...lines,
    `</${section.split(' ')[0]}>`];
const LOCK = ['ChatGPTRedact US_SSN mask', 'ChatGPTRedactLock on'];

/** Lines at the end of the server's, and what configtest must say of them. */
const WRONG = {
    'a location': [[...LOCK, ...within('Location "/trial"',
        'ChatGPTRedact US_SSN log')],
    ['"ChatGPTRedact US_SSN log"', 'trial.conf:4', 'trial.conf:1', 'trial.conf:2',
        'from mask to log']],
    'a virtual host': [[...LOCK, ...within('VirtualHost 127.0.0.1:1',
        'ServerName other', 'ChatGPTRedact US_SSN allow request')],
    ['"ChatGPTRedact US_SSN allow request"', 'trial.conf:5', 'trial.conf:2']],
    'a directory': [[...LOCK, ...within('Directory "/srv/trial"',
        'ChatGPTRedact * log')], ['"ChatGPTRedact * log"', 'trial.conf:4']],
    'files in a directory': [[...LOCK, ...within('Directory "/srv/trial"',
        ...within('Files "x"', 'ChatGPTRedact US_SSN log'))],
    ['trial.conf:5', 'trial.conf:2']],
    'an <If>': [[...LOCK, ...within('Location "/trial"',
        ...within('If "true"', 'ChatGPTRedact US_SSN log'))],
    ['trial.conf:5', 'trial.conf:2']],
    'a location inside one with the lock': [[
        ...within('Location "/trial"', ...LOCK),
        ...within('Location "/trial/team"', 'ChatGPTRedact US_SSN log')],
    ['trial.conf:6', 'trial.conf:3']],
    'a location inside one that had become stricter': [[...LOCK,
        ...within('Location "/trial"', 'ChatGPTRedact US_SSN block'),
        ...within('Location "/trial/team"', 'ChatGPTRedact US_SSN mask')],
    ['trial.conf:7', 'trial.conf:4', 'from block to mask']],
    'the lock taken back': [[...LOCK, ...within('Location "/trial"',
        'ChatGPTRedactLock off')], ['"ChatGPTRedactLock off"', 'trial.conf:4']],
    'text in records again': [['ChatGPTAuditText off', ...LOCK,
        ...within('Location "/trial"', 'ChatGPTAuditText on')],
    ['"ChatGPTAuditText on"', 'trial.conf:5', 'trial.conf:1']],
    'a type of which only the packs say something': [['ChatGPTRedactLock on',
        ...within('Location "/trial"', 'ChatGPTRedact SECRET_* log')],
    ['"ChatGPTRedact SECRET_* log"', 'trial.conf:3', 'trial.conf:1']],
    'values allowed below it': [[...LOCK, ...within('Location "/trial"',
        'ChatGPTAllowValue "@example.com"')],
    ['ChatGPTAllowValue', 'trial.conf:4']],
};

for (const [what, [lines, words]] of Object.entries(WRONG))
    test(`${what} cannot loosen what is locked: configtest names both lines`,
        async () => {
            const said = await gw.configtest(lines);
            assert.equal(said.ok, false, said.words);
            assert.match(said.words, /CG9010 ChatGPTRedactLock: /);
            for (const word of words)
                assert.ok(said.words.includes(word), `${word} in ${said.words}`);
        });

const RIGHT = {
    'what is stricter': [...LOCK, ...within('Location "/trial"',
        'ChatGPTRedact US_SSN block', 'ChatGPTRedact SECRET_* block answer')],
    'what the lock does not cover': [...LOCK, ...within('Location "/trial"',
        'ChatGPTRetries 5', 'ChatGPTBodyLimit 1G')],
    'a location beside the one with the lock': [
        ...within('Location "/trial"', ...LOCK),
        ...within('Location "/trialling"', 'ChatGPTRedact US_SSN log')],
    'a section that locks what it loosens itself': ['ChatGPTRedact US_SSN block',
        ...within('Location "/trial"', 'ChatGPTRedact US_SSN log',
            'ChatGPTRedactLock on')],
    'packs, which are only added': [...LOCK, ...within('Location "/trial"',
        'ChatGPTRules cn')],
};

for (const [what, lines] of Object.entries(RIGHT))
    test(`a lock allows ${what}`, async () => {
        const said = await gw.configtest(lines);
        assert.ok(said.ok, said.words);
    });
