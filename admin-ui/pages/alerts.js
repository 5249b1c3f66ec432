/* Alerts: what somebody should know, who has seen it, and whether it reached those who are told.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    AsOf, amountWords, Button, Choice, count, currentLanguage, Empty, Facts, fullTime, get, getAll, go, goQuietly, html, limitWords,
    link, Loaded, Long, Notice, Page, PanelOf, percent, post, SelectField, State, stepper, t, TextField, Time, timeLabel, tValue,
    useData, useMay, useSending, useState,
} from '../ui.js';
import { FormDialog } from './forms.js';
import { limitLink } from './parts.js';

export const title = 'page.alerts';

const PART = 100;
const KINDS = { threshold: 'warn', forecast: 'warn', soft: 'bad', unusual: 'bad', test: 'quiet' };
const DELIVERIES = { sent: 'ok', waiting: 'accent', dead: 'bad', dropped: 'warn' };
const FILTERS = ['kind', 'acknowledged', 'delivery'];

/* The server says it in both languages, and the limit as it is typed. */
const summaryOf = (row) => {
    const line = (currentLanguage().code === 'zh' && row.summary_zh) || row.summary;
    return row.limit ? line.replace(row.limit, () => limitWords(row.limit)) : line;
};

/* One state of all ways: the one that wants most attention. */
function worstOf(deliveries) {
    const order = ['dead', 'dropped', 'waiting', 'sent'];
    return order.find((state) => (deliveries || []).some((one) => one.state === state));
}

function Delivery({ list }) {
    const worst = worstOf(list);
    if (!worst) return html`<span class="nothing">${t('alerts.console_only')}</span>`;
    const words = list.map((one) => `${one.way}: ${tValue('delivery', one.state)}`).join('\n');
    return html`<span title=${words}><${State} tone=${DELIVERIES[worst]}>${tValue('delivery', worst)}<//></span>`;
}

function Seen({ row }) {
    if (!row.acknowledged_at) return html`<${State} tone="accent">${t('alerts.new')}<//>`;
    return html`<span class="quiet" title=${fullTime(row.acknowledged_at)}>${row.acknowledged_by}</span>`;
}

const columns = () => [
    { key: 'at', label: timeLabel(), kind: 'fixed', cell: (row) => html`<${Time} at=${row.at} />`, sort: true },
    { key: 'kind', label: t('alerts.kind'), sort: true, cell: (row) => html`<${State} tone=${KINDS[row.kind]}>${
        tValue('alert_kind', row.kind)}<//>` },
    { key: 'summary', label: t('alerts.what'), kind: 'wide', cell: (row) => html`<span class="alert-line">${summaryOf(row)}</span>` },
    { key: 'delivery', label: t('alerts.delivery'), cell: (row) => html`<${Delivery} list=${row.deliveries} />`,
        sort: (row) => worstOf(row.deliveries) || '' },
    { key: 'seen', label: t('alerts.seen'), cell: (row) => html`<${Seen} row=${row} />`, sort: (row) => row.acknowledged_by || '' },
];

/* ---- one alert ---- */

/* Unusual use counts requests and tokens, too, which are no limit's. */
const amountOf = (row, value) => (row.quantity ? amountWords(row.quantity, value) : count(value));

function factsOf(row) {
    const isUnusual = row.kind === 'unusual';
    const name = row.subject_name || row.subject;
    const hasLimit = row.dimension && row.subject && row.kind !== 'test';
    return [
        [t('alerts.kind'), tValue('alert_kind', row.kind)],
        [t('alerts.at'), html`<${Time} at=${row.at} full />`],
        name && [t('alerts.subject'), hasLimit ? html`<a href=${limitLink(row.dimension, row.subject)}>${name}</a> <span
            class="quiet">${tValue('scope', row.dimension)}</span>` : name],
        row.organization && [t('scope.organization'), row.organization],
        row.limit && [t('limits.limit'), html`<span title=${row.limit}>${limitWords(row.limit)}</span>`],
        row.amount > 0 && row.kind !== 'test' && [t('alerts.used'), isUnusual ? amountOf(row, row.used)
            : `${t('limits.use', { used: amountOf(row, row.used), amount: amountOf(row, row.amount) })} (${
                percent(row.used, row.amount)})`],
        row.held > 0 && [t('alerts.held'), amountOf(row, row.held)],
        isUnusual && [t('alerts.usual'), amountOf(row, row.usual)],
        isUnusual && row.pattern && [t('alerts.pattern'), tValue('alert_pattern', row.pattern)],
        row.exhausted_at && [t('alerts.exhausted'), html`<${Time} at=${row.exhausted_at} full />`],
        row.period_ends_at && [t('alerts.period_ends'), html`<${Time} at=${row.period_ends_at} full />`],
        row.suspended && [t('alerts.suspended'), html`<${State} tone="bad">${t('alerts.suspended_yes')}<//>`],
        row.note && [t('alerts.note'), row.note],
        [t('alerts.node'), row.node],
        [t('alerts.seen'), row.acknowledged_at ? t('alerts.seen_by', { user: row.acknowledged_by,
            time: fullTime(row.acknowledged_at) }) : html`<${Seen} row=${row} />`],
        row.acknowledged_note && [t('alerts.their_note'), row.acknowledged_note],
    ];
}

