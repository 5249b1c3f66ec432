/* The console speaks through words/<language>.json, and words/<language>/<page>.json of the page it shows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * t('keys.created', {name}) fills {name} in; tCount('rows', 3) takes rows.one or rows.other as the language counts.
 * A key that is missing shows as itself, so that a hole is seen and a page never breaks; tests/ui compares the files.
 */
/* The name each language calls itself by; not translated, so that who needs it finds it. */
export const LANGUAGES = [
    { code: 'en', name: 'English', locale: 'en' },
    { code: 'zh', name: '中文', locale: 'zh-CN' },
];

let language = LANGUAGES[0];
let words = {};
let plural = new Intl.PluralRules('en');

function fill(pattern, values) {
    return pattern.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function hasWords(key) {
    return Object.hasOwn(words, key);
}

export function t(key, values) {
    if (!hasWords(key)) return key;
    return values ? fill(words[key], values) : words[key];
}

/* n chooses the form; shown is how the number is written, if not as it is. */
export function tCount(key, n, shown = n) {
    const form = `${key}.${plural.select(n)}`;
    return t(hasWords(form) ? form : `${key}.other`, { n: shown });
}

/* The words of a value that came as data ("revoked"), or the value itself where we have none for it. */
export function tValue(family, value) {
    const key = `${family}.${value}`;
    return hasWords(key) ? words[key] : String(value);
}

export function currentLanguage() {
    return language;
}

/* Which language to begin with: the operator's own choice, else the browser's, else English. */
export function preferredLanguage() {
    const kept = keptChoice('language', '');
    const wishes = kept ? [kept] : navigator.languages || [navigator.language];
    for (const wish of wishes) {
        const found = LANGUAGES.find((one) => wish.toLowerCase().startsWith(one.code));
        if (found) return found.code;
    }
    return LANGUAGES[0].code;
}

/* More of a language, by families as build.sh lays them out; of one that is not spoken any more, nothing. */
export function learn(code, part) {
    if (code !== language.code) return;
    for (const [family, list] of Object.entries(part)) {
        for (const [name, text] of Object.entries(list)) words[`${family}.${name}`] = text;
    }
}

/* Speaks the language with that code from now on: what all pages say, and what those say that were opened. */
export function speak(code, parts) {
    language = LANGUAGES.find((one) => one.code === code);
    words = {};
    for (const part of parts) learn(code, part);
    plural = new Intl.PluralRules(language.locale);
    document.documentElement.lang = language.locale; /* also chooses the right Chinese glyphs */
}

/* What the operator chose, kept in this browser. Storage may be switched off: then a choice lasts as long as the page. */
export function keptChoice(name, fallback) {
    try {
        return localStorage.getItem(`chatgpt.${name}`) || fallback;
    } catch {
        return fallback;
    }
}

export function keepChoice(name, value) {
    try {
        localStorage.setItem(`chatgpt.${name}`, value);
    } catch {
        /* see keptChoice */
    }
}
