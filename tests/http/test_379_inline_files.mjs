// Files inside JSON: read where they are text, counted or refused where not.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const gw = useGateway({ policy: [
    '<If "-n req(\'X-Deny\')">', 'ChatGPTOpaque deny', '</If>',
    '<If "-n req(\'X-Allow\')">', 'ChatGPTOpaque allow', '</If>'] });

const base64 = (text) => Buffer.from(text).toString('base64');
const CSV = `name,card,mail\nBob,${SAMPLES.CREDIT_CARD},${
    SAMPLES.EMAIL_ADDRESS}\nAnn,none,none\n`;
const PNG = `data:image/png;base64,${Buffer.from([0x89, 0x50, 0x4e, 0x47, 13,
    10, 26, 10, ...Array(120).keys()]).toString('base64')}`;
const file = (url) => [{ role: 'user', content: [
    { type: 'text', text: 'Look at this.' },
    { type: 'file', file: { filename: 'a.csv', file_data: url } }] }];
const picture = (url) => [{ role: 'user', content: [
    { type: 'image_url', image_url: { url } }] }];

const fileSent = () => JSON.parse(gw.lastBody).messages[0].content[1]
    .file.file_data;

test('a file of text arrives masked, and is the same file else', async () => {
    const got = await gw.chat(file(`data:text/csv;base64,${base64(CSV)}`));
    assert.equal(got.status, 200, got.text);
    const [head, payload] = fileSent().split(',');
    assert.equal(head, 'data:text/csv;base64');
    assert.equal(Buffer.from(payload, 'base64').toString(),
        'name,card,mail\nBob,[CREDIT_CARD],[EMAIL_ADDRESS]\nAnn,none,none\n');
    assert.equal(got.headers['x-chatgpt-opaque'], undefined);
});

test('a file without a finding arrives byte for byte', async () => {
    const url = `data:text/csv;base64,${base64('name,city\nBob,Rome\n'
        .repeat(9)).replace(/(.{60})/g, '$1\n')}`;
    await gw.chat(file(url));
    assert.equal(fileSent(), url);
});

test('text that is called a picture is read all the same', async () => {
    await gw.chat(picture(`data:image/png;base64,${base64(CSV)}`));
    assert.ok(!gw.lastBody.includes(base64(SAMPLES.CREDIT_CARD).slice(0, 12)));
    const { url } = JSON.parse(gw.lastBody).messages[0].content[0].image_url;
    assert.match(Buffer.from(url.split(',')[1], 'base64').toString(),
        /\[CREDIT_CARD\]/);
});

test('a picture passes, and header and record say so', async () => {
    const got = await gw.chat([...picture(PNG), ...picture(PNG)]);
    assert.equal(got.status, 200, got.text);
    assert.equal(got.headers['x-chatgpt-opaque'], '2');
    assert.ok(gw.lastBody.includes(PNG));
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.opaque, 'image=2');
});

test('denied, it is refused with its place and goes nowhere', async () => {
    gw.forget();
    const got = await gw.chat(picture(PNG), { headers: { 'x-deny': '1' } });
    assert.equal(got.status, 400);
    assert.equal(got.error.code, 'content_not_readable');
    assert.equal(got.error.param, '/messages/0/content/0/image_url/url');
    assert.equal(gw.reached.length, 0);
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.opaque, 'image=1');
});

test('allowed, it is counted in the record alone', async () => {
    const got = await gw.chat(picture(PNG), { headers: { 'x-allow': '1' } });
    assert.equal(got.status, 200);
    assert.equal(got.headers['x-chatgpt-opaque'], undefined);
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.opaque, 'image=1');
});

test('an address of a picture is text, and no file', async () => {
    await gw.chat(picture(`https://example.com/?card=${SAMPLES.CREDIT_CARD
        .replaceAll(' ', '')}`), { headers: { 'x-deny': '1' } });
    assert.ok(gw.lastBody.includes('card=[CREDIT_CARD]'), gw.lastBody);
});
