/* The grammar of limits, checked while it is typed: what is wrong, where, and what is legal there. Runs without a browser.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The server decides (policy/limit.c); this says it sooner, and in the operator's language. A fault is {code, part}: the
 * part of the text that is not understood, and what its sort may be.
 */
import { PERIODS, readLimit } from '../format.js';

const AMOUNT_MOST = 1e14; /* micro-dollars for money */
const WINDOW_MOST = 366 * 86400;
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/* What a word is about: each may be said once. */
const ABOUT = {
    sliding: 'algorithm', smooth: 'algorithm', exact: 'algorithm', leased: 'lease', strict: 'lease', hard: 'mode', soft: 'mode',
    closed: 'store', local: 'store', open: 'store',
};

export const DIMENSIONS = ['organization', 'team', 'user', 'key', 'model', 'endpoint', 'vhost', 'address'];

/* As the server writes pairs: the order in which it knows them. */
const ORDER = ['key', 'user', 'team', 'model', 'address', 'vhost', 'organization', 'endpoint'];

export function pairOf(first, second) {
    if (!second || first === second) return first;
    return ORDER.indexOf(first) < ORDER.indexOf(second) ? `${first}+${second}` : `${second}+${first}`;
}

/* Subjects of a pair, in the order of its dimension; a plus sign in a name is escaped. */
const escaped = (text) => text.replace(/%/g, '%25').replace(/\+/g, '%2B');

export function subjectOf(dimension, subjects) {
    return dimension.includes('+') ? dimension.split('+').map((name) => escaped(subjects[name] || '')).join('+')
        : subjects[dimension] || '';
}

function isZone(name) {
    if (/^[+-](0\d|1[0-4]):[0-5]\d$/.test(name)) return true;
    try {
        return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
    } catch {
        return false;
    }
}

const isStart = {
    week: (value) => WEEKDAYS.includes(value),
    month: (value) => /^\d\d?$/.test(value) && value >= 1 && value <= 28,
    year(value) {
        const [month, day] = value.split('-').map(Number);
        return /^\d\d?-\d\d?$/.test(value) && day >= 1 && day <= DAYS[month - 1];
    },
};

/* The fault of a word, as its code; null: it is legal here. */
function faultOf(word, window) {
    const [name, value] = word.split('=', 2);
    const isCalendar = PERIODS.includes(window);
    if (name === 'tz') return isCalendar ? (isZone(value || '') ? null : 'zone') : 'only_calendar';
    if (name === 'start') return isStart[window] ? (isStart[window](value || '') ? null : `start_${window}`) : 'no_start';
    if (!ABOUT[name] || value !== undefined) return 'word';
    if (ABOUT[name] === 'algorithm') return typeof window === 'number' ? null : 'only_window';
    return name === 'leased' && window === null ? 'only_leased' : null;
}

function faultOfWords(words, window) {
    const said = new Map();
    for (const raw of words) {
        const word = raw.toLowerCase().startsWith('tz=') ? raw : raw.toLowerCase();
        const about = ABOUT[word] || word.split('=')[0];
        const code = faultOf(word, window) || (said.has(about) && 'twice');
        if (code) return { code, part: raw };
        said.set(about, word);
    }
    const isUneven = ['smooth', 'exact'].includes(said.get('algorithm'));
    return said.get('lease') === 'leased' && isUneven ? { code: 'only_leased', part: 'leased' } : null;
}

/* {limit, fault}: limit null when it cannot be read at all. */
export function checkLimit(text) {
    const trimmed = String(text).trim();
    const [core] = trimmed.split(/[\s;]/);
    const limit = readLimit(trimmed);
    if (!trimmed) return { limit: null, fault: { code: 'none', part: '' } };
    if (!limit) {
        const [amount, window] = core.split('/', 2);
        const isAmount = /^\d+(\.\d+)?(output_tokens?|input_tokens?|requests?|tokens?|usd)?$/i.test(amount);
        const isFull = /^\d+(\.\d+)?concurrent$/i.test(amount);
        if (isFull) return { limit: null, fault: { code: 'no_window', part: core } };
        if (!isAmount) return { limit: null, fault: { code: 'amount', part: amount } };
        return { limit: null, fault: window === undefined ? { code: 'form', part: core } : { code: 'window', part: window } };
    }
    const { amount, quantity, window, words } = limit;
    const inBooks = quantity === 'usd' ? amount * 1e6 : amount;
    const isWhole = quantity === 'usd' ? Math.abs(inBooks - Math.round(inBooks)) < 1e-3 : Number.isInteger(amount);
    if (!isWhole || inBooks <= 0 || inBooks > AMOUNT_MOST) return { limit, fault: { code: 'amount', part: core.split('/')[0] } };
    if (typeof window === 'number' && (window < 1 || window > WINDOW_MOST)) {
        return { limit, fault: { code: 'window', part: core.split('/')[1] } };
    }
    return { limit, fault: faultOfWords(words, window) };
}

/* Limits of one object: the fault of each line; the same quantity and window may stand once. */
export function checkLimits(texts) {
    const seen = new Set();
    return texts.map((text) => {
        const { limit, fault } = checkLimit(text);
        const same = limit && `${limit.quantity}/${limit.window}`;
        if (fault || !limit) return fault;
        if (seen.has(same)) return { code: 'same', part: text.trim() };
        seen.add(same);
        return null;
    });
}

/* The API takes money apart from all else. */
export function bodyOf(texts) {
    const said = texts.map((text) => text.trim()).filter(Boolean);
    const isMoney = (text) => readLimit(text)?.quantity === 'usd';
    return { limits: said.filter((text) => !isMoney(text)), budgets: said.filter(isMoney) };
}
