// Packs of rules: chosen per vhost, place and .htaccess, each counting alone.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-packs-'));
chmodSync(folder, 0o755); // httpd's user reads .htaccess there
after(() => rmSync(folder, { recursive: true, force: true }));

const put = (name, lines) => {
    const file = path.join(folder, name);
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
};
const OURS = put('ours.rules', ['pack ours "Our own"',
    'list projects whole-word', '    Aurora', '    极光计划',
    'list sealed action=block', '    绝密文件',
    'regex ticket TKT-[0-9]{6}', 'allow bob@example.org']);
const THEIRS = put('theirs.rules', ['regex ticket TKT-[0-9]{6}Z?',
    'list projects', '    Aurora Borealis']);

/** The API at a path of its own, with directives there. */
const place = (at, ...lines) => [`<Location "${at}/v1">`,
    'ChatGPTEngine on', 'AuthType ChatGPT', 'AuthName chatgpt',
    'Require valid-user', 'ChatGPTLimit key none',
    'ChatGPTLimit address none', ...lines, '</Location>'];

const site = path.join(folder, 'site');
for (const name of ['v1', 'team'])
    mkdirSync(path.join(site, name, name === 'team' ? 'v1' : ''),
        { recursive: true });
writeFileSync(path.join(site, 'team', '.htaccess'),
    `ChatGPTRules ${OURS}\n`);
writeFileSync(path.join(site, 'v1', '.htaccess'),
    'ChatGPTRules nothing-anybody-knows\n');

const gw = useGateway({ server: [
    'ChatGPTWords ' + put('all.txt', ['Everywhere']) + ' whole-word',
    ...place('/cn', 'ChatGPTRules cn'),
    ...place('/own', `ChatGPTRules ${OURS}`),
    ...place('/both', `ChatGPTRules cn ${OURS} ${THEIRS}`),
    ...place('/theirs', `ChatGPTRules global ${THEIRS}`),
    ...place('/allow', 'ChatGPTAllowValue @example.com 203.0.114.0/24',
        `ChatGPTAllowValue "${SAMPLES.CREDIT_CARD}"`),
    '<VirtualHost *>', 'ServerName 127.0.0.1', '</VirtualHost>',
    '<VirtualHost *>', 'ServerName packs.example', 'ChatGPTRules secrets',
    '</VirtualHost>',
    '<VirtualHost *>', 'ServerName files.example', `DocumentRoot "${site}"`,
    'ChatGPTRules secrets',
    `<Directory "${site}">`, 'AllowOverride AuthConfig', 'ChatGPTEngine on',
    'AuthType ChatGPT', 'AuthName chatgpt', 'Require valid-user',
    '</Directory>', '</VirtualHost>',
] });


/** What reached the provider of a text sent to a place. */
async function sent(at, content, headers) {
    gw.forget();
    const got = await gw.call('/chat/completions', { headers,
        body: { model: MODEL, messages: [{ role: 'user', content }] },
        ...(at ? { at } : {}) });
    assert.equal(got.status, 200, got.text);
    return JSON.parse(gw.lastBody).messages[0].content;
}

async function through(at, content, headers) {
    gw.forget();
    const api = gw.api;
    gw.api = gw.api.replace(/\/v1$/, `${at}/v1`);
    try {
        return await sent(undefined, content, headers);
    } finally {
        gw.api = api;
    }
}

const ID = '11010519491231002X';

test('without ChatGPTRules every type is masked', async () => {
    assert.equal(await sent(undefined,
        `身份证 ${ID} ssn ${SAMPLES.US_SSN} ${SAMPLES.EMAIL_ADDRESS}`),
    '身份证 [CN_RESIDENT_ID] ssn [US_SSN] [EMAIL_ADDRESS]');
});

