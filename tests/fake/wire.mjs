// Sends an answer as the plan wants it: whole, in pieces, late, or broken.
// SPDX-License-Identifier: Apache-2.0
//
// `after` counts events that still go out before the end strikes. Without it
// reset and hang strike before the head, close and cut half way.

import { setTimeout as sleep } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';

const BEFORE_THE_HEAD = new Set(['silent-close', 'half-headers', 'garbage']);

/** What a provider says about itself; none of it may reach the caller. */
const SELF = ['openai-organization', 'fake-secret-org',
    'openai-processing-ms', '1', 'openai-version', '2020-10-01',
    'x-ratelimit-limit-requests', '5000',
    'x-ratelimit-remaining-requests', '4999',
    'x-ratelimit-reset-requests', '12ms',
    'set-cookie', '__cf_bm=fake-cookie; path=/; HttpOnly', 'server', 'fake'];

function headers(req, extra, type, length) {
    const out = [...SELF, 'x-request-id', `req_fake${req.fakeNumber}`,
        'content-type', type];
    if (length !== undefined)
        out.push('content-length', String(length));
    for (const [name, value] of Object.entries(extra)) {
        const at = out.findIndex((one, i) => i % 2 === 0
            && one === name.toLowerCase());
        if (at >= 0)
            out.splice(at, 2);
        if (value !== null)
            out.push(name, String(value));
    }
    return out;
}

function extrasOf(plan) {
    const extra = { ...plan.headers };
    if (plan.retry_after !== undefined)
        extra['retry-after'] = plan.retry_after;
    return extra;
}

/** True when the answer was broken off before its head. */
function breakBeforeHead(req, res, plan) {
    const early = BEFORE_THE_HEAD.has(plan.end)
        || (['reset', 'hang'].includes(plan.end) && plan.after === undefined);
    if (!early)
        return false;
    if (plan.end === 'hang')
        return true;
    res.brokenByUs = true;
    if (plan.end === 'reset')
        req.socket.resetAndDestroy();
    else if (plan.end === 'half-headers')
        req.socket.end('HTTP/1.1 200 OK\r\nContent-Type: applica');
    else if (plan.end === 'garbage')
        req.socket.end('\x00\x01 this is not HTTP \xff\r\n\r\n');
    else
        req.socket.destroy();
    return true;
}

function strike(res, plan) {
    const socket = res.socket;
    if (!socket || plan.end === 'hang')
        return;
    res.brokenByUs = true;
    if (plan.end === 'reset')
        socket.resetAndDestroy();
    else if (plan.end === 'cut')
        socket.end('40\r\ndata: {"id":"cut');
    else
        socket.end();
}

function lineEnds(text, newline) {
    if (newline === 'crlf')
        return text.replaceAll('\n', '\r\n');
    return newline === 'cr' ? text.replaceAll('\n', '\r') : text;
}

/** Events as they go to the wire: comments, line ends, error, cuts by size. */
function piecesOf(events, plan) {
    let pieces = events;
    if (plan.error_after !== undefined)
        pieces = [...events.slice(0, plan.error_after),
            `data: ${JSON.stringify({ error: { message: 'The server had an '
                + 'error while processing your request', type: 'server_error',
                param: null, code: null, ...plan.error } })}\n\n`];
    if (plan.comments)
        pieces = pieces.flatMap((one) => [': keep-alive\n\n', one]);
    if (plan.newline)
        pieces = pieces.map((one) => lineEnds(one, plan.newline));
    if (!plan.split)
        return pieces;
    const whole = Buffer.from(pieces.join(''));
    return Array.from({ length: Math.ceil(whole.length / plan.split) },
        (_, i) => whole.subarray(i * plan.split, (i + 1) * plan.split));
}

