// What the tests of the published policy share: documents, deeds, and waiting
// until every child of a server works by a version.
// SPDX-License-Identifier: Apache-2.0

import http from 'node:http';

import { until } from './wire.mjs';

/** A document whose one list finds these words. */
export const wordList = (...words) => ({ packs: null, locked: false, types: [],
    lists: [{ name: 'clients', words, exact: false, whole_word: false,
        action: null }], patterns: [], allowed: [] });

export const current = async (gw, as = 'admin') => {
    const got = await gw.admin('GET', '/policy-versions/current', undefined,
        { as });
    return got.status === 200 ? got.json : { version: 0, document: {} };
};

/** Publishes upon what is published; the answer as it is. */
export async function publish(gw, document, { as = 'admin', base, note = 'test' }
    = {}) {
    return gw.admin('POST', '/policy-versions', { document, note,
        base_version: base ?? (await current(gw)).version }, { as });
}

export const deed = (gw, version, name, as, body = {}) =>
    gw.admin('POST', `/policy-versions/${version}/${name}`, body, { as });

/** What the provider was sent of a text, over a connection of its own: so that
 * whichever child is free answers. */
async function sent(gw, text) {
    const agent = new http.Agent({ keepAlive: false });
    const mark = `${text} #${Math.random().toString(36).slice(2)}`;
    const got = await gw.chat(mark, { agent });
    agent.destroy();
    const tail = mark.split('#')[1];
    const body = gw.reached.map((one) => one.body.toString('utf8'))
        .findLast((one) => one.includes(tail));
    return { status: got.status, body: body ?? '' };
}

/** Milliseconds until `count` requests in a row, eight at a time, are masked. */
export async function masksEverywhere(gw, word, { count = 32, ms = 5000 } = {}) {
    const began = performance.now();
    let first = 0;
    await until(async () => {
        const at = performance.now() - began;
        const all = await Promise.all(Array.from({ length: count }, () =>
            sent(gw, `about ${word} today`)));
        const masked = all.every((one) => one.status === 200
            && one.body.includes('[KEYWORD]') && !one.body.includes(word));
        first = masked ? at : 0;
        return masked;
    }, { ms, every: 10, what: `${word} masked by every child` });
    return first;
}

export async function isSentAsItIs(gw, word) {
    const got = await sent(gw, `about ${word} today`);
    return got.status === 200 && got.body.includes(word);
}
