// Alerts by TLS: only to a receiver whose certificate is trusted.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { Mailbox, readMail, Receiver } from './receiver.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'cg-alert-tls-'));
const file = (name) => path.join(folder, name);
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=receiver',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('key.pem'),
    '-out', file('cert.pem')], { stdio: 'ignore' });
chmodSync(folder, 0o755); // the children of httpd read the certificates
const secure = { key: readFileSync(file('key.pem')),
    cert: readFileSync(file('cert.pem')) };
const hook = await Receiver.start(0, secure);
const box = await Mailbox.start(0, secure);
after(async () => {
    await Promise.all([hook.close(), box.close()]);
    rmSync(folder, { recursive: true, force: true });
});

const mail = 'from=a@example.com to=b@example.com';
const gw = useGateway({ server: [
    `ChatGPTAlertTo known ${hook.url} ca=${file('cert.pem')}`,
    `ChatGPTAlertTo stranger ${hook.url} tries=1`,
    `ChatGPTAlertTo elsewhere ${hook.url.replace('127.0.0.1', 'localhost')} `
        + `ca=${file('cert.pem')} tries=1`,
    `ChatGPTAlertTo post ${box.url} ${mail} ca=${file('cert.pem')}`,
    `ChatGPTAlertTo lost-post ${box.url} ${mail} tries=1`] }, () =>
    gw.expectLog('CG9051'));

const ended = async (way) => {
    const made = await gw.admin('POST', '/alert-tests', { way, note: way });
    assert.equal(made.status, 202, made.text);
    let one;
    await until(async () => {
        [one] = (await gw.admin('GET', `/alerts/${made.json.id}`))
            .json.deliveries;
        return one.state !== 'waiting';
    }, { ms: 8000, every: 100, what: `the end of ${way}` });
    return { id: made.json.id, ...one };
};

test('a webhook goes to who is trusted, and to nobody else', async () => {
    const good = await ended('known');
    assert.equal(good.state, 'sent', good.error);
    assert.ok(hook.calls.some((call) => call.id === good.id));
    for (const way of ['stranger', 'elsewhere']) {
        const bad = await ended(way);
        assert.equal(bad.state, 'dead');
        assert.match(bad.error, /certificate is not trusted/);
        assert.ok(!bad.error.includes('of-the-path'));
        assert.ok(hook.calls.every((call) => call.id !== bad.id));
    }
});

test('so does mail', async () => {
    const good = await ended('post');
    assert.equal(good.state, 'sent', good.error);
    assert.match(readMail(box.mails[0].text).headers.subject, /post$/);
    const bad = await ended('lost-post');
    assert.equal(bad.state, 'dead');
    assert.match(bad.error, /certificate is not trusted/);
    assert.equal(box.mails.length, 1);
});