async function writeAll(res, pieces, plan) {
    const breaks = ['close', 'cut', 'reset', 'hang'].includes(plan.end);
    const last = breaks ? plan.after ?? Math.floor(pieces.length / 2)
        : pieces.length;
    for (let i = 0; i < Math.min(last, pieces.length); i++) {
        const pause = plan.gaps?.[i] ?? (i > 0 ? plan.gap_ms : 0);
        if (pause)
            await sleep(pause);
        if (res.destroyed)
            return;
        if (!res.write(pieces[i]))
            await new Promise((go) => {
                res.once('drain', go);
                res.once('close', go);
            });
    }
    if (breaks)
        setTimeout(strike, 5, res, plan);
    else
        res.end();
}

function sendWhole(req, res, answer, plan) {
    const body = typeof answer.body === 'string'
        || Buffer.isBuffer(answer.body) ? answer.body
        : JSON.stringify(answer.body);
    const payload = Buffer.from(body);
    res.writeHead(answer.status, headers(req, extrasOf(plan),
        answer.type ?? 'application/json', payload.length));
    const breaks = ['close', 'cut', 'reset', 'hang'].includes(plan.end);
    if (!breaks) {
        res.end(payload);
        return;
    }
    res.write(payload.subarray(0, payload.length >> 1));
    setTimeout(strike, 5, res, { end: plan.end === 'cut' ? 'close'
        : plan.end });
}

async function sendEvents(req, res, events, plan) {
    const head = headers(req, extrasOf(plan),
        'text/event-stream; charset=utf-8');
    res.writeHead(plan.status ?? 200, head);
    if (plan.first_ms) {
        res.flushHeaders();
        await sleep(plan.first_ms);
    }
    const pieces = piecesOf(events, plan);
    const simple = !plan.gap_ms && !plan.gaps && !plan.end && !plan.split;
    if (simple && pieces.length < 4096)
        res.end(pieces.join(''));
    else
        await writeAll(res, pieces, plan);
}

const bytes = (plain, packed) => plain !== undefined
    ? Buffer.from(plain, 'base64')
    : packed !== undefined ? inflateSync(Buffer.from(packed, 'base64'))
        : Buffer.alloc(0);

/** A case of the stream corpus, written to the socket as it stands. */
async function playBack(req, res, one) {
    const socket = req.socket;
    const pieces = (one.pieces_b64 ?? JSON.parse(bytes(undefined,
        one.pieces_zb64).toString() || '[]')).map((piece) =>
        Buffer.from(piece, 'base64'));
    socket.write(bytes(one.head_b64, one.head_zb64));
    for (const piece of pieces) {
        if (one.gap_ms)
            await sleep(one.gap_ms);
        if (socket.destroyed)
            return;
        if (one.framing === 'chunked')
            socket.write(Buffer.concat([
                Buffer.from(`${piece.length.toString(16)}\r\n`), piece,
                Buffer.from('\r\n')]));
        else
            socket.write(piece);
    }
    res.brokenByUs = one.end !== 'hang';
    if (one.end === 'rst')
        socket.resetAndDestroy();
    else if (one.end === 'cut-chunk')
        socket.end('40\r\nhalf');
    else if (one.end === 'finish' && one.framing === 'chunked')
        socket.end('0\r\n\r\n');
    else if (one.end !== 'hang')
        socket.end();
}

/** Plays an answer; resolves when nothing more will be sent. */
export async function play(req, res, answer, plan, cases) {
    if (plan.wait_ms)
        await sleep(plan.wait_ms);
    if (res.destroyed)
        return;
    const recorded = plan.case ? cases?.get(plan.case)
        : plan.pieces_b64 && plan.framing || plan.pieces_zb64 ? plan : null;
    if (recorded) {
        await playBack(req, res, recorded);
        return;
    }
    if (breakBeforeHead(req, res, plan))
        return;
    const pieces = plan.pieces
        ?? plan.pieces_b64?.map((one) => Buffer.from(one, 'base64'));
    if (pieces)
        await sendEvents(req, res, pieces, plan);
    else if (answer.events)
        await sendEvents(req, res, answer.events, plan);
    else
        sendWhole(req, res, answer, plan);
}