test('a pack that is chosen lets pass what is not in it', async () => {
    assert.equal(await through('/cn',
        `身份证 ${ID} ssn ${SAMPLES.US_SSN} Everywhere Aurora`),
    `身份证 [CN_RESIDENT_ID] ssn ${SAMPLES.US_SSN} [KEYWORD] Aurora`);
});

test('a file without types takes no type away and adds its own', async () => {
    assert.equal(await through('/own',
        `Aurora 看极光计划 TKT-123456 ${SAMPLES.US_SSN} bob@example.org `
        + 'eve@example.org'),
    '[KEYWORD] 看[KEYWORD] [CUSTOM:ticket] [US_SSN] bob@example.org '
        + '[EMAIL_ADDRESS]');
});

test('packs together: longest word, each regex by its own name', async () => {
    assert.equal(await through('/both',
        `Aurora Borealis, Aurora, TKT-123456Z, ssn ${SAMPLES.US_SSN}`),
    `[KEYWORD], [KEYWORD], [CUSTOM:ticket], ssn ${SAMPLES.US_SSN}`);
});

test('a list or regex of another place does not count', async () => {
    assert.equal(await through('/theirs', 'Aurora, TKT-123456, 极光计划'),
        'Aurora, [CUSTOM:ticket], 极光计划');
    assert.equal(await sent(undefined, 'Aurora TKT-123456'),
        'Aurora TKT-123456');
});

test('the action of a list goes before that of its type', async () => {
    const api = gw.api;
    gw.api = gw.api.replace(/\/v1$/, '/own/v1');
    gw.forget();
    const got = await gw.chat('这是绝密文件');
    gw.api = api;
    assert.equal(got.status, 400, got.text);
    assert.equal(got.error.code, 'content_policy_violation');
    assert.ok(!got.text.includes('绝密'), got.text);
    assert.equal(gw.reached.length, 0);
});

test('values that are allowed here are found elsewhere', async () => {
    const text = `a@example.com b@sub.example.com 203.0.114.77 203.0.115.78 ${
        SAMPLES.CREDIT_CARD}`;
    assert.equal(await through('/allow', text),
        `a@example.com [EMAIL_ADDRESS] 203.0.114.77 [IP_ADDRESS] ${
            SAMPLES.CREDIT_CARD}`);
    assert.equal(await sent(undefined, text),
        '[EMAIL_ADDRESS] [EMAIL_ADDRESS] [IP_ADDRESS] [IP_ADDRESS] '
        + '[CREDIT_CARD]');
});

const TOKEN = ['gh', 'p_16C7e42F292c6912E7710c838347Ae178B4a'].join('');

test('a virtual host chooses for itself', async () => {
    assert.equal(await sent(undefined, `${SAMPLES.US_SSN} ${TOKEN}`,
        { host: 'packs.example' }),
    `${SAMPLES.US_SSN} [SECRET_GITHUB_TOKEN]`);
});

test('a .htaccess adds a pack to those of its virtual host', async () => {
    const host = { host: 'files.example' };
    const text = `${SAMPLES.US_SSN} ${TOKEN} Aurora`;
    assert.equal(await through('/team', text, host),
        `${SAMPLES.US_SSN} [SECRET_GITHUB_TOKEN] [KEYWORD]`);
});

test('a .htaccess cannot name a pack that the server does not know',
    async () => {
        gw.expectLog(/nothing-anybody-knows/);
        gw.forget();
        const got = await gw.chat('x', { headers: { host: 'files.example' } });
        assert.equal(got.status, 500, got.text);
        assert.equal(gw.reached.length, 0);
    });

test('answers are judged by the packs of the place too', async () => {
    for (const chunk of [undefined, 3]) {
        gw.script({ say: 'TKT-123456 and Aurora', chunk });
        const api = gw.api;
        gw.api = gw.api.replace(/\/v1$/, '/own/v1');
        const got = chunk ? await gw.stream('x') : await gw.chat('x');
        gw.api = api;
        assert.equal(got.said ?? got.text, '[CUSTOM:ticket] and [KEYWORD]');
    }
});
