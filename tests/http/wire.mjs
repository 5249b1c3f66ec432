// Speaking HTTP as a test wants it: exact requests, event streams, raw bytes.
// SPDX-License-Identifier: Apache-2.0
//
// Everything here ends: each call has a deadline and fails by name when it is
// missed, so that a gateway that hangs shows as a failure and not as a wait.

import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Waits until `ask` gives something true, and returns it. */
export async function until(ask, { ms = 5000, every = 50, what = 'it' } = {}) {
    const last = Date.now() + ms;
    for (;;) {
        const got = await ask();
        if (got)
            return got;
        if (Date.now() > last)
            throw new Error(`waited ${ms} ms for ${what}`);
        await sleep(every);
    }
}

/** A port nobody listens on at this moment. */
export function freePort() {
    return new Promise((done, failed) => {
        const probe = net.createServer();
        probe.once('error', failed);
        probe.listen(0, '127.0.0.1', () => {
            const { port } = probe.address();
            probe.close(() => done(port));
        });
    });
}

class Answer {
    constructor(res, body, began) {
        this.status = res.statusCode;
        this.headers = res.headers;
        this.rawHeaders = res.rawHeaders;
        this.body = body;
        this.ms = performance.now() - began;
    }

    get text() {
        return this.body.toString('utf8');
    }

    get json() {
        return JSON.parse(this.text);
    }

    /** The OpenAI error object, or undefined. */
    get error() {
        try {
            return this.json.error;
        } catch {
            return undefined;
        }
    }

    /** What the assistant said, of a chat. */
    get said() {
        return this.json.choices[0].message.content;
    }
}

/**
 * Opens a request; resolves with the response once its head is here. With
 * `again`, it asks once more when a kept connection was closed just as it was
 * used anew, as clients do; who tests connections leaves it out.
 */
export function open(url, options = {}) {
    const { method = 'POST', headers = {}, body, agent, from, ms = 20000 }
        = options;
    const at = new URL(url);
    return new Promise((done, failed) => {
        const req = http.request({ host: at.hostname, port: at.port, method,
            path: url.slice(at.origin.length), headers, agent,
            localAddress: from, timeout: ms });
        req.on('timeout', () => req.destroy(new Error(
            `${method} ${url}: nothing for ${ms} ms`)));
        req.on('error', (error) => {
            if (options.again && req.reusedSocket
                && error.code === 'ECONNRESET')
                open(url, { ...options, agent: false, again: false })
                    .then(done, failed);
            else
                failed(error);
        });
        req.on('response', (res) => done({ req, res }));
        req.end(body);
    });
}

/** One request, one whole answer. */
export async function send(url, options = {}) {
    const began = performance.now();
    const { res } = await open(url, options);
    const parts = [];
    for await (const part of res)
        parts.push(part);
    return new Answer(res, Buffer.concat(parts), began);
}

/** Splits a text/event-stream as it arrives; feed() returns complete events. */
export class Events {
    #rest = '';

    #decoder = new TextDecoder('utf-8');

    feed(bytes) {
        this.#rest += this.#decoder.decode(bytes, { stream: true });
        const found = [];
        for (;;) {
            const end = /\r\n\r\n|\n\n|\r\r/.exec(this.#rest);
            if (!end)
                return found;
            const block = this.#rest.slice(0, end.index);
            this.#rest = this.#rest.slice(end.index + end[0].length);
            found.push(Events.#read(block));
        }
    }

    get unfinished() {
        return this.#rest;
    }

    static #read(block) {
        const event = { event: 'message', data: null, comment: null };
        for (const line of block.split(/\r\n|\n|\r/)) {
            const field = /^([^:]*):? ?(.*)$/s.exec(line);
            if (field[1] === 'data')
                event.data = event.data === null ? field[2]
                    : `${event.data}\n${field[2]}`;
            else if (field[1] === 'event')
                event.event = field[2];
            else if (field[1] === '')
                event.comment = field[2];
        }
        return event;
    }
}

/**
 * Reads a stream to its end. `events` carry `at` (ms since the request went
 * out); `whole` says whether the body was ended properly.
 */
export async function stream(url, options = {}) {
    const began = performance.now();
    const { res, req } = await open(url, options);
    const got = { status: res.statusCode, headers: res.headers, events: [],
        raw: '', whole: false, headAt: performance.now() - began };
    const events = new Events();
    try {
        for await (const part of res) {
            got.raw += part.toString('utf8');
            for (const one of events.feed(part)) {
                got.events.push({ ...one, at: performance.now() - began });
                if (await options.onEvent?.(one, { req, res }) === 'leave') {
                    res.destroy();
                    return got;
                }
            }
        }
        got.whole = res.complete;
    } catch (error) {
        got.broken = error;
    }
    got.rest = events.unfinished;
    return got;
}

const parsed = (text) => {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
};

/** What a chat stream said, whether it was ended, and the errors in it. */
export function heard(got) {
    const chunks = got.events.map((one) => parsed(one.data)).filter(Boolean);
    return {
        text: chunks.map((one) => one.choices?.[0]?.delta?.content
            ?? one.choices?.[0]?.text ?? '').join(''),
        done: got.events.some((one) => one.data === '[DONE]'),
        usage: chunks.findLast((one) => one.usage)?.usage,
        errors: chunks.filter((one) => one.error).map((one) => one.error),
        chunks,
    };
}

/** Sends bytes as they are; resolves with all that came until the peer closes. */
export function raw(port, bytes, { ms = 5000, quiet = 400, pauses } = {}) {
    return new Promise((done) => {
        const socket = net.connect(port, '127.0.0.1');
        const parts = [];
        let reset = false;
        let idle;
        const finish = () => {
            clearTimeout(idle);
            clearTimeout(limit);
            socket.destroy();
            const all = Buffer.concat(parts).toString('latin1');
            done({ text: all, reset, statuses: [...all.matchAll(
                /(?:^|\r\n|\})HTTP\/1\.[01] (\d{3})/g)].map((m) =>
                Number(m[1])) });
        };
        const limit = setTimeout(finish, ms);
        socket.on('data', (part) => {
            parts.push(part);
            clearTimeout(idle);
            idle = setTimeout(finish, quiet);
        });
        socket.on('error', (error) => {
            reset ||= error.code === 'ECONNRESET' || error.code === 'EPIPE';
        });
        socket.on('close', finish);
        socket.on('connect', async () => {
            for (const one of [].concat(bytes)) {
                socket.write(one);
                if (pauses)
                    await sleep(pauses);
            }
        });
    });
}
