/* Faces of a redaction policy that its page, its editor and its versions share.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    Button, Chip, count, Facts, hasWords, html, Icon, NOTHING, State, t, tCount, tValue, useEffect, useState,
} from '../ui.js';
import { Action, typeWords } from './parts.js';
import { DIRECTIONS, draftOf, fromPacks } from './redaction_draft.js';

const WORDS_SHOWN = 20;
const CHANGES_SHOWN = 60;

/* ---- small ---- */

const STATE_TONES = { published: 'ok', pending: 'warn', superseded: 'quiet', rejected: 'bad', withdrawn: 'quiet' };

export function VersionState({ state }) {
    return html`<${State} tone=${STATE_TONES[state] || 'quiet'}>${tValue('version_state', state)}<//>`;
}

/* A value to choose from; '' stands for "the policy does not say", unset for what holds then. */
export function ActionSelect({ value, unset, label, actions, isMixed, onChange, ...rest }) {
    return html`<select class=${`act ${value || unset || ''}`} value=${isMixed ? 'mixed' : value || ''}
        aria-label=${label} title=${label} onChange=${(event) => onChange(event.target.value || null)} ...${rest}>
        ${isMixed && html`<option value="mixed" disabled>${t('redaction.mixed')}</option>`}
        <option value="">${unset ? t('redaction.unset', { action: tValue('action', unset) })
            : t('redaction.unset_mixed')}</option>
        ${actions.map((action) => html`<option key=${action} value=${action}>${tValue('action', action)}</option>`)}
        </select>`;
}

/* A button that is pressed twice: what it takes away cannot be had back. */
export function Sure({ onSure, label, isNamed, ...rest }) {
    const [isAsked, ask] = useState(false);
    useEffect(() => {
        if (!isAsked) return undefined;
        const timer = setTimeout(() => ask(false), 5000);
        return () => clearTimeout(timer);
    }, [isAsked]);
    return html`<${Button} icon="close" kind=${isAsked ? 'danger' : 'bare'} title=${label}
        aria-label=${isAsked || isNamed ? undefined : label} ...${rest}
        onClick=${() => (isAsked ? onSure() : ask(true))}>${isAsked ? t('redaction.sure') : isNamed && label}<//>`;
}

/* Of a pack the console knows the name in both languages; of one the server's people wrote, what they called it. */
export function packWords(pack) {
    return hasWords(`pack.${pack.name}`) ? t(`pack.${pack.name}`) : pack.title || pack.name;
}

function flags(list, names) {
    return names.filter((name) => list[name]).map((name) => t(`redaction.${name}`)).join(' · ');
}

/* ---- faults ---- */

/* What was wrong in the checked document, by its place: {at(part, index), count(part)}. */
export function faultsOf(check) {
    const list = (check ? check.faults : []).map(({ pointer = '', code, detail }) => {
        const [part, index, ...rest] = pointer.replace(/^\/document(?=\/|$)/, '').split('/').slice(1);
        const known = hasWords(`fault.${code}`) ? t(`fault.${code}`) : '';
        return { part, index: Number(index), member: rest[0] || '', place: Number(rest[1]), pointer, known, detail };
    });
    return {
        list,
        at: (part, index) => list.filter((one) => one.part === part && one.index === index),
        count: (...parts) => list.filter((one) => parts.includes(one.part)).length,
    };
}

function FaultWords({ fault, words = [] }) {
    const { member, place, known, detail } = fault;
    return html`${member === 'words' && words[place] !== undefined && html`<code>${words[place]}</code> `}${known}${
        known && detail && ' · '}<span lang="en">${detail}</span>`;
}

/* The faults of one field of a row, for its own place; nothing when there are none. */
export function faultOf(faults, isHere) {
    const [first] = faults.filter(isHere);
    return first && html`<${FaultWords} fault=${first} />`;
}

export function FaultLines({ faults, words }) {
    return faults.map((one, i) => html`<p class="fault" role="alert" key=${i}><${FaultWords} fault=${one}
        words=${words} /></p>`);
}

/* ---- changes ---- */

/* What loosens stands first: it is what a second person looks for. */
const EFFECTS = { looser: ['warn', 'warn'], stricter: ['lock', 'ok'], neutral: ['edit', 'quiet'] };

export function Effect({ name }) {
    const [icon, tone] = EFFECTS[name] || EFFECTS.neutral;
    return html`<span class=${`effect ${tone}`}><${Icon} name=${icon} size="14" />${tValue('effect', name)}</span>`;
}

function some(values, most = 6) {
    const rest = values.length - most;
    return values.slice(0, most).map(valueWords).join(t('list.and'))
        + (rest > 0 ? ` ${t('redaction.and_more', { n: count(rest) })}` : '');
}

function valueWords(value) {
    if (value === null || value === undefined || value === '') return NOTHING;
    if (typeof value === 'boolean') return t(value ? 'redaction.yes' : 'redaction.no');
    if (typeof value === 'number') return count(value);
    if (Array.isArray(value)) return value.length ? some(value) : NOTHING;
    if (typeof value === 'object') {
        const { words, regex, action, ...rest } = value;
        return [words !== undefined && tCount('redaction.words', words, count(words)), regex, action && tValue('action',
            action), flags(rest, Object.keys(rest))].filter(Boolean).join(' · ');
    }
    return String(value);
}

/* Values of a change in the words of its part: actions, packs, numbers of words. */
function sideWords({ pointer }, value) {
    if (typeof value === 'string' && /^\/types|\/action$/.test(pointer)) return tValue('action', value);
    if (pointer === '/packs') return value ? some(value.map((name) => packWords({ name }))) : t('redaction.unset_short');
    if (/^\/types|\/action$/.test(pointer) && !value) return t('redaction.unset_short');
    return valueWords(value);
}

