/* Signing keys: whose signed requests are believed, and by which algorithm.
 * SPDX-License-Identifier: Apache-2.0
 *
 * There is no rotation in place: a second key is made, both work, the first one is revoked.
 */
import { ListPage } from '../table.js';
import {
    Button, Choice, count, Facts, Field, fromInput, getAll, getVersioned, go, goQuietly, html, link, Long, PanelOf, patch,
    post, Search, SelectField, stepper, t, TextField, Time, toInput, tValue, useData, useMay, useMemo, useSending,
    useState, zoned, zoneOf,
} from '../ui.js';
import { difference, EditDialog, Faults, faultsOf, filled, FormDialog, Revoke, Secret } from './forms.js';
import { KeyState } from './parts.js';

export const title = 'page.signing_keys';

const SHARED = 'hmac-sha256'; /* no key pair */
const ALGORITHMS = ['ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512', SHARED];
const STATES = ['active', 'suspended', 'expired', 'revoked'];
const TEXTS = ['name', 'key', 'user', 'team'];

const pathOf = (id) => `signing-keys/${encodeURIComponent(id)}`;

/* ---- the list ---- */

/* An API key, or a person, or a team, or two of them. */
function Whose({ row }) {
    const parts = [
        row.key && html`${t('keys.one')} <code>${row.key}</code>`,
        row.user && html`${t('keys.user')} ${row.user}`,
        row.team && html`${t('keys.team')} ${row.team}`,
    ].filter(Boolean);
    return html`${parts.map((part, i) => html`${i > 0 && t('list.and')}${part}`)}`;
}

