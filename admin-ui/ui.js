/* The parts every page is made of. Nodes are made here, by preact, from values; never from a string of markup.
 * SPDX-License-Identifier: Apache-2.0
 */
import { h } from './vendor/preact.js';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from './vendor/hooks.js';
import htm from './vendor/htm.js';
import { explain, newIdempotencyKey } from './api.js';
import * as format from './format.js';
import { ICONS } from './icons.js';
import { rolesFor } from './session.js';
import { t, tValue } from './words.js';

export const html = htm.bind(h);

/* What pages say, ask, hold and lead to comes from here, too, so that a page names one module for it. */
export * from './api.js';
export * from './format.js';
export * from './route.js';
export * from './session.js';
export * from './vendor/hooks.js';
export * from './words.js';

/* ---- asking the server ---- */

/* What was away for a moment is asked again soon, what stays away ever later. */
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 10000;

/* What is away comes back by itself; the page then shows it without being asked. */
function pauseOf({ problem, misses }, every) {
    const isAway = problem && [0, 502, 503, 504].includes(problem.status);
    return isAway ? Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (misses - 1)) : every * 1000;
}

/* Runs load(signal) at once, again when deps change, and so many seconds after each answer while the page is looked at.
 * {data, problem, isLoading, at, reload}: what came last stays on show while the next is on its way. */
export function useData(load, deps, { every = 0 } = {}) {
    const [state, setState] = useState({ data: null, problem: null, isLoading: true, at: null, misses: 0 });
    const [turn, setTurn] = useState(0);

    useEffect(() => {
        const stop = new AbortController();
        setState((old) => ({ ...old, isLoading: true }));
        load(stop.signal).then(
            (data) => stop.signal.aborted
                || setState({ data, problem: null, isLoading: false, at: new Date(), misses: 0 }),
            (problem) => stop.signal.aborted
                || setState((old) => ({ ...old, problem, isLoading: false, misses: old.misses + 1 })),
        );
        return () => stop.abort();
    }, [...deps, turn]);

    const reload = useCallback(() => setTurn((n) => n + 1), []);
    /* The pause begins with the answer: to ask again over a question that is slow would end it, every time. */
    const pause = pauseOf(state, every);
    useEffect(() => {
        if (state.isLoading || !pause) return undefined;
        const timer = setInterval(() => document.visibilityState === 'visible' && reload(), pause);
        return () => clearInterval(timer);
    }, [state.isLoading, pause]);
    return { ...state, reload };
}

/* A value that follows another once it has been still for a while: filters that ask the server. */
export function useSettled(value, forMs = 300) {
    const [settled, settle] = useState(value);
    useEffect(() => {
        const timer = setTimeout(() => settle(value), forMs);
        return () => clearTimeout(timer);
    }, [value, forMs]);
    return settled;
}

/* ---- small things ---- */

