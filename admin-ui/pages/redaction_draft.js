/* A redaction policy in the making: what the document says as an editor wants it, and the way back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The draft lives in this tab's memory and nowhere else. It outlives a walk through the console's other pages, as
 * modules do; it does not outlive the tab, and the browser asks before it goes. Not in sessionStorage: a list of words
 * is often itself what must not leave (clients, projects, takeovers), and browsers write that storage to disk.
 */
export const DIRECTIONS = ['request', 'answer'];
export const NO_POLICY = { packs: null, locked: false, types: [], lists: [], patterns: [], allowed: [] };

/* Longer texts than this are no longer shown in a field: a hundred thousand lines would freeze it. */
const FIELD_BYTES_MAX = 48_000;

let count = 0;
const newKey = () => `n${(count += 1)}`;

/* Values of JSON. A long list that nobody touched is the same array, and is not walked. */
function same(a, b) {
    if (a === b) return true;
    if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return false;
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((name) => same(a[name], b[name]));
}

/* ---- words, one a line ---- */

/* {words, duplicates}: trimmed, without blank lines, each once; letters' case counts only where the list is exact. */
export function readWords(text, isExact = true) {
    const seen = new Set();
    const words = [];
    let duplicates = 0;
    for (const line of text.split(/[\r\n]+/)) {
        const word = line.trim();
        if (!word) continue;
        const face = isExact ? word : word.toLowerCase();
        if (seen.has(face)) duplicates += 1;
        else words.push(word);
        seen.add(face);
    }
    return { words, duplicates };
}

/* A list's words taken from a text; the text itself is kept while a field can show it. */
export function withText(list, text) {
    const { words, duplicates } = readWords(text, list.exact);
    return { ...list, words, duplicates, text: text.length > FIELD_BYTES_MAX ? null : text };
}

export const textOf = (list) => (list.text === null ? list.words.join('\n') : list.text);

/* Bytes of a file as text: UTF-8, with a mark UTF-16, else what Chinese Windows writes. */
export function decodeText(bytes) {
    const [a, b] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
    if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
        return { text: new TextDecoder(a === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes), encoding: 'UTF-16' };
    }
    try {
        return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'UTF-8' };
    } catch {
        return { text: new TextDecoder('gb18030').decode(bytes), encoding: 'GB18030' };
    }
}

/* ---- document to draft and back ---- */

export const newList = (name) => withText({ key: newKey(), name, words: [], exact: false, whole_word: false,
    action: null }, '');
export const newPattern = (name) => ({ key: newKey(), name, regex: '', caseless: false, action: null });

/* "SECRET_*" and "*" as the directive knows them, written out. */
function typesOf(pattern, catalogue) {
    if (!pattern.endsWith('*')) return [pattern];
    const names = catalogue.types.map((one) => one.name).filter((name) => name.startsWith(pattern.slice(0, -1)));
    return names.length ? names : [pattern];
}

/* What is said of one type stands, wherever it is written; then of a family; then of all. */
const width = ({ type }) => (type === '*' ? 0 : type.endsWith('*') ? 1 : 2);

export function draftOf(document, catalogue) {
    const said = {};
    const rows = [...(document.types || [])].sort((a, b) => width(a) - width(b));
    for (const { type, action, direction } of rows) {
        for (const name of typesOf(type, catalogue)) {
            const parts = DIRECTIONS.filter((one) => !direction || direction === 'both' || direction === one);
            said[name] = { ...said[name], ...Object.fromEntries(parts.map((one) => [one, action])) };
        }
    }
    return {
        packs: document.packs || null, locked: Boolean(document.locked), said,
        lists: (document.lists || []).map((list) => withText({ ...newList(list.name), exact: Boolean(list.exact),
            whole_word: Boolean(list.whole_word), action: list.action || null }, (list.words || []).join('\n'))),
        patterns: (document.patterns || []).map((one) => ({ ...newPattern(one.name), regex: one.regex,
            caseless: Boolean(one.caseless), action: one.action || null })),
        allowed: withText({ exact: true }, (document.allowed || []).join('\n')),
    };
}

function saidRows(type, { request, answer }) {
    if (request && request === answer) return [{ type, action: request, direction: 'both' }];
    return [request && { type, action: request, direction: 'request' },
        answer && { type, action: answer, direction: 'answer' }].filter(Boolean);
}

/* What is sent. Types in the catalogue's order, so that the same policy is the same text. */
export function documentOf(draft, catalogue) {
    const order = [...new Set([...catalogue.types.map((one) => one.name), ...Object.keys(draft.said)])];
    return {
        packs: draft.packs, locked: draft.locked,
        types: order.flatMap((type) => saidRows(type, draft.said[type] || {})),
        lists: draft.lists.map(({ name, words, exact, whole_word, action }) => ({ name: name.trim(), words, exact,
            whole_word, action })),
        patterns: draft.patterns.map(({ name, regex, caseless, action }) => ({ name: name.trim(), regex, caseless,
            action })),
        allowed: draft.allowed.words,
    };
}

