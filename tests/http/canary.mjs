// Looks for secrets where none may be: as they are, in base64, in hex, and reversed.
// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';

/** base64 of bytes that stand in the middle of others: three alignments, less what hangs over. */
function encoded(bytes, alphabet) {
    return [0, 1, 2].map((offset) => {
        const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString(alphabet);
        const first = [0, 2, 3][offset];
        const rest = (offset + bytes.length) % 3;
        return whole.slice(first, whole.replace(/=+$/, '').length - (rest ? 1 : 0));
    });
}

/** Every spelling of a secret that is looked for, each once. */
export function spellings(secret) {
    const bytes = Buffer.from(secret);
    const reversed = Buffer.from(bytes).reverse();
    const all = new Map();
    const put = (what, value) => all.set(value.toString('latin1'), what);
    for (const [turn, one] of [['', bytes], ['reversed ', reversed]]) {
        put(`${turn}plain`, one);
        put(`${turn}hex`, Buffer.from(one.toString('hex')));
        put(`${turn}HEX`, Buffer.from(one.toString('hex').toUpperCase()));
        for (const alphabet of ['base64', 'base64url'])
            for (const text of encoded(one, alphabet))
                put(`${turn}${alphabet}`, Buffer.from(text));
    }
    return [...all].map(([value, what]) => ({ what, bytes: Buffer.from(value, 'latin1') }));
}

/** canaries: name → secret. Finds them in bytes; returns what was found, in words. */
export class Watch {
    #all;

    constructor(canaries) {
        this.#all = Object.entries(canaries).flatMap(([name, secret]) =>
            spellings(secret).map((one) => ({ name, ...one })));
    }

    search(where, data) {
        const bytes = Buffer.isBuffer(data) ? data : Buffer.from(String(data));
        return this.#all.filter((one) => bytes.includes(one.bytes))
            .map((one) => `${one.name}, ${one.what}, in ${where}`);
    }

    /** Every file below a folder, but those that `skips` names. */
    searchFolder(folder, skips = []) {
        return readdirSync(folder, { withFileTypes: true, recursive: true })
            .filter((one) => one.isFile() && !skips.includes(one.name))
            .flatMap((one) => {
                const file = path.join(one.parentPath ?? one.path, one.name);
                return this.search(file, readFileSync(file));
            });
    }
}

export const readProc = (pid, name) => readFileSync(`/proc/${pid}/${name}`);

/** The mappings of a process: { start, end, flags } of those that hold anything. */
export function mappings(pid) {
    const found = [];
    for (const line of readProc(pid, 'smaps').toString().split('\n')) {
        const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line);
        if (head)
            found.push({ start: parseInt(head[1], 16), end: parseInt(head[2], 16),
                name: head[4], readable: head[3][0] === 'r', private: head[3][3] === 'p' });
        const flags = /^VmFlags: (.*)$/.exec(line);
        if (flags)
            found.at(-1).flags = flags[1].trim().split(' ');
    }
    return found.filter((one) => one.readable && one.private && !/^\[v/.test(one.name));
}

/** Where do these secrets (name → bytes) stand in a process? { name, flags, where } of each. */
export function heldBy(pid, secrets) {
    const memory = openSync(`/proc/${pid}/mem`, 'r');
    const found = [];
    for (const { start, end, flags, name: where } of mappings(pid)) {
        const room = Buffer.allocUnsafe(end - start);
        let got = 0;
        try {
            got = readSync(memory, room, 0, room.length, start);
        } catch {
            continue; // it went meanwhile, or cannot be read
        }
        for (const [name, bytes] of Object.entries(secrets))
            if (room.subarray(0, got).includes(bytes))
                found.push({ name, flags, where });
    }
    closeSync(memory);
    return found;
}

export const mode = (file) => statSync(file).mode & 0o777;
