/* What one does to a key: create, edit, give a new secret, end the old one. Each is a dialog that says what it will do.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    ago, Button, fromInput, fullTime, html, limitWords, post, readLimit, SelectField, t, TextField, toInput, useSending,
    useState, zoneOf,
} from '../ui.js';
import { difference, EditDialog, faultsOf, filled, FormDialog, Secret } from './forms.js';

const WINDOWS = ['1s', '60s', '900s', '3600s', '86400s'];
const SECONDS = { '1s': 1, '60s': 60, '900s': 900, '3600s': 3600, '86400s': 86400 };

/* Members that are one line of text, and those that are lists. */
const TEXTS = ['name', 'owner', 'user', 'team', 'hours'];
const LISTS = ['models', 'tags', 'endpoints', 'addresses', 'vhosts'];
const PLACES = ['endpoints', 'addresses', 'vhosts', 'hours'];

const FIELDS = [...TEXTS, ...LISTS, 'redact', 'limits', 'budget', 'expires_at'];

/* ---- limits as rows of fields ---- */

/* Requests or tokens in a window that slides, and no word more: what the fields can say. */
const isPlain = (limit) => limit && ['requests', 'tokens'].includes(limit.quantity) && typeof limit.window === 'number'
    && !limit.words.length;

/* "10000tokens/60s" → {amount, quantity, window} as text for the fields; a window we do not offer is kept as it is, and a
 * limit of another kind as its text. */
function limitRow(text) {
    const limit = readLimit(text);
    return isPlain(limit) ? { amount: String(limit.amount), quantity: limit.quantity, window: `${limit.window}s` } : { text };
}

function limitText({ text, amount, quantity, window }) {
    return text === undefined ? `${amount}${quantity === 'tokens' ? 'tokens' : ''}/${window}` : text.trim();
}

const isSaid = (row) => (row.text === undefined ? row.amount !== '' : row.text.trim() !== '');

function PlainLimit({ row, change }) {
    return html`<input type="number" min="1" step="1" required value=${row.amount} aria-label=${t('limits.amount')}
            onInput=${(e) => change({ amount: e.target.value })} />
        <select value=${row.quantity} aria-label=${t('limits.quantity')}
            onChange=${(e) => change({ quantity: e.target.value })}>
            <option value="requests">${t('unit.requests')}</option><option
                value="tokens">${t('unit.tokens')}</option></select>
        <span>${t('limits.per')}</span>
        <select value=${row.window} aria-label=${t('limits.window')} onChange=${(e) => change({ window: e.target.value })}>
            ${[...new Set([...WINDOWS, row.window])].map((window) => html`<option key=${window}
                value=${window}>${window in SECONDS ? t(`window.${window}`) : window}</option>`)}</select>`;
}

function LimitRows({ rows, onChange, fault }) {
    const change = (index) => (part) => onChange(rows.map((row, i) => (i === index ? { ...row, ...part } : row)));
    return html`<fieldset class=${fault ? 'faulty' : ''}><legend>${t('keys.limits')}</legend>
        <p class="hint">${rows.length ? t('keys.limits_hint') : t('keys.limits_none')}</p>
        ${rows.map((row, i) => html`<div class="limit-row" key=${i}>${row.text === undefined
            ? html`<${PlainLimit} row=${row} change=${change(i)} />`
            : html`<input type="text" class="mono grow" value=${row.text} aria-label=${t('keys.limit_text')} title=${limitWords(row.text)}
                onInput=${(e) => change(i)({ text: e.target.value })} />`}
            <${Button} kind="bare" icon="close" aria-label=${t('limits.remove')} title=${t('limits.remove')}
                onClick=${() => onChange(rows.filter((_, k) => k !== i))} /></div>`)}
        ${fault && html`<p class="fault">${fault}</p>`}
        <${Button} icon="plus" onClick=${() => onChange([...rows,
            { amount: '', quantity: 'requests', window: '60s' }])}>${t('limits.add')}<//></fieldset>`;
}