/* What each type gets where the policy says nothing: the strictest of the chosen packs. A type in none of them is not
 * looked at, but for what only the house's own means find; and where no chosen pack speaks of types, all are masked. */
export function fromPacks(packs, catalogue) {
    const rank = (action) => catalogue.actions.indexOf(action);
    const said = {};
    for (const pack of catalogue.packs.filter((one) => !packs || packs.includes(one.name))) {
        for (const { type, action } of pack.types) {
            if (!(type in said) || rank(action) > rank(said[type])) said[type] = action;
        }
    }
    const isSilent = !Object.keys(said).length;
    const unsaid = (type) => (isSilent || !type.needs_pack ? 'mask' : 'allow');
    return Object.fromEntries(catalogue.types.map((type) => [type.name, said[type.name] || unsaid(type)]));
}

/* ---- somebody else published meanwhile ---- */

function mergeWords(base, mine, theirs) {
    const [was, now] = [new Set(base), new Set(mine)];
    const rest = theirs.filter((word) => now.has(word) || !was.has(word));
    return [...new Set([...rest, ...mine.filter((word) => !was.has(word))])];
}

/* Things with a name, of three documents: mine where I changed, theirs else. clash(name) where both did. */
function mergeNamed(base, mine, theirs, clash) {
    const find = (list, name) => list.find((one) => one.name === name);
    const names = [...new Set([...theirs, ...mine].map((one) => one.name))];
    return names.map((name) => {
        const [was, my, their] = [find(base, name), find(mine, name), find(theirs, name)];
        if (same(my, was)) return their;
        if (same(their, was) || same(their, my)) return my;
        if (!was || !my || !their) {
            clash(name);
            return my || their;
        }
        return mergeMembers(was, my, their, () => clash(name));
    }).filter(Boolean);
}

function mergeMembers(was, my, their, clash) {
    return Object.fromEntries(Object.keys(my).map((member) => {
        const [a, b, c] = [was[member], my[member], their[member]];
        if (member === 'words') return [member, mergeWords(a, b, c)];
        if (!same(a, b) && !same(a, c) && !same(b, c)) clash();
        return [member, same(a, b) ? c : b];
    }));
}

/* My changes to base made to theirs; all three are documents. {document, clashes}: where both changed the same thing
 * mine is taken and its name told. */
export function rebase(base, mine, theirs, catalogue) {
    const clashes = [];
    const clash = (name) => { if (!clashes.includes(name)) clashes.push(name); };
    const [was, my, their] = [base, mine, theirs].map((one) => draftOf(one, catalogue));
    const said = {};
    for (const type of Object.keys({ ...was.said, ...my.said, ...their.said })) {
        const [a, b, c] = [was, my, their].map((one) => ({ request: null, answer: null, ...one.said[type] }));
        said[type] = mergeMembers(a, b, c, () => clash(type));
    }
    const whole = mergeMembers({ packs: was.packs, locked: was.locked }, { packs: my.packs, locked: my.locked },
        { packs: their.packs, locked: their.locked }, () => clash('packs'));
    const document = documentOf({ ...my, ...whole, said }, catalogue);
    const of = (one, member) => documentOf(one, catalogue)[member];
    for (const member of ['lists', 'patterns']) {
        document[member] = mergeNamed(of(was, member), of(my, member), of(their, member), clash);
    }
    document.allowed = mergeWords(was.allowed.words, my.allowed.words, their.allowed.words);
    return { document, clashes };
}

/* ---- the one draft of this tab ---- */

/* {draft, base: {version, document}, start, catalogue, text}: start is base as a draft, text what is tried out. */
let held = null;
const watchers = new Set();

export const heldDraft = () => held;

export function isChanged(one = held) {
    return Boolean(one) && !same(documentOf(one.draft, one.catalogue), documentOf(one.start, one.catalogue));
}

/* The browser's own question; its words are the browser's. */
function askBeforeLeaving(event) {
    if (!isChanged()) return;
    event.preventDefault();
    event.returnValue = true; /* what older browsers look at */
}

export function hold(next) {
    held = next;
    if (next) addEventListener('beforeunload', askBeforeLeaving);
    else removeEventListener('beforeunload', askBeforeLeaving);
    watchers.forEach((watcher) => watcher());
}

export function watchDraft(watcher) {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
}

/* document: what the draft says at first, if it is not what its base says. */
export function beginDraft(base, catalogue, document = base.document, more = {}) {
    const start = draftOf(base.document, catalogue);
    const draft = document === base.document ? start : draftOf(document, catalogue);
    hold({ draft, base, start, catalogue, text: held ? held.text : '', ...more });
}
