// Forms as a client sends them, byte for byte, and what the provider got of one.
// SPDX-License-Identifier: Apache-2.0

import { formOf } from '../fake/uploads.mjs';

export const BOUNDARY = 'cg-boundary-7f3a';

/** One part: a field, or a file when it has a filename. */
export function part({ name, filename, type, data = '', head }) {
    const lines = head ?? [`Content-Disposition: form-data; name="${name}"${
        filename === undefined ? '' : `; filename="${filename}"`}`,
    ...(type ? [`Content-Type: ${type}`] : [])].join('\r\n');
    return Buffer.concat([Buffer.from(`${lines}\r\n\r\n`), Buffer.from(data)]);
}

export function form(parts, boundary = BOUNDARY) {
    const out = [];
    for (const one of parts)
        out.push(Buffer.from(`${out.length ? '\r\n' : ''}--${boundary}\r\n`),
            Buffer.isBuffer(one) ? one : part(one));
    return Buffer.concat([...out, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

export const typeOf = (boundary = BOUNDARY) =>
    `multipart/form-data; boundary=${boundary}`;

/** Sends a form as it stands. */
export function post(gw, at, parts, options = {}) {
    const body = Buffer.isBuffer(parts) ? parts : form(parts);
    return gw.call(at, { ...options, body, headers: {
        'content-type': typeOf(), ...options.headers } });
}

/** The parts that reached the provider last, by name. */
export function reachedForm(gw) {
    const last = gw.reached.at(-1);
    const at = last.raw.findIndex((one, i) => i % 2 === 0
        && one.toLowerCase() === 'content-type');
    return Object.fromEntries(formOf(last.raw[at + 1], last.body)
        .map((one) => [one.name, one]));
}