/* ---- to a form and back ---- */

function formOf(key) {
    const budget = key.budget && readLimit(key.budget);
    const isMonthly = budget && budget.window === 'month' && !budget.words.length;
    return {
        ...Object.fromEntries(TEXTS.map((name) => [name, key[name] || ''])),
        ...Object.fromEntries(LISTS.map((name) => [name, (key[name] || []).join(', ')])),
        limits: (key.limits || []).map(limitRow),
        budget: isMonthly ? String(budget.amount) : key.budget || '',
        expires: toInput(key.expires_at),
        redact: key.redact || '',
        state: key.state || 'active',
    };
}

/* A bare number is dollars a calendar month; anything else is a budget as it is written. */
function budgetOf(text) {
    if (!text) return null;
    return /^\d+(\.\d+)?$/.test(text) ? `${text}USD/month` : text;
}

/* What the API takes. null where a value is to be taken away. */
function bodyOf(form) {
    return {
        ...Object.fromEntries(TEXTS.map((name) => [name, form[name].trim()])),
        ...Object.fromEntries(LISTS.map((name) => [name, form[name].split(/[\s,]+/).filter(Boolean)])),
        redact: form.redact.replace(/\s+/g, ''),
        limits: form.limits.filter(isSaid).map(limitText),
        budget: budgetOf(form.budget.trim()),
        expires_at: fromInput(form.expires),
    };
}

/* ---- the fields ---- */

function KeyFields({ form, set, faults }) {
    const field = (name) => ({ value: form[name], fault: faults[name], label: t(`keys.${name}`),
        onChange: (value) => set({ ...form, [name]: value }) });
    const hinted = (name) => ({ ...field(name), hint: t(`key_hint.${name}`) });
    const hasPlace = PLACES.some((name) => form[name] || faults[name]);
    return html`
        <${TextField} isNeeded required maxlength="63" autofocus ...${hinted('name')} />
        <div class="pair"><${TextField} maxlength="63" ...${field('team')} />
            <${TextField} maxlength="63" ...${hinted('owner')} /></div>
        <div class="pair"><${TextField} maxlength="63" ...${hinted('user')} />
            <${TextField} maxlength="127" ...${hinted('tags')} /></div>
        <${TextField} ...${hinted('models')} />
        <${LimitRows} rows=${form.limits} fault=${faults.limits} onChange=${(limits) => set({ ...form, limits })} />
        <div class="pair"><${TextField} ...${field('budget')} label=${t('keys.budget')} hint=${/^\d*(\.\d+)?$/.test(form.budget.trim())
            ? t('keys.budget_hint') : limitWords(form.budget)} />
            <${TextField} type="datetime-local" label=${t('keys.expires_in', { zone: zoneOf() })}
                hint=${t('keys.expires_hint')}
                value=${form.expires} fault=${faults.expires_at} onChange=${(expires) => set({ ...form,
                    expires })} /></div>
        <details open=${hasPlace}><summary>${t('keys.places')}</summary><div class="more-fields">
            <div class="pair"><${TextField} ...${hinted('endpoints')} /><${TextField} ...${hinted('vhosts')} /></div>
            <${TextField} ...${hinted('addresses')} /><${TextField} ...${hinted('hours')} /></div></details>
        <${TextField} class="mono" maxlength="255" ...${hinted('redact')} />`;
}

/* ---- the dialogs ---- */

/* How long both secrets may work after a rotation. */
const GRACES = ['0s', '1h', '24h', '7d', '30d'];

const pathOf = (entry, deed) => `keys/${encodeURIComponent(entry.id)}/${deed}`;

function Made({ made, title, children, onClose }) {
    const api = new URL('/v1', location.href).href;
    return html`<${Secret} secret=${made.key} title=${title} lost=${t('keys.no_secret')} onClose=${onClose}
        example=${`curl ${api}/models -H "Authorization: Bearer ${made.key}"`}>${children}<//>`;
}