export function Icon({ name, size = 16 }) {
    return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 16 16" aria-hidden="true"><path
        d=${ICONS[name]} /></svg>`;
}

/* tone: ok, warn, bad, accent or nothing. A shape beside the colour, for who cannot tell them apart. */
export function Chip({ tone = 'quiet', title, children }) {
    return html`<span class=${`chip ${tone}`} title=${title}>${children}</span>`;
}

export function State({ tone, children }) {
    return html`<span class=${`state ${tone}`}><i aria-hidden="true"></i>${children}</span>`;
}

/* A moment with its zone in the title; full says it all in the text. */
export function Time({ at, full = false, millis = false, day = false }) {
    if (!at) return html`<span class="nothing">${format.NOTHING}</span>`;
    return html`<time datetime=${at} title=${`${format.fullTime(at, true)} · ${format.ago(at)}`}>${
        full ? format.fullTime(at, millis) : day ? format.rowDate(at) : format.rowTime(at)}</time>`;
}

export function timeLabel() {
    return t('table.time', { zone: format.zoneOf() });
}

/* A column's head with the zone of its times. */
export function zoned(word) {
    return t('table.with_zone', { name: t(word), zone: format.zoneOf() });
}

export function Text({ value }) {
    return value === null || value === undefined || value === '' ? html`<span
        class="nothing">${format.NOTHING}</span>` : String(value);
}

/* What a column cuts short stands whole in its title. */
export function Long({ value }) {
    return value ? html`<span title=${value}>${value}</span>` : html`<${Text} />`;
}

/* A share as a bar; words beside it say the numbers. An SVG's width is an attribute, so no style is needed. */
export function Bar({ part, held = 0, whole, label }) {
    const share = whole > 0 ? Math.min(1, part / whole) : 0;
    const sure = whole > 0 ? Math.min(1, Math.max(0, part - held) / whole) : 0;
    const tone = share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : 'accent';
    return html`<svg class=${`bar ${tone}`} viewBox="0 0 100 6" preserveAspectRatio="none" role="meter"
        aria-label=${label}
        aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(share * 100)}>
        <rect class="track" width="100" height="6" />${share > sure && html`<rect class="held" width=${share * 100}
            height="6" />`}<rect class="fill" width=${sure * 100} height="6" /></svg>`;
}

export function Button({ icon, kind = '', busy, children, ...rest }) {
    return html`<button type="button" class=${`button ${kind}`} aria-busy=${busy ? 'true' : undefined}
        disabled=${busy || rest.disabled} ...${rest}>
        ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}</button>`;
}

/* The clipboard's interface exists on https and localhost only; elsewhere the old command still works. */
async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const field = document.createElement('textarea');
        field.value = text;
        field.className = 'off-screen';
        (document.querySelector('dialog[open]') || document.body).append(field);
        field.select();
        const wasCopied = document.execCommand('copy');
        field.remove();
        return wasCopied;
    }
}

export function Copy({ text, label = t('act.copy'), kind = '', onCopied }) {
    const [said, say] = useState('');
    async function copy() {
        const wasCopied = await copyText(text);
        say(wasCopied ? 'act.copied' : 'act.not_copied');
        if (wasCopied && onCopied) onCopied();
        setTimeout(() => say(''), 2500);
    }
    return html`<${Button} icon=${said === 'act.copied' ? 'check' : 'copy'} kind=${kind}
        onClick=${copy}>${said ? t(said) : label}<//>
        <span class="off-screen" role="status">${said && t(said)}</span>`;
}

/* A file of what stands in the page. */
export function saveFile(name, text) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* One of few: range choices, chart or table. options: [{value, label}]. */
export function Segments({ label, value, options, onChange }) {
    return html`<div class="segments" role="group" aria-label=${label}>${options.map((option) => html`
        <button type="button" key=${option.value} aria-pressed=${option.value === value ? 'true' : 'false'}
            onClick=${() => onChange(option.value)}>${option.label}</button>`)}</div>`;
}

/* ---- states: loading, empty, failed, refused ---- */

function Blank({ icon, tone = '', title, children, live }) {
    return html`<div class=${`blank ${tone}`} role=${live}><${Icon} name=${icon}
        size="28" /><h2>${title}</h2>${children}</div>`;
}

/* Grey lines where rows will be; they appear late, so that a quick answer does not flicker. */
export function Loading({ rows = 6 }) {
    return html`<div class="loading" role="status" aria-label=${t('state.loading')}>${
        Array.from({ length: rows }, (_, i) => html`<i key=${i}></i>`)}</div>`;
}

export function Empty({ title = t('state.empty'), children }) {
    return html`<${Blank} icon="empty" title=${title}>${children}<//>`;
}

/* "compliance, approver or administrator": who may. */
export function rolesWords(deed) {
    const roles = rolesFor(deed).map((role) => tValue('role', role));
    return [roles.slice(0, -1).join(t('list.and')), roles[roles.length - 1]].filter(Boolean).join(t('list.or'));
}

export function Refused({ deed }) {
    const roles = rolesWords(deed);
    return html`<${Blank} icon="lock" title=${t('problem.role-required')}
        live="alert"><p>${t('state.refused', { roles })}</p><//>`;
}

/* Any problem in place of what was asked for. */
export function Failed({ problem, onRetry }) {
    const words = explain(problem);
    const isAboutUs = problem.status === 401 || problem.status === 403;
    return html`<${Blank} icon=${isAboutUs ? 'lock' : 'warn'} tone=${isAboutUs ? '' : 'bad'} title=${words.title}
        live="alert">
        <p>${words.text}</p>
        <${ServerSaid} problem=${problem} />
        ${problem.status === 401 && html`
            <${Button} kind="primary" onClick=${() => location.reload()}>${t('act.sign_in')}<//>`}
        ${!isAboutUs && onRetry && html`<${Button} icon="reload" onClick=${onRetry}>${t('act.retry')}<//>`}<//>`;
}

/* The server's own sentence and the id to look for in its log. */
function ServerSaid({ problem }) {
    if (!problem.detail && !problem.instance) return null;
    return html`<p class="server-said">${problem.detail && html`<span lang="en">${problem.detail}</span>`}
        ${problem.instance && html`<code title=${t('state.instance')}>${problem.instance}</code>`}</p>`;
}

