// Alerts by mail: readable in two languages, signed in to, and never a header more.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { Mailbox, readMail } from './receiver.mjs';

const en = await Mailbox.start();
const zh = await Mailbox.start();
const far = await Mailbox.start();
en.auth = true;
const file = path.join(os.tmpdir(), `mail-password-${process.pid}`);
const password = ['not', 'to', 'be', 'seen'].join('-');
writeFileSync(file, `${password}\n`, { mode: 0o600 });
after(() => Promise.all([en.close(), zh.close(), far.close()]));

// The address 0 is this machine's too, but not known for it: TLS must be.
const gw = useGateway({ server: [
    `ChatGPTAlertTo english ${en.url} from=gateway@example.com `
        + `to=ops@example.com,chief@example.com user=gateway password=file:${file}`,
    `ChatGPTAlertTo chinese ${zh.url} from=gateway@example.cn to=yunwei@example.cn `
        + 'language=zh',
    `ChatGPTAlertTo far smtp://0:${far.port} from=a@example.com to=b@example.com `
        + 'tries=2'] }, () => gw.expectLog('CG9051'));

const send = async (way, note) => {
    const made = await gw.admin('POST', '/alert-tests', { way, note });
    assert.equal(made.status, 202, made.text);
    return made.json.id;
};
const state = async (id) => (await gw.admin('GET', `/alerts/${id}`))
    .json.deliveries[0];

test('a mail in English: all addresses, signed in, its id in the Message-ID',
    async () => {
        const id = await send('english', 'does it ring?');
        const mail = await en.got();
        assert.equal(mail.from, 'gateway@example.com');
        assert.deepEqual(mail.to, ['ops@example.com', 'chief@example.com']);
        const { headers, body } = readMail(mail.text);
        assert.match(headers.subject, /^\[mod_chatgpt\] a test alert .*does it ring\?$/);
        assert.equal(headers['message-id'], `<${id}@example.com>`);
        assert.match(headers.date,
            /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
        assert.equal(headers['auto-submitted'], 'auto-generated');
        assert.match(body, new RegExp(`Alert: ${id}`));
        const said = en.lines.find((line) => line.startsWith('AUTH PLAIN'));
        const told = Buffer.from((said.split(' ')[2]
            ?? en.lines[en.lines.indexOf(said) + 1]), 'base64').toString();
        assert.equal(told, `\0gateway\0${password}`);
        assert.ok(!gw.log().includes(password));
    });

test('a mail in Chinese, longer than a line', async () => {
    await send('chinese', '测试'.repeat(60));
    const { headers, lines, body } = readMail((await zh.got()).text);
    assert.match(headers.subject, /^\[mod_chatgpt 告警\] 网关测试告警：(测试)+/);
    assert.match(body, /时间：/);
    assert.ok(!headers.subject.includes('\ufffd'), 'no character is cut');
    assert.ok(lines.length >= 8);
    for (const line of (await zh.got()).text.split('\r\n'))
        assert.ok(line.length <= 78, line);
});

test('what people write cannot add a header, an address or a line', async () => {
    const before = zh.mails.length;
    for (const note of ['x\r\nBcc: thief@evil.test\r\n\r\nhello',
        'x\n.\nMAIL FROM:<thief@evil.test>', '\u2028\u0085Bcc: y@evil.test'])
        await send('chinese', note);
    await zh.got(6000, before + 3);
    for (const mail of zh.mails.slice(before)) {
        const { headers, lines } = readMail(mail.text);
        assert.equal(headers.bcc, undefined);
        assert.deepEqual(mail.to, ['yunwei@example.cn']);
        assert.ok(lines.every((line) =>
            /^(Date|From|To|Subject|Message-ID|Auto-Submitted|MIME-Version|Content-[\w-]+): /
                .test(line)), lines.join('\n'));
    }
    assert.ok(zh.lines.every((line) => !line.includes('evil.test')));
});

test('a server that is down, then says not now, then takes it', async () => {
    const { port } = zh;
    await zh.close();
    const id = await send('chinese', 'later');
    await until(async () => (await state(id)).tries >= 1
        && (await state(id)).error, { ms: 5000, every: 100, what: 'a failure' });
    const next = await Mailbox.start(port);
    next.refuse = true;
    await until(() => next.lines.includes('DATA'), { ms: 9000,
        what: 'the next try' });
    next.refuse = false;
    const mail = await next.got(12000);
    assert.match(readMail(mail.text).headers['message-id'], new RegExp(id));
    await until(async () => (await state(id)).state === 'sent', { ms: 3000,
        what: 'sent' });
    await next.close();
});

test('away from this machine nothing is sent without TLS', async () => {
    const id = await send('far', 'secret');
    await until(async () => (await state(id)).state === 'dead', { ms: 9000,
        every: 100, what: 'it to be given up' });
    assert.match((await state(id)).error, /STARTTLS/);
    assert.equal(far.mails.length, 0);
    assert.ok(far.lines.every((line) => !line.startsWith('MAIL')));
});