function Deliveries({ list }) {
    if (!list.length) return html`<p class="quiet">${t('alerts.no_ways')}</p>`;
    const rows = [
        { key: 'way', label: t('alerts.way'), cell: (one) => html`<span class="name">${one.way}</span>` },
        { key: 'state', label: t('alerts.delivery'), cell: (one) => html`<${State} tone=${DELIVERIES[one.state]}>${
            tValue('delivery', one.state)}<//>` },
        { key: 'tries', label: t('alerts.tries'), isNumber: true },
        { key: 'sent_at', label: t('alerts.sent_at'), cell: (one) => html`<${Time} at=${one.sent_at} full />` },
        { key: 'error', label: t('alerts.error'), cell: (one) => html`<span lang="en"><${Long} value=${one.error} /></span>` },
    ];
    return html`<${Table} caption=${t('alerts.deliveries')} columns=${rows} rows=${list} rowKey=${(one) => one.way} />`;
}

const PAGES_OF = { key: (id) => link('keys', id), user: (id) => link('people', id), team: (id) => link('people', id, { by: 'team' }) };

function Acknowledge({ row, onClose, onDone }) {
    const [note, setNote] = useState('');
    const sending = useSending();
    const act = async (once) => {
        await post(`alerts/${encodeURIComponent(row.id)}/acknowledge`, note.trim() ? { note: note.trim() } : {}, once);
        onDone();
    };
    return html`<${FormDialog} title=${t('alerts.acknowledge')} sending=${sending} act=${act} label=${t('alerts.acknowledge')}
        known=${['note']} onClose=${onClose}><p>${summaryOf(row)}</p>
            <${TextField} label=${t('alerts.note')} hint=${t('alerts.note_hint')} maxlength="256" value=${note} onChange=${setNote}
                autofocus /><//>`;
}

function Detail({ id, query, onStep, onChanged }) {
    const found = useData((signal) => get(`alerts/${encodeURIComponent(id)}`, {}, signal), [id], { every: 15 });
    const [isAsked, ask] = useState(false);
    const mayAcknowledge = useMay('acknowledge');
    const sending = useSending();
    const row = found.data;
    const resend = async (once) => {
        await post(`alerts/${encodeURIComponent(id)}/resend`, undefined, once);
        done();
    };
    function done() {
        ask(false);
        found.reload();
        onChanged();
    }
    const own = row && PAGES_OF[row.dimension];
    return html`<${PanelOf} found=${found} value=${row && { ...row, name: summaryOf(row) }} name=${t('alerts.alert')}
        label=${t('alerts.alert')} onClose=${() => go('alerts', '', query)} onStep=${onStep}
        actions=${(one) => mayAcknowledge && html`${one.deliveries.some((way) => way.state === 'dead') && html`<${Button}
            busy=${sending.isBusy} onClick=${() => sending.send(resend)}>${t('alerts.resend')}<//>`}
            ${!one.acknowledged_at && html`<${Button} kind="primary" icon="check"
                onClick=${() => ask(true)}>${t('alerts.acknowledge')}<//>`}`}>${(one) => html`${sending.problem
            && html`<${Notice} problem=${sending.problem} />`}<${Facts} rows=${factsOf(one)} />
            <section><h3>${t('alerts.deliveries')}</h3><${Deliveries} list=${one.deliveries} /></section>
            ${own && one.subject && html`<p class="links"><a href=${own(one.subject)}>${t('alerts.see_subject')}</a></p>`}
            ${isAsked && html`<${Acknowledge} row=${one} onClose=${() => ask(false)} onDone=${done} />`}`}<//>`;
}