/* "Types: e-mail address, in the prompt": the part of the policy, the thing in it, and what of it. */
function Subject({ change }) {
    const [, part, , member] = change.pointer.split('/');
    const tail = ` ${member || change.direction}`; /* the server's words end in it, ours say it beside */
    const what = change.what.endsWith(tail) ? change.what.slice(0, -tail.length) : change.what;
    const name = part === 'types' ? typeWords(what) : what;
    const about = [change.direction && tValue('direction', change.direction), member
        && !['action', 'words'].includes(member) && tValue('redaction', member)].filter(Boolean).join(', ');
    return html`<span class="quiet">${tValue('policy_part', part)}</span>${name !== part && html` <b>${name}</b>`}${
        about && html` <span class="quiet">${about}</span>`}`;
}

function Difference({ change }) {
    const { before, after, added = [], removed = [] } = change;
    return html`<span><del><span class="off-screen">${t('redaction.before')} </span>${sideWords(change, before)}</del> →
        <ins> ${sideWords(change, after)}</ins>${added.length > 0 && html` <ins>+ ${some(added)}</ins>`}${
        removed.length > 0 && html` <del>− ${some(removed)}</del>`}</span>`;
}

export function Changes({ changes }) {
    const [isWhole, showAll] = useState(false);
    if (!changes.length) return html`<p class="quiet-note">${t('redaction.no_changes')}</p>`;
    const rank = (one) => Object.keys(EFFECTS).indexOf(one.effect);
    const ranked = [...changes].sort((a, b) => rank(a) - rank(b));
    const shown = isWhole ? ranked : ranked.slice(0, CHANGES_SHOWN);
    return html`<ul class="policy-changes">${shown.map((one, i) => html`<li key=${i} class=${one.effect}>
        <${Effect} name=${one.effect} /><span><${Subject} change=${one} /> <${Difference}
            change=${one} /></span></li>`)}</ul>
        ${shown.length < changes.length && html`<${Button} kind="bare"
            onClick=${() => showAll(true)}>${t('table.show_more', { n: count(changes.length - shown.length) })}<//>`}`;
}

/* ---- a whole policy, to read ---- */

/* Types by what is done with them, the strictest first: twenty kinds of secrets that are blocked are one line. */
function Said({ draft, catalogue }) {
    const packs = fromPacks(draft.packs, catalogue);
    const groups = new Map();
    for (const type of Object.keys(draft.said)) {
        const pair = DIRECTIONS.map((one) => draft.said[type][one] || null);
        if (pair.every((action) => !action)) continue;
        const key = pair.map((action) => action || `packs ${packs[type]}`).join();
        groups.set(key, { pair, types: [...(groups.get(key) || { types: [] }).types, type] });
    }
    const rank = ({ pair }) => Math.max(...pair.map((action) => catalogue.actions.indexOf(action)));
    const rows = [...groups.values()].sort((a, b) => rank(b) - rank(a));
    if (!rows.length) return html`<p class="quiet-note">${t('redaction.no_types')}</p>`;
    const action = (type, name) => (name ? html`<${Action} name=${name} />`
        : html`<span class="quiet">${t('redaction.unset', { action: tValue('action', packs[type]) })}</span>`);
    return html`<div class="table-box"><table class="said"><thead><tr>${DIRECTIONS.map((one) => html`<th
            scope="col" key=${one}>${tValue('direction', one)}</th>`)}<th scope="col">${t('findings.type')}</th></tr></thead>
        <tbody>${rows.map(({ pair, types }) => html`<tr key=${types[0]}>${pair.map((name, i) => html`<td key=${i}>${
            action(types[0], name)}</td>`)}<td>${types.map((type, i) => html`<span key=${type} title=${type}>${
            typeWords(type)}${i < types.length - 1 && t('list.and')}</span>`)}</td></tr>`)}</tbody></table></div>`;
}

export function Summary({ document, catalogue }) {
    const draft = draftOf(document, catalogue);
    const packs = draft.packs && draft.packs.map((name) => packWords(catalogue.packs.find((one) => one.name === name)
        || { name })).join(t('list.and'));
    return html`<section><h3>${t('policy_part.packs')}</h3><p>${draft.packs ? packs || NOTHING
            : t('redaction.packs_unset')}</p>
        <p>${t(draft.locked ? 'redaction.is_locked' : 'redaction.not_locked')}</p></section>
        <section><h3>${t('policy_part.types')}</h3><${Said} draft=${draft} catalogue=${catalogue} /></section>
        ${draft.lists.length > 0 && html`<section><h3>${t('policy_part.lists')}</h3><${Facts}
            rows=${draft.lists.map((one) => [one.name, html`${tCount('redaction.words', one.words.length, count(one.words.length))}
                ${one.action && html` <${Action} name=${one.action} />`} <span class="quiet">${
                    flags(one, ['exact', 'whole_word'])}</span>
                <details><summary>${t('redaction.show_words')}</summary>${
                    some(one.words, WORDS_SHOWN)}</details>`])} /></section>`}
        ${draft.patterns.length > 0 && html`<section><h3>${t('policy_part.patterns')}</h3><${Facts} rows=${
            draft.patterns.map((one) => [one.name, html`<code>${one.regex}</code>
                ${one.action && html` <${Action} name=${one.action} />`} <span class="quiet">${
                    flags(one, ['caseless'])}</span>`])} /></section>`}
        ${draft.allowed.words.length > 0 && html`<section><h3>${t('policy_part.allowed')}</h3><p class="mono">${
            some(draft.allowed.words, WORDS_SHOWN)}</p></section>`}`;
}

export function Versioned({ version }) {
    return html`<${Chip} tone="accent">${t('redaction.version', { n: count(version) })}<//>`;
}
