// Who gets alerts: a receiver of webhooks and a mail server, as tests want them.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { createServer } from 'node:tls';

import { until } from './wire.mjs';

const body = async (request) => {
    const parts = [];
    for await (const part of request)
        parts.push(part);
    return Buffer.concat(parts).toString();
};

/** Webhooks: each call is kept; `answer` says what comes back. */
export class Receiver {
    calls = [];

    /** Status, or null for silence. */
    answer = () => 200;

    /** secure: { key, cert } of TLS. */
    static async start(port = 0, secure = null) {
        const one = new Receiver();
        const take = (request, response) => one.#take(request, response);
        one.server = secure ? https.createServer(secure, take)
            : http.createServer(take);
        await new Promise((done) => one.server.listen(port, '127.0.0.1', done));
        one.port = one.server.address().port;
        one.url = `${secure ? 'https' : 'http'}://127.0.0.1:${one.port}`
            + '/hook?token=of-the-path';
        return one;
    }

    async #take(request, response) {
        const call = { at: Date.now(), url: request.url,
            headers: request.headers, text: await body(request) };
        call.id = request.headers['webhook-id'];
        call.json = JSON.parse(call.text);
        call.data = call.json.data;
        this.calls.push(call);
        const status = await this.answer(call);
        if (status === null)
            return;
        response.writeHead(status, status >= 300 && status < 400
            ? { Location: `http://127.0.0.1:${this.port}/elsewhere` } : {});
        response.end('{"a":"receiver may say what it likes"}');
    }

    async got(fits, ms = 6000) {
        let found;
        await until(() => {
            found = this.calls.find(fits);
            return found;
        }, { ms, what: 'a webhook' });
        return found;
    }

    async close() {
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }
}

/** By the rules of Standard Webhooks, written anew from them. */
export function assertSigned(call, secret) {
    const key = secret.startsWith('whsec_')
        ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
    const { headers } = call;
    const said = headers['webhook-signature'].split(' ')
        .map((one) => one.split(','));
    const due = createHmac('sha256', key)
        .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`)
        .update(call.text).digest();
    assert.ok(said.some(([version, text]) => version === 'v1'
        && Buffer.from(text, 'base64').length === due.length
        && timingSafeEqual(Buffer.from(text, 'base64'), due)),
    'the signature is right');
    assert.ok(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))
        < 30);
}

/** A mail server that takes everything, and keeps the dialogue. */
export class Mailbox {
    mails = [];
    lines = [];
    auth = false;
    refuse = false;

    static async start(port = 0, secure = null) {
        const one = new Mailbox();
        const talk = (socket) => one.#talk(socket);
        one.server = secure ? createServer(secure, talk)
            : net.createServer(talk);
        one.server.on('tlsClientError', () => {});
        await new Promise((done) => one.server.listen(port, '127.0.0.1', done));
        one.port = one.server.address().port;
        one.url = `${secure ? 'smtps' : 'smtp'}://127.0.0.1:${one.port}`;
        return one;
    }

    #talk(socket) {
        const mail = { to: [] };
        let text = '';
        let isData = false;
        socket.on('error', () => {});
        socket.write('220 mailbox\r\n');
        socket.on('data', (part) => {
            text += part;
            for (;;) {
                const end = text.indexOf(isData ? '\r\n.\r\n' : '\r\n');
                if (end < 0)
                    return;
                const line = text.slice(0, end);
                text = text.slice(end + (isData ? 5 : 2));
                if (isData) {
                    this.mails.push({ ...mail, text: `${line}\r\n` });
                    isData = false;
                    socket.write('250 taken\r\n');
                } else {
                    this.lines.push(line);
                    isData = line === 'DATA' && !this.refuse;
                    socket.write(this.#answer(line, mail));
                }
            }
        });
    }

    #answer(line, mail) {
        const word = line.split(/[ :]/)[0].toUpperCase();
        if (word === 'EHLO')
            return this.auth ? '250-mailbox\r\n250 AUTH PLAIN\r\n'
                : '250 mailbox\r\n';
        if (line === 'AUTH PLAIN')
            return '334 \r\n';
        if (word === 'AUTH' || this.lines.at(-2) === 'AUTH PLAIN')
            return '235 welcome\r\n';
        if (word === 'MAIL')
            [, mail.from] = /<(.*)>/.exec(line);
        if (word === 'RCPT')
            mail.to.push(/<(.*)>/.exec(line)[1]);
        if (word === 'QUIT')
            return '221 bye\r\n';
        if (this.refuse && word === 'DATA')
            return '451 not now\r\n';
        return word === 'DATA' ? '354 go on\r\n' : '250 fine\r\n';
    }

    async got(ms = 6000, count = 1) {
        await until(() => this.mails.length >= count, { ms, what: 'mail' });
        return this.mails[count - 1];
    }

    async close() {
        await new Promise((done) => {
            this.server.close(done);
            setTimeout(done, 200).unref();
        });
    }
}

/** Header lines unfolded, encoded words and body decoded. */
export function readMail(text) {
    const [head, ...rest] = text.split('\r\n\r\n');
    const lines = head.replace(/\r\n[ \t]/g, ' ').split('\r\n');
    const words = (value) => value
        .replace(/\?= =\?/g, '?==?')
        .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, coded) =>
            Buffer.from(coded, 'base64').toString());
    const headers = Object.fromEntries(lines.map((line) => {
        const colon = line.indexOf(': ');
        return [line.slice(0, colon).toLowerCase(),
            words(line.slice(colon + 2))];
    }));
    return { headers, lines,
        body: Buffer.from(rest.join('').replace(/\r\n/g, ''), 'base64')
            .toString() };
}
