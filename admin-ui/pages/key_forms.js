/* What one does to a key: create, edit, give a new secret, revoke. Each is a dialog that says what it will do.
 * SPDX-License-Identifier: Apache-2.0
 */
import { useState } from '../vendor/hooks.js';
import { explain, patch, post } from '../api.js';
import { fromInput, readLimit, toInput, zoneOf } from '../format.js';
import {
    Button, Copy, Dialog, Field, html, Icon, Notice, SelectField, Submit, TextField, useSending,
} from '../ui.js';
import { t } from '../words.js';

const WINDOWS = ['1s', '60s', '900s', '3600s', '86400s'];
const SECONDS = { '1s': 1, '60s': 60, '900s': 900, '3600s': 3600, '86400s': 86400 };

/* ---- limits as rows of fields ---- */

/* "10000tokens/60s" → {amount, quantity, window} as text for the fields; a window we do not offer is kept as it is. */
function limitRow(text) {
    const limit = readLimit(text);
    if (!limit) return { amount: '', quantity: 'requests', window: '60s' };
    return { amount: String(limit.amount), quantity: limit.quantity, window: `${limit.window}s` };
}

function limitText({ amount, quantity, window }) {
    return `${amount}${quantity === 'tokens' ? 'tokens' : ''}/${window}`;
}

function LimitRows({ rows, onChange, fault }) {
    const change = (index, part) => onChange(rows.map((row, i) => (i === index ? { ...row, ...part } : row)));
    return html`<fieldset class=${fault ? 'faulty' : ''}><legend>${t('keys.limits')}</legend>
        <p class="hint">${rows.length ? t('keys.limits_hint') : t('keys.limits_none')}</p>
        ${rows.map((row, i) => html`<div class="limit-row" key=${i}>
            <input type="number" min="1" step="1" required value=${row.amount} aria-label=${t('limits.amount')}
                onInput=${(e) => change(i, { amount: e.target.value })} />
            <select value=${row.quantity} aria-label=${t('limits.quantity')}
                onChange=${(e) => change(i, { quantity: e.target.value })}>
                <option value="requests">${t('unit.requests')}</option><option
                    value="tokens">${t('unit.tokens')}</option></select>
            <span>${t('limits.per')}</span>
            <select value=${row.window} aria-label=${t('limits.window')}
                onChange=${(e) => change(i, { window: e.target.value })}>
                ${[...new Set([...WINDOWS, row.window])].map((window) => html`<option key=${window}
                    value=${window}>${window in SECONDS ? t(`window.${window}`) : window}</option>`)}</select>
            <${Button} kind="bare" icon="close" aria-label=${t('limits.remove')} title=${t('limits.remove')}
                onClick=${() => onChange(rows.filter((_, k) => k !== i))} /></div>`)}
        ${fault && html`<p class="fault">${fault}</p>`}
        <${Button} icon="plus" onClick=${() => onChange([...rows,
            { amount: '', quantity: 'requests', window: '60s' }])}>${t('limits.add')}<//></fieldset>`;
}

/* ---- one form for both create and edit ---- */

function formOf(key) {
    const budget = key.budget && readLimit(key.budget);
    return {
        name: key.name || '', owner: key.owner || '', user: key.user || '', team: key.team || '',
        models: (key.models || []).join(', '),
        limits: (key.limits || []).map(limitRow),
        budget: budget ? String(budget.amount) : '',
        expires: toInput(key.expires_at),
        redact: key.redact || '',
        state: key.state || 'active',
    };
}

/* What the API takes. null where a value is to be taken away. */
function bodyOf(form) {
    return {
        name: form.name.trim(), owner: form.owner.trim(), user: form.user.trim(), team: form.team.trim(),
        redact: form.redact.replace(/\s+/g, ''),
        models: form.models.split(/[\s,]+/).filter(Boolean),
        limits: form.limits.filter((row) => row.amount !== '').map(limitText),
        budget: form.budget === '' ? null : `${form.budget}USD/month`,
        expires_at: fromInput(form.expires),
    };
}

