/* How numbers, money and moments are written: always with a unit, always with a zone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Dates are written year first in every language: 04-05 read in the wrong order in an audit is worse than a date
 * that looks a little foreign. Money is kept in millionths of a dollar and never rounded to nothing.
 */
import { currentLanguage, keptChoice, t, tCount } from './words.js';

export const NOTHING = '–';

const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);

/* Making an Intl.NumberFormat costs more than a thousand uses of it. */
const formats = new Map();

function numberFormat(options) {
    const key = currentLanguage().locale + JSON.stringify(options);
    if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(currentLanguage().locale, options));
    return formats.get(key);
}

export function count(value) {
    return isMissing(value) ? NOTHING : numberFormat({}).format(value);
}

/* 1.2M: for tiles and axes, where the exact number stands beside or in the table. */
export function shortCount(value) {
    if (isMissing(value)) return NOTHING;
    if (Math.abs(value) < 10000) return numberFormat({ maximumFractionDigits: 1 }).format(value);
    return numberFormat({ notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}

export function percent(part, whole) {
    if (!whole) return NOTHING;
    const share = part / whole;
    const digits = share > 0 && share < 0.1 ? 1 : 0;
    return numberFormat({ style: 'percent', maximumFractionDigits: digits }).format(share);
}

export function usd(micros) {
    if (isMissing(micros)) return NOTHING;
    const dollars = micros / 1e6;
    const small = dollars !== 0 && Math.abs(dollars) < 1;
    return numberFormat({
        style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol',
        minimumFractionDigits: 2, maximumFractionDigits: small ? 6 : 2,
    }).format(dollars);
}

export function shortUsd(micros) {
    if (isMissing(micros)) return NOTHING;
    const dollars = micros / 1e6;
    if (Math.abs(dollars) >= 10000) {
        return numberFormat({
            style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol',
            notation: 'compact', maximumSignificantDigits: 3,
        }).format(dollars);
    }
    if (dollars !== 0 && Math.abs(dollars) < 0.01) {
        return numberFormat({
            style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', maximumSignificantDigits: 2,
        }).format(dollars);
    }
    return numberFormat({ style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' }).format(dollars);
}

export function milliseconds(value) {
    if (isMissing(value)) return NOTHING;
    if (value < 1) return `${numberFormat({ maximumSignificantDigits: 2 }).format(value)} ms`;
    if (value < 1000) return `${numberFormat({ maximumFractionDigits: 0 }).format(value)} ms`;
    if (value < 60000) return `${numberFormat({ minimumFractionDigits: 2,
        maximumFractionDigits: 2 }).format(value / 1000)} s`;
    return seconds(value / 1000);
}

/* 90 → "1 min 30 s"; two units at most. */
export function seconds(value) {
    if (isMissing(value)) return NOTHING;
    const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
    let rest = Math.max(0, Math.round(value));
    const parts = [];
    for (const [size, unit] of units) {
        const whole = Math.floor(rest / size);
        rest -= whole * size;
        if (whole || (unit === 's' && !parts.length)) parts.push(t(`unit.${unit}`, { n: count(whole) }));
        if (parts.length === 2) break;
    }
    return parts.join(' ');
}

export function bytes(value) {
    if (isMissing(value)) return NOTHING;
    if (value < 1000) return `${count(value)} B`;
    if (value < 1e6) return `${numberFormat({ maximumFractionDigits: 1 }).format(value / 1e3)} kB`;
    return `${numberFormat({ maximumFractionDigits: 1 }).format(value / 1e6)} MB`;
}

/* ---- moments ---- */

export function isUtc() {
    return keptChoice('zone', 'local') === 'utc';
}

const two = (value) => String(value).padStart(2, '0');

/* The parts of a moment in the chosen zone. */
function partsOf(date) {
    const shift = isUtc() ? 0 : -date.getTimezoneOffset();
    const moved = new Date(date.getTime() + shift * 60000);
    return {
        year: moved.getUTCFullYear(), month: two(moved.getUTCMonth() + 1), day: two(moved.getUTCDate()),
        hour: two(moved.getUTCHours()), minute: two(moved.getUTCMinutes()), second: two(moved.getUTCSeconds()),
        milli: String(moved.getUTCMilliseconds()).padStart(3, '0'),
        shift,
    };
}

/* "UTC", "UTC+08:00": as it was at that moment, summer time and all. */
export function zoneOf(date = new Date()) {
    const { shift } = partsOf(date);
    if (shift === 0) return 'UTC';
    const size = Math.abs(shift);
    return `UTC${shift < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/* 2026-11-24 23:01:07.123 UTC+08:00 */
export function fullTime(iso, withMillis = false) {
    const date = new Date(iso);
    if (!iso || Number.isNaN(date.getTime())) return NOTHING;
    const p = partsOf(date);
    const millis = withMillis ? `.${p.milli}` : '';
    return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}${millis} ${zoneOf(date)}`;
}

/* 11-24 23:01:07; the year when it is not this one. The zone stands in the column's head. */
export function rowTime(iso) {
    const date = new Date(iso);
    if (!iso || Number.isNaN(date.getTime())) return NOTHING;
    const p = partsOf(date);
    const year = p.year === partsOf(new Date()).year ? '' : `${p.year}-`;
    return `${year}${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}`;
}

export function rowDate(iso) {
    const date = new Date(iso);
    if (!iso || Number.isNaN(date.getTime())) return NOTHING;
    const p = partsOf(date);
    return `${p.year}-${p.month}-${p.day}`;
}

/* 23:01 or 11-24, for axes. */
export function clockTime(unixSeconds) {
    const p = partsOf(new Date(unixSeconds * 1000));
    return `${p.hour}:${p.minute}`;
}

export function dayAndClock(unixSeconds) {
    const p = partsOf(new Date(unixSeconds * 1000));
    return `${p.month}-${p.day} ${p.hour}:${p.minute}`;
}

export function shortDay(unixSeconds) {
    const p = partsOf(new Date(unixSeconds * 1000));
    return `${p.month}-${p.day}`;
}

/* For <input type="datetime-local">, which knows no zone: in the chosen one. */
export function toInput(iso) {
    if (!iso) return '';
    const p = partsOf(new Date(iso));
    return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`;
}

export function fromInput(text) {
    if (!text) return null;
    const date = new Date(isUtc() ? `${text}Z` : text);
    return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('.000Z', 'Z');
}

/* "3 min ago": beside the exact moment, never instead of it. */
export function ago(iso, now = Date.now()) {
    const past = (now - new Date(iso).getTime()) / 1000;
    if (!iso || Number.isNaN(past)) return NOTHING;
    if (past < 5) return t('time.now');
    const unit = [86400, 3600, 60, 1].find((size) => past >= size);
    return t('time.ago', { span: seconds(Math.floor(past / unit) * unit) });
}

/* ---- limits ("100/60s", "10000tokens/day tz=Europe/Berlin", "5USD/month soft", "20concurrent") ---- */

const LIMIT = new RegExp('^(\\d+(?:\\.\\d+)?)(output_token|input_token|request|token|usd|concurrent)?s?'
    + '(?:/(\\d*)([a-z]+))?((?:[\\s;]+\\S+)*)$', 'i');
const WINDOW_SECONDS = { ms: 0.001, s: 1, m: 60, min: 60, minute: 60, h: 3600, hour: 3600, d: 86400 };
export const PERIODS = ['day', 'week', 'month', 'year'];

/* {amount, quantity, window, words}: window in seconds, a calendar period, or null of what runs at once; null if it is
 * not written as a limit is. What the words mean is not looked at. */
export function readLimit(text) {
    const found = LIMIT.exec(String(text).trim());
    if (!found) return null;
    const [, amount, unit = 'request', times, name = '', rest] = found;
    const quantity = unit.toLowerCase().replace(/(token|request)$/, '$1s');
    const span = name.toLowerCase();
    const isPeriod = !times && PERIODS.includes(span);
    const size = WINDOW_SECONDS[span];
    if ((quantity === 'concurrent') !== !name || !(isPeriod || size || !name)) return null;
    const window = !name ? null : isPeriod ? span : Number(times || 1) * size;
    return { amount: Number(amount), quantity, window, words: rest.split(/[\s;]+/).filter(Boolean) };
}

export function windowWords(window) {
    return PERIODS.includes(window) ? t(`limit.${window}`) : seconds(window);
}

/* An amount of what a limit counts; the API's money is in millionths. */
export function amountWords(quantity, amount) {
    return quantity === 'micros' ? usd(amount) : tCount(`limit.${quantity}`, amount, count(amount));
}

const WEEK_DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/* "mon" of a week, "15" of a month, "04-01" of a year. */
function startWords(value) {
    const day = WEEK_DAYS.indexOf(value.toLowerCase());
    if (day >= 0) {
        const date = new Date(Date.UTC(2023, 0, 1 + day)); /* which was a Sunday */
        const name = new Intl.DateTimeFormat(currentLanguage().locale, { weekday: 'long', timeZone: 'UTC' }).format(date);
        return t('limit.start', { value: name });
    }
    return t(value.includes('-') ? 'limit.start' : 'limit.start_day', { value });
}

function wordWords(word) {
    const [name, value] = word.split('=', 2);
    if (value && name.toLowerCase() === 'start') return startWords(value);
    return value ? t(`limit.${name.toLowerCase()}`, { value }) : t(`limit.${word.toLowerCase()}`);
}

/* What goes without saying is not said. */
const SILENT = ['hard', 'strict', 'sliding'];

/* "100 requests in 1 min"; what cannot be read is shown as it came. */
export function limitWords(text) {
    const limit = readLimit(text);
    if (!limit) return String(text);
    const isMoney = limit.quantity === 'usd';
    const amount = isMoney ? amountWords('micros', limit.amount * 1e6) : amountWords(limit.quantity, limit.amount);
    const form = PERIODS.includes(limit.window) ? 'limit.per' : 'limit.in';
    const core = limit.window === null ? amount : t(form, { amount, window: windowWords(limit.window) });
    const words = limit.words.filter((word) => !SILENT.includes(word.toLowerCase())).map(wordWords);
    return [core, ...words].join(' · ');
}