function matches(row, { q = '', state }) {
    if (state && row.state !== state) return false;
    const text = [row.id, ...TEXTS.map((name) => row[name])].join('\n').toLowerCase();
    return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const columns = () => [
    { key: 'name', label: t('keys.name'), sort: true,
        cell: (row) => html`<span class="name">${row.name}</span>` },
    { key: 'state', label: t('keys.state'), cell: (row) => html`<${KeyState} state=${row.state} />`,
        sort: (row) => STATES.indexOf(row.state) },
    { key: 'id', label: t('signing.id'), kind: 'mono', cell: (row) => html`<${Long} value=${row.id} />`, sort: true },
    { key: 'algorithm', label: t('signing.algorithm'), kind: 'mono', sort: true },
    { key: 'whose', label: t('signing.whose'), kind: 'names', cell: (row) => html`<${Whose} row=${row} />` },
    { key: 'created', label: zoned('keys.created'), cell: (row) => html`<${Time} at=${row.created_at} day />`,
        sort: (row) => row.created_at },
    { key: 'used', label: zoned('keys.used'), cell: (row) => html`<${Time} at=${row.last_used_at} day />`,
        sort: (row) => row.last_used_at || null },
    { key: 'expires', label: zoned('keys.expires'), cell: (row) => html`<${Time} at=${row.expires_at} day />`,
        sort: (row) => row.expires_at || null },
];

/* ---- create and edit ---- */

const formOf = (row) => ({ ...Object.fromEntries(TEXTS.map((name) => [name, row[name] || ''])),
    id: '', algorithm: ALGORITHMS[0], material: '', expires: toInput(row.expires_at) });

const bodyOf = (form) => ({ ...Object.fromEntries(TEXTS.map((name) => [name, form[name].trim()])),
    expires_at: fromInput(form.expires) });

function Whom({ form, set, faults, children }) {
    const field = (name) => ({ value: form[name], fault: faults[name], maxlength: 63,
        onChange: (value) => set({ ...form, [name]: value }) });
    return html`<${TextField} label=${t('keys.name')} isNeeded required autofocus ...${field('name')} />${children}
        <fieldset><legend>${t('signing.whose')}</legend><p class="hint">${t('signing.whose_hint')}</p>
            <div class="pair"><${TextField} class="mono" label=${t('signing.key')} ...${field('key')} />
                <${TextField} label=${t('keys.user')} ...${field('user')} /></div>
            <div class="pair"><${TextField} label=${t('keys.team')} ...${field('team')} />
                <${TextField} type="datetime-local" label=${t('keys.expires_in', { zone: zoneOf() })}
                    hint=${t('keys.expires_hint')} value=${form.expires} fault=${faults.expires_at}
                    onChange=${(expires) => set({ ...form, expires })} /></div></fieldset>`;
}

/* The public half in PEM, or nothing where the server makes a shared secret. */
function Material({ form, set, faults }) {
    if (form.algorithm === SHARED) return html`<p class="hint">${t('signing.secret_made')}</p>`;
    return html`<${Field} label=${t('signing.public_key')} hint=${t('signing.public_key_hint')} isNeeded
        fault=${faults.public_key}>${(tie) => html`<textarea class="mono" rows="6" spellcheck=${false} autocomplete="off"
            required placeholder="-----BEGIN PUBLIC KEY-----" value=${form.material} ...${tie}
            onInput=${(e) => set({ ...form, material: e.target.value })}></textarea>`}<//>`;
}

function Create({ onClose, onDone }) {
    const [form, setForm] = useState(formOf({}));
    const [made, setMade] = useState(null);
    const sending = useSending();
    const faults = faultsOf(sending);
    const isShared = form.algorithm === SHARED;
    const act = async (once) => {
        const all = { ...bodyOf(form), id: form.id.trim(), algorithm: form.algorithm,
            public_key: isShared ? '' : form.material.trim() };
        const answer = await post('signing-keys', filled(all), once);
        onDone();
        if (isShared) setMade(answer);
        else onClose();
    };
    if (made) {
        return html`<${Secret} secret=${made.secret} title=${t('signing.created_title', { name: made.name })}
            lost=${t('keys.no_secret')} onClose=${onClose}><p>${t('signing.id')}: <code>${made.id}</code></p><//>`;
    }
    return html`<${FormDialog} title=${t('signing.create')} label=${t('signing.create')} wide sending=${sending} act=${act}
        known=${[...TEXTS, 'id', 'algorithm', 'public_key', 'expires_at']} onClose=${onClose}>
            <${Whom} form=${form} set=${setForm} faults=${faults}>
                <div class="pair"><${SelectField} label=${t('signing.algorithm')} value=${form.algorithm}
                    fault=${faults.algorithm} onChange=${(algorithm) => setForm({ ...form, algorithm })}
                    options=${ALGORITHMS.map((value) => ({ value, label: value }))} />
                    <${TextField} class="mono" label=${t('signing.id')} hint=${t('signing.id_hint')} value=${form.id}
                        fault=${faults.id} onChange=${(id) => setForm({ ...form, id })} /></div>
                <${Material} form=${form} set=${setForm} faults=${faults} /><//><//>`;
}

function Edit({ found, ...rest }) {
    const [start] = useState(() => formOf(found.value));
    const [form, setForm] = useState(start);
    const sending = useSending();
    return html`<${EditDialog} found=${found} path=${pathOf(found.value.id)} sending=${sending}
        changes=${difference(bodyOf(start), bodyOf(form))} known=${[...TEXTS, 'expires_at']} ...${rest}>
            <${Whom} form=${form} set=${setForm} faults=${faultsOf(sending)} /><//>`;
}

/* ---- one of them ---- */

const factsOf = (row) => [
    [t('keys.state'), html`<${KeyState} state=${row.state} />`],
    [t('signing.id'), html`<code>${row.id}</code>`],
    [t('signing.algorithm'), html`<code>${row.algorithm}</code>`],
    [t('signing.key'), row.key && html`<a href=${link('keys', row.key)}><code>${row.key}</code></a>`],
    [t('keys.user'), row.user], [t('keys.team'), row.team],
    [t('keys.created'), html`<${Time} at=${row.created_at} full />`],
    [t('keys.expires'), row.expires_at ? html`<${Time} at=${row.expires_at} full />` : t('keys.never')],
    [t('keys.used'), html`<${Time} at=${row.last_used_at} full />`],
    [t('keys.version'), count(row.version)],
];

function Detail({ id, query, onStep, onChanged }) {
    const found = useData((signal) => getVersioned(pathOf(id), signal), [id]);
    const mayWrite = useMay('write_keys');
    const [task, setTask] = useState('');
    const sending = useSending();
    function done() {
        setTask('');
        found.reload();
        onChanged();
    }
    const turn = (row) => sending.send(async () => {
        await patch(pathOf(id), { state: row.state === 'suspended' ? 'active' : 'suspended' }, found.data.etag);
        done();
    });
    return html`<${PanelOf} found=${found} value=${found.data && found.data.value} name=${id} label=${t('signing.one')}
        onStep=${onStep} onClose=${() => go('signing_keys', '', query)}
        actions=${(row) => mayWrite && row.state !== 'revoked' && html`
            <${Button} icon="edit" onClick=${() => setTask('edit')}>${t('act.edit')}<//>
            <${Button} busy=${sending.isBusy} onClick=${() => turn(row)}>${
                t(row.state === 'suspended' ? 'signing.resume' : 'signing.suspend')}<//>
            <${Button} kind="danger" onClick=${() => setTask('revoke')}>${t('keys.revoke')}<//>`}>${(row) => html`
        <${Faults} problem=${sending.problem} onReload=${found.reload} /><${Facts} rows=${factsOf(row)} />
        ${row.public_key && html`<section><h3>${t('signing.public_key')}</h3>
            <pre class="spoken scanned">${row.public_key}</pre></section>`}
        ${task === 'edit' && html`<${Edit} found=${found.data} onClose=${() => setTask('')} onDone=${done}
            onReload=${found.reload} />`}
        ${task === 'revoke' && html`<${Revoke} name=${row.name} title=${t('signing.revoke_title', { name: row.name })}
            text=${t('signing.revoke_text')} path=${`${pathOf(id)}/revoke`} onClose=${() => setTask('')}
            onDone=${done} />`}`}<//>`;
}

/* ---- the page ---- */

export default function SigningKeys({ id, query }) {
    const [isCreating, setCreating] = useState(false);
    const mayWrite = useMay('write_keys');
    const found = useData((signal) => getAll('signing-keys', {}, { signal }), []);
    const all = found.data ? found.data.items : [];
    const rows = useMemo(() => all.filter((row) => matches(row, query)), [all, query.q, query.state]);
    const filter = (change) => goQuietly('signing_keys', id, { ...query, ...change });
    const step = stepper('signing_keys', id, query, rows.map((row) => row.id));
    const create = mayWrite && html`<${Button} icon="plus" kind="primary"
        onClick=${() => setCreating(true)}>${t('signing.create')}<//>`;
    const toolbar = html`<${Search} value=${query.q || ''} label=${t('signing.search')} onChange=${(q) => filter({ q })} />
        <${Choice} label=${t('keys.state')} value=${query.state || ''} onChange=${(state) => filter({ state })}
            options=${[{ value: '', label: t('keys.any_state') },
                ...STATES.map((value) => ({ value, label: tValue('key_state', value) }))]} />`;
    return html`<${ListPage} title=${title} about=${t('signing.about')} found=${found} actions=${create} toolbar=${toolbar}
        none=${{ title: t('signing.none'), text: t('signing.none_text'), act: create }} columns=${columns()} rows=${rows}
        rowKey=${(row) => row.id} current=${id} href=${(row) => link('signing_keys', row.id, query)}
        order=${{ key: 'created', isDown: true }}>
        ${id && html`<${Detail} key="detail" id=${id} query=${query} onStep=${step} onChanged=${found.reload} />`}
        ${isCreating && html`<${Create} onClose=${() => setCreating(false)} onDone=${found.reload} />`}<//>`;
}