function KeyFields({ form, set, faults }) {
    const field = (name) => ({ value: form[name], fault: faults[name],
        onChange: (value) => set({ ...form, [name]: value }) });
    return html`
        <${TextField} label=${t('keys.name')} hint=${t('keys.name_hint')} isNeeded required maxlength="63" autofocus
            ...${field('name')} />
        <div class="pair"><${TextField} label=${t('keys.team')} maxlength="63" ...${field('team')} />
            <${TextField} label=${t('keys.owner')} hint=${t('keys.owner_hint')} maxlength="63"
                ...${field('owner')} /></div>
        <div class="pair"><${TextField} label=${t('keys.user')} hint=${t('keys.user_hint')} maxlength="63"
            ...${field('user')} />
            <${TextField} label=${t('keys.models')} hint=${t('keys.models_hint')} ...${field('models')} /></div>
        <${LimitRows} rows=${form.limits} fault=${faults.limits} onChange=${(limits) => set({ ...form, limits })} />
        <div class="pair"><${Field} label=${t('keys.budget')} hint=${t('keys.budget_hint')}
            fault=${faults.budget}>${(tie) => html`
                <span class="with-unit"><input type="number" min="1" step="1" value=${form.budget} ...${tie}
                    onInput=${(e) => set({ ...form,
                    budget: e.target.value })} /><span>${t('unit.usd_month')}</span></span>`}<//>
            <${TextField} type="datetime-local" label=${t('keys.expires_in', { zone: zoneOf() })}
                hint=${t('keys.expires_hint')}
                value=${form.expires} fault=${faults.expires_at} onChange=${(expires) => set({ ...form,
                    expires })} /></div>
        <${TextField} class="mono" label=${t('keys.redact')} hint=${t('keys.redact_hint')} maxlength="255"
            ...${field('redact')} />`;
}

function Faults({ problem, onReload }) {
    if (!problem) return null;
    const { fields } = explain(problem);
    const known = ['name', 'owner', 'user', 'team', 'redact', 'models', 'limits', 'budget', 'expires_at'];
    const others = Object.entries(fields).filter(([name]) => !known.includes(name));
    return html`<${Notice} problem=${problem} onRetry=${onReload}
        retry=${t('act.load_again')} />${others.map(([name, words]) => html`<p class="fault"
        key=${name}>${name}: ${words}</p>`)}`;
}

/* ---- create ---- */

export function Create({ onClose, onDone }) {
    const [form, setForm] = useState(formOf({}));
    const [made, setMade] = useState(null);
    const sending = useSending();
    const faults = sending.problem ? explain(sending.problem).fields : {};

    function submit(event) {
        event.preventDefault();
        const { budget, expires_at, ...body } = bodyOf(form);
        for (const name of ['owner', 'user', 'team', 'redact']) if (!body[name]) delete body[name];
        for (const name of ['models', 'limits']) if (!body[name].length) delete body[name];
        if (budget) body.budget = budget;
        if (expires_at) body.expires_at = expires_at;
        sending.send(async (once) => {
            setMade(await post('keys', body, once));
            onDone();
        });
    }

    if (made) return html`<${Secret} made=${made} title=${t('keys.created_title', { name: made.name })}
        onClose=${onClose} />`;
    return html`<${Dialog} title=${t('keys.create')} wide onClose=${onClose}>
        <form onSubmit=${submit}><div class="dialog-body"><${Faults} problem=${sending.problem} />
            <${KeyFields} form=${form} set=${setForm} faults=${faults} /></div>
            <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//>
                <${Submit} isBusy=${sending.isBusy}>${t('keys.create')}<//></footer></form><//>`;
}

/* The one time the secret is seen. Only its own button closes this. */
function Secret({ made, title, onClose }) {
    const [isKept, setKept] = useState(false);
    if (!made.key) {
        return html`<${Dialog} title=${title} onClose=${onClose}>
            <div class="dialog-body"><${Notice} tone="warn">${t('keys.no_secret')}<//></div>
            <footer><${Button} kind="primary" onClick=${onClose}>${t('act.close')}<//></footer><//>`;
    }
    const api = new URL('/v1', location.href).href;
    const example = `curl ${api}/models -H "Authorization: Bearer ${made.key}"`;
    return html`<${Dialog} title=${title} wide mayLeave=${false} onClose=${onClose}>
        <div class="dialog-body"><div class="notice warn" role="alert"><${Icon}
            name="warn" /><div><b>${t('keys.once')}</b> ${t('keys.once_text')}</div></div>
            <div class="secret"><code id="new-key" tabindex="0">${made.key}</code><${Copy} text=${made.key}
                kind="primary" onCopied=${() => setKept(true)} /></div>
            <p class="hint">${t('keys.example')}</p>
            <div class="secret small"><code>${example}</code><${Copy} text=${example} /></div>
            <label class="tick"><input type="checkbox" checked=${isKept}
                onChange=${(e) => setKept(e.target.checked)} /> ${t('keys.kept')}</label></div>
        <footer><${Button} kind="primary" disabled=${!isKept} onClick=${onClose}>${t('act.done')}<//></footer><//>`;
}