/* ---- a test ---- */

function Test({ onClose, onDone }) {
    const [way, setWay] = useState('');
    const [note, setNote] = useState('');
    const ways = useData((signal) => get('alert-ways', { limit: 100 }, signal), []);
    const sending = useSending();
    const list = ways.data ? ways.data.items : [];
    const act = async (once) => {
        const made = await post('alert-tests', { ...(way ? { way } : {}), ...(note.trim() ? { note: note.trim() } : {}) }, once);
        onDone(made.id);
    };
    return html`<${FormDialog} title=${t('alerts.test_title')} sending=${sending} act=${act} label=${t('alerts.test_send')}
        known=${['way', 'note']} onClose=${onClose}><p class="hint">${t('alerts.test_text')}</p>
            ${ways.data && !list.length && html`<${Notice} tone="warn">${t('alerts.no_ways_set')}<//>`}
            <${SelectField} label=${t('alerts.way')} value=${way} onChange=${setWay} options=${[{ value: '', label: t('alerts.all_ways') },
                ...list.map((one) => ({ value: one.name, label: `${one.name} (${tValue('way', one.kind)}, ${one.url})` }))]} />
            <${TextField} label=${t('alerts.note')} maxlength="256" value=${note} onChange=${setNote} /><//>`;
}

/* ---- the page ---- */

function Filters({ query, filter }) {
    const choice = (name, word, values, family) => html`<${Choice} label=${t(word)} value=${query[name] || ''}
        onChange=${(value) => filter({ [name]: value })} options=${[{ value: '', label: t(`alerts.any_${name}`) },
            ...values.map((value) => ({ value, label: tValue(family, value) }))]} />`;
    return html`${choice('kind', 'alerts.kind', Object.keys(KINDS), 'alert_kind')}
        ${choice('acknowledged', 'alerts.seen', ['no', 'yes'], 'acknowledged')}
        ${choice('delivery', 'alerts.delivery', Object.keys(DELIVERIES), 'delivery')}`;
}

export default function Alerts({ id, query }) {
    const [isTest, setTest] = useState(false);
    const mayTest = useMay('write_keys');
    const asked = Object.fromEntries(FILTERS.map((name) => [name, query[name] || '']));
    const chosen = JSON.stringify(asked);
    const alerts = useData((signal) => getAll('alerts', asked, { signal, most: 5 * PART }), [chosen], { every: 15 });
    const rows = alerts.data ? alerts.data.items : [];
    const filter = (change) => goQuietly('alerts', id, { ...query, ...change });
    const step = stepper('alerts', id, query, rows.map((row) => row.id));
    const isFiltered = FILTERS.some((name) => query[name]);
    const test = mayTest && html`<${Button} onClick=${() => setTest(true)}>${t('alerts.test')}<//>`;
    function onTested(made) {
        setTest(false);
        alerts.reload();
        go('alerts', made, {});
    }
    const none = isFiltered ? html`<${Empty} title=${t('state.no_match')}><${Button} onClick=${() => filter(Object.fromEntries(
        FILTERS.map((name) => [name, ''])))}>${t('act.clear_filters')}<//><//>`
        : html`<${Empty} title=${t('alerts.none')}><p>${t('alerts.none_text')}</p><//>`;
    return html`<${Page} title=${t(title)} about=${t('alerts.about')} actions=${html`<${AsOf} from=${alerts} />${test}`}>
        <div class="toolbar"><${Filters} query=${query} filter=${filter} /></div>
        <${Loaded} from=${alerts} isEmpty=${!rows.length} empty=${none}>
            ${alerts.data && alerts.data.isCut && html`<${Notice} tone="warn">${t('table.cut', { n: count(rows.length) })}<//>`}
            <${Table} key=${chosen} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(row) => row.id} current=${id}
                href=${(row) => link('alerts', row.id, query)} order=${{ key: 'at', isDown: true }} /><//>
        ${id && html`<${Detail} key=${id} id=${id} query=${query} onStep=${step} onChanged=${alerts.reload} />`}
        ${isTest && html`<${Test} onClose=${() => setTest(false)} onDone=${onTested} />`}<//>`;
}