export function Create({ onClose, onDone }) {
    const [form, setForm] = useState(formOf({}));
    const [made, setMade] = useState(null);
    const sending = useSending();
    const act = async (once) => {
        setMade(await post('keys', filled(bodyOf(form)), once));
        onDone();
    };
    if (made) return html`<${Made} made=${made} title=${t('keys.created_title', { name: made.name })}
        onClose=${onClose} />`;
    return html`<${FormDialog} title=${t('keys.create')} label=${t('keys.create')} wide sending=${sending} act=${act}
        known=${FIELDS} onClose=${onClose}><${KeyFields} form=${form} set=${setForm} faults=${faultsOf(sending)} /><//>`;
}

export function Edit({ found, ...rest }) {
    const [start] = useState(() => formOf(found.value));
    /* A rotating key is an active one. */
    const [form, setForm] = useState({ ...start, state: start.state === 'suspended' ? 'suspended' : 'active' });
    const sending = useSending();
    const faults = faultsOf(sending);
    const canSuspend = ['active', 'rotating', 'suspended'].includes(start.state);
    const changes = difference(bodyOf(start), bodyOf(form));
    if (canSuspend && (form.state === 'suspended') !== (start.state === 'suspended')) changes.state = form.state;
    return html`<${EditDialog} found=${found} path=${`keys/${encodeURIComponent(found.value.id)}`} changes=${changes}
        sending=${sending} known=${[...FIELDS, 'state']} ...${rest}>
            <${KeyFields} form=${form} set=${setForm} faults=${faults} />
            ${canSuspend && html`<${SelectField} label=${t('keys.state')} hint=${t('keys.suspend_hint')}
                value=${form.state} fault=${faults.state}
                options=${['active', 'suspended'].map((value) => ({ value,
                    label: t(`key_state.${value}`) }))} onChange=${(state) => setForm({ ...form, state })} />`}<//>`;
}

export function Rotate({ entry, onClose, onDone }) {
    const [made, setMade] = useState(null);
    const [grace, setGrace] = useState('24h');
    const sending = useSending();
    if (made) {
        return html`<${Made} made=${made} title=${t('keys.rotated_title', { name: entry.name })} onClose=${onDone}>
            ${made.previous_until && html`<p>${t('keys.old_until', { time: fullTime(made.previous_until) })}</p>`}<//>`;
    }
    return html`<${FormDialog} title=${t('keys.rotate_title', { name: entry.name })} label=${t('keys.rotate')}
        sending=${sending} act=${async (once) => setMade(await post(pathOf(entry, 'rotate'), { grace }, once,
            undefined, entry.version))}
        onClose=${onClose}><p>${t('keys.rotate_text')}</p>
            <${SelectField} label=${t('keys.grace')} value=${grace} onChange=${setGrace}
                hint=${grace === '0s' ? t('keys.end_text') : t('keys.grace_hint')}
                options=${GRACES.map((value) => ({ value, label: t(`grace.${value}`) }))} />
            ${entry.previous_until && html`<p>${t('keys.ends_third')}</p>`}<//>`;
}

/* The end of the secret before: when it was last used decides. */
export function EndGrace({ entry, onClose, onDone }) {
    const sending = useSending();
    const act = async (once) => {
        await post(pathOf(entry, 'end-grace'), {}, once, undefined, entry.version);
        onDone();
    };
    const used = entry.previous_used_at ? t('keys.old_used', { ago: ago(entry.previous_used_at) }) : t('keys.old_unused');
    return html`<${FormDialog} title=${t('keys.end_title', { name: entry.name })} label=${t('keys.end_now')}
        kind="danger-solid" sending=${sending} act=${act} onClose=${onClose}>
            <p><b>${used}</b></p><p>${t('keys.end_text')}</p><//>`;
}