/* ---- edit ---- */

/* Only what was changed is sent, so that two people changing two things do not undo each other. */
function difference(before, after) {
    return Object.fromEntries(Object.entries(after).filter(([name,
        value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

export function Edit({ found, onClose, onDone, onReload }) {
    const [start] = useState(() => formOf(found.value));
    const [form, setForm] = useState(start);
    const sending = useSending();
    const faults = sending.problem ? explain(sending.problem).fields : {};
    const isStale = sending.problem && sending.problem.status === 412;
    const canSuspend = ['active', 'suspended'].includes(found.value.state);
    const changes = difference(bodyOf(start), bodyOf(form));
    if (canSuspend && form.state !== start.state) changes.state = form.state;
    const isSame = !Object.keys(changes).length;

    function submit(event) {
        event.preventDefault();
        sending.send(async () => {
            await patch(`keys/${encodeURIComponent(found.value.id)}`, changes, found.etag);
            onDone();
        });
    }

    return html`<${Dialog} title=${t('keys.edit_title', { name: found.value.name })} wide onClose=${onClose}>
        <form onSubmit=${submit}><div class="dialog-body">
            <${Faults} problem=${sending.problem} onReload=${isStale ? () => { onReload(); onClose(); } : undefined} />
            <${KeyFields} form=${form} set=${setForm} faults=${faults} />
            ${canSuspend && html`<${SelectField} label=${t('keys.state')} hint=${t('keys.suspend_hint')}
                value=${form.state} fault=${faults.state}
                options=${['active', 'suspended'].map((value) => ({ value,
                    label: t(`key_state.${value}`) }))} onChange=${(state) => setForm({ ...form, state })} />`}</div>
            <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//>
                <${Submit} isBusy=${sending.isBusy} disabled=${isSame}>${t('act.save')}<//></footer></form><//>`;
}

/* ---- new secret ---- */

export function Rotate({ entry, onClose, onDone }) {
    const [made, setMade] = useState(null);
    const sending = useSending();
    if (made) return html`<${Secret} made=${made} title=${t('keys.rotated_title', { name: entry.name })}
        onClose=${onDone} />`;
    const path = `keys/${encodeURIComponent(entry.id)}/rotate`;
    const rotate = () => sending.send(async (once) => setMade(await post(path, {}, once)));
    return html`<${Dialog} title=${t('keys.rotate_title', { name: entry.name })} onClose=${onClose}>
        <div class="dialog-body"><${Faults} problem=${sending.problem} /><p>${t('keys.rotate_text')}</p></div>
        <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//><${Button} kind="primary" busy=${sending.isBusy}
            onClick=${rotate}>${t('keys.rotate')}<//></footer><//>`;
}

/* ---- revoke ---- */

export function Revoke({ entry, onClose, onDone }) {
    const [typed, setTyped] = useState('');
    const [reason, setReason] = useState('');
    const sending = useSending();

    function submit(event) {
        event.preventDefault();
        if (typed !== entry.name) return;
        const body = reason.trim() ? { reason: reason.trim() } : {};
        sending.send(async (once) => {
            await post(`keys/${encodeURIComponent(entry.id)}/revoke`, body, once);
            onDone();
        });
    }

    return html`<${Dialog} title=${t('keys.revoke_title', { name: entry.name })} onClose=${onClose}>
        <form onSubmit=${submit}><div class="dialog-body"><${Faults} problem=${sending.problem} />
            <p>${t('keys.revoke_text')}</p>
            <${TextField} label=${html`${t('keys.type_name')} <code class="to-type">${entry.name}</code>`}
                value=${typed} onChange=${setTyped} autofocus />
            <${TextField} label=${t('keys.reason')} hint=${t('keys.reason_hint')} maxlength="256" value=${reason}
                onChange=${setReason} /></div>
            <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//>
                <${Submit} kind="danger-solid" isBusy=${sending.isBusy}
                    disabled=${typed !== entry.name}>${t('keys.revoke')}<//>
                </footer></form><//>`;
}
