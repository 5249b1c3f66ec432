// Cases from outside the tree (CG_CORPORA), and a small set of our own beside.
// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The folder of labelled data, or null where there is none. */
export function corpora() {
    const at = process.env.CG_CORPORA
        ?? path.join(HERE, '..', '..', '..', 'shared', 'corpora');
    return existsSync(at) ? at : null;
}

function lines(file) {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
        .map((line) => JSON.parse(line));
}

/** tests/data/http/<name>, and the corpus of that name when it is there. */
export function cases(name) {
    const own = path.join(HERE, '..', 'data', 'http', name);
    const all = existsSync(own) ? lines(own) : [];
    const outside = corpora() && path.join(corpora(), 'security', name);
    if (outside && existsSync(outside))
        all.push(...lines(outside));
    return all;
}

/** The bytes of a case's body: body, body_b64, body_zb64 or gen. */
export function bodyOf(one) {
    if (one.body !== undefined)
        return Buffer.from(one.body, 'utf8');
    if (one.body_b64 !== undefined)
        return Buffer.from(one.body_b64, 'base64');
    if (one.body_zb64 !== undefined)
        return inflateSync(Buffer.from(one.body_zb64, 'base64'));
    const { prefix = '', unit = '', n = 0, middle = '', unit2 = '', n2 = n,
        suffix = '' } = one.gen;
    return Buffer.from(prefix + unit.repeat(n) + middle + unit2.repeat(n2)
        + suffix, 'utf8');
}

export function rawOf(one) {
    return one.raw ?? inflateSync(Buffer.from(one.raw_zb64, 'base64'))
        .toString('latin1');
}