/* The same, small, above a form or a list that is still there. */
export function Notice({ problem, tone = 'bad', children, onRetry, retry = t('act.retry'), icon = 'reload' }) {
    const words = problem && explain(problem);
    return html`<div class=${`notice ${tone}`} role="alert"><${Icon} name=${tone === 'ok' ? 'check' : 'warn'} />
        <div>${problem ? html`<b>${words.title}</b> ${words.text}<${ServerSaid} problem=${problem} />` : children}</div>
        ${onRetry && html`<${Button} icon=${icon} onClick=${onRetry}>${retry}<//>`}</div>`;
}

/* The ladder every page climbs: refused or failed, loading, empty, or what was asked for. */
export function Loaded({ from, rows, isEmpty, empty, children }) {
    if (from.data === null) {
        return from.problem ? html`<${Failed} problem=${from.problem} onRetry=${from.reload} />` : html`<${Loading}
            rows=${rows} />`;
    }
    return html`${from.problem && html`<${Notice} problem=${from.problem} onRetry=${from.reload} />`}
        ${isEmpty ? empty || html`<${Empty} />` : children}`;
}

/* "As of 12:04:05 UTC+08:00" and a button to ask again. */
export function AsOf({ from }) {
    return html`<span class="as-of">${from.at && t('state.as_of',
        { time: format.fullTime(from.at.toISOString()).slice(11) })}
        <${Button} icon="reload" kind="bare" busy=${from.isLoading && from.data !== null}
            aria-label=${t('act.reload')} title=${t('act.reload')}
            onClick=${from.reload} /></span>`;
}

/* ---- page, panel, dialog ---- */

export function Page({ title, about, actions, children }) {
    return html`<header class="page-head"><div><h1 tabindex="-1">${title}</h1>${about && html`<p>${about}</p>`}</div>
        ${actions && html`<div class="actions">${actions}</div>`}</header>${children}`;
}

/* One entity beside its list: the list stays in sight and in reach; Escape closes. */
export function Panel({ title, label, onClose, onStep, actions, children }) {
    const panel = useRef();
    useEffect(() => {
        const before = document.activeElement;
        panel.current.querySelector('h2').focus();
        return () => before && before.isConnected && before.focus();
    }, []);
    function onKey(event) {
        if (event.target.closest('dialog, input, textarea, select')) return;
        if (event.key === 'Escape') onClose();
        if (onStep && (event.key === 'j' || event.key === 'k')) onStep(event.key === 'j' ? 1 : -1);
    }
    return html`<aside class="panel" ref=${panel} aria-label=${label} onKeyDown=${onKey}>
        <header><h2 tabindex="-1">${title}</h2>
            ${onStep && html`<${Button} kind="bare" icon="up_arrow" aria-label=${t('act.previous')}
                title=${`${t('act.previous')} (k)`} onClick=${() => onStep(-1)} />
            <${Button} kind="bare" icon="down_arrow" aria-label=${t('act.next')} title=${`${t('act.next')} (j)`}
                onClick=${() => onStep(1)} />`}
            <${Button} kind="bare" icon="close" aria-label=${t('act.close')} title=${`${t('act.close')} (Esc)`}
                onClick=${onClose} /></header>
        <div class="panel-body">${children}</div>
        ${actions && html`<footer>${actions}</footer>`}</aside>`;
}

/* A panel of what is asked for: actions(value) and children(value) once it is there. */
export function PanelOf({ found, value = found.data, name, actions, children, ...rest }) {
    return html`<${Panel} title=${value ? value.name : name} actions=${value && actions && actions(value)} ...${rest}>
        ${value && found.problem && html`<${Notice} problem=${found.problem} onRetry=${found.reload} />`}
        ${value ? children(value) : found.problem ? html`<${Failed} problem=${found.problem}
            onRetry=${found.reload} />` : html`<${Loading} />`}<//>`;
}

/* The browser's own modal dialog: it keeps the focus inside and gives it back. mayLeave false: only its buttons close it. */
export function Dialog({ title, onClose, mayLeave = true, wide, children }) {
    const dialog = useRef();
    useLayoutEffect(() => {
        const node = dialog.current;
        node.showModal();
        return () => node.close();
    }, []);
    return html`<dialog ref=${dialog} class=${wide ? 'wide' : ''} aria-labelledby="dialog-title"
        onCancel=${(event) => { event.preventDefault(); if (mayLeave) onClose(); }}>
        <header><h2 id="dialog-title">${title}</h2>${mayLeave && html`
            <${Button} kind="bare" icon="close" aria-label=${t('act.close')} onClick=${onClose} />`}</header>
        ${children}</dialog>`;
}

/* Pairs of name and value; rows: [label, value]; a row that is false is left out. */
export function Facts({ rows }) {
    const nothing = html`<span class="nothing">${format.NOTHING}</span>`;
    const isNothing = (value) => value === null || value === undefined || value === '';
    return html`<dl class="facts">${rows.filter(Boolean).map(([label, value]) => html`
        <div key=${label}><dt>${label}</dt><dd>${isNothing(value) ? nothing : value}</dd></div>`)}</dl>`;
}

/* ---- forms ---- */

let fieldCount = 0;

/* A label, its control, a hint and a fault, tied together for the eye and for a screen reader.
 * children: a function of the attributes the control must carry. */
export function Field({ label, hint, fault, isNeeded, children }) {
    const id = useRef(null);
    if (!id.current) id.current = `field-${(fieldCount += 1)}`;
    const about = [hint && `${id.current}-hint`, fault && `${id.current}-fault`].filter(Boolean).join(' ');
    const marks = { 'aria-invalid': fault ? 'true' : undefined, 'aria-required': isNeeded ? 'true' : undefined };
    return html`<div class=${`field ${fault ? 'faulty' : ''}`}>
        <label for=${id.current}>${label}
            ${isNeeded && html`<span class="needed" title=${t('form.needed')}> *</span>`}</label>
        ${children({ id: id.current, 'aria-describedby': about || undefined, ...marks })}
        ${hint && html`<p class="hint" id=${`${id.current}-hint`}>${hint}</p>`}
        ${fault && html`<p class="fault" id=${`${id.current}-fault`}>${fault}</p>`}</div>`;
}

export function TextField({ value, onChange, type = 'text', label, hint, fault, isNeeded, ...rest }) {
    return html`<${Field} label=${label} hint=${hint} fault=${fault} isNeeded=${isNeeded}>${(tie) => html`
        <input type=${type} value=${value} autocomplete="off" spellcheck=${false} ...${rest} ...${tie}
            onInput=${(event) => onChange(event.target.value)} />`}<//>`;
}

export function SelectField({ value, onChange, options, label, hint, fault }) {
    return html`<${Field} label=${label} hint=${hint} fault=${fault}>${(tie) => html`
        <select value=${value} ...${tie} onChange=${(event) => onChange(event.target.value)}>${options.map((option) => html`
            <option key=${option.value} value=${option.value}>${option.label}</option>`)}</select>`}<//>`;
}

/* Whether it was done nobody knows: no answer, one of a proxy in between, or the first try is still under way. */
const isUnknown = (problem) => !problem.status || problem.status >= 500 || problem.kind === 'in-progress';

/* The state of sending a form: {problem, isBusy, send(act)}. act(once) gets the idempotency key: the same again while
 * it is unknown what the last try did, so that a lost answer does not make two keys; else a new one. */
export function useSending() {
    const [state, setState] = useState({ problem: null, isBusy: false });
    const once = useRef(null);
    async function send(act) {
        once.current = once.current || newIdempotencyKey();
        setState({ problem: null, isBusy: true });
        try {
            await act(once.current);
            once.current = null;
            setState({ problem: null, isBusy: false });
        } catch (problem) {
            if (!isUnknown(problem)) once.current = null;
            setState({ problem, isBusy: false });
        }
    }
    return { ...state, send };
}

export function Submit({ kind = 'primary', isBusy, disabled, children }) {
    return html`<button type="submit" class=${`button ${kind}`} disabled=${disabled || isBusy}
        aria-busy=${isBusy ? 'true' : undefined}><span>${children}</span></button>`;
}

/* A filter above a table; "/" brings the operator there. */
export function Search({ value, onChange, label, placeholder }) {
    return html`<span class="search"><${Icon} name="search" /><input type="search" value=${value} aria-label=${label}
        placeholder=${placeholder || label}
        autocomplete="off" spellcheck=${false} onInput=${(event) => onChange(event.target.value)} /></span>`;
}

export function Choice({ value, onChange, label, options }) {
    return html`<select class="choice" value=${value} aria-label=${label} title=${label}
        onChange=${(event) => onChange(event.target.value)}>${options.map((option) => html`
        <option key=${option.value} value=${option.value}>${option.label}</option>`)}</select>`;
}
