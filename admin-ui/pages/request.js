/* One request: who, what became of it, what was found, what was said (masked), and where the time went.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    bytes, Chip, Copy, count, Facts, Failed, get, go, html, Icon, link, Loading, milliseconds, NOTHING, Panel, t, Time,
    tValue, usd, useData, useMay,
} from '../ui.js';
import { Action, Decision, Reason, typeWords, userOf } from './parts.js';

/* [EMAIL_ADDRESS] and its kin in a masked text, and pseudonyms as [[EMAIL_k7q2x]], as the gateway writes them: shown so
 * that the eye finds them. */
const MASK = /(\[\[[A-Z][A-Z0-9_]{1,40}_[a-z0-9]{4,40}\]\]|\[[A-Z][A-Z0-9_]{2,40}(?::[\w.-]{1,64})?\])/;

function maskWords(mark) {
    return mark.startsWith('[[') ? t('action.pseudonym') : typeWords(mark.slice(1, -1));
}

function MaskedText({ text }) {
    return text.split(MASK).map((part, i) => (i % 2 ? html`<mark key=${i}
        title=${maskWords(part)}>${part}</mark>` : part));
}

/* A conversation kept as JSON is shown message by message; anything else as the text it is. */
function messagesOf(text) {
    if (!/^\s*[[{]/.test(text)) return null;
    try {
        const value = JSON.parse(text);
        const list = Array.isArray(value) ? value : value.messages;
        return Array.isArray(list) && list.every((one) => one && typeof one.role === 'string') ? list : null;
    } catch {
        return null;
    }
}

function said(content) {
    return typeof content === 'string' ? content : JSON.stringify(content, null, 2);
}

function Spoken({ heading, text, isCut }) {
    const mayRead = useMay('read_texts');
    const head = (extra) => html`<header class="card-head"><h3>${heading}</h3>${extra}</header>`;
    if (text === null || text === undefined || text === '') {
        const why = t(mayRead ? 'request.not_kept' : 'request.not_yours');
        return html`<section>${head()}<p class="quiet-note">${why}</p></section>`;
    }
    const messages = messagesOf(text);
    return html`<section>${head(html`<${Copy} text=${text} kind="bare" />`)}
        ${messages ? html`<ol class="talk">${messages.map((one, i) => html`
                <li key=${i}><b>${tValue('talk', one.role)}</b><pre><${MaskedText} text=${said(one.content)} /></pre></li>`)}</ol>`
            : html`<pre class="spoken"><${MaskedText} text=${text} /></pre>`}
        ${isCut && html`<p class="quiet-note">${t('request.cut', { size: bytes(new Blob([text]).size) })}</p>`}</section>`;
}

function FindingsTable({ list }) {
    if (!list || !list.length) return html`<p class="quiet-note">${t('request.no_findings')}</p>`;
    return html`<table class="small-table"><thead><tr><th scope="col">${t('findings.type')}</th><th
        scope="col">${t('findings.where')}</th>
        <th scope="col" class="number">${t('findings.count')}</th><th
            scope="col">${t('findings.action')}</th></tr></thead>
        <tbody>${list.map((one, i) => html`<tr key=${i}><td>${typeWords(one.type)} <code
            class="quiet">${one.type}</code></td><td>${tValue('direction', one.direction)}</td>
            <td class="number">${count(one.count)}</td><td><${Action}
                name=${one.action} /></td></tr>`)}</tbody></table>`;
}

/* How the time was spent: until the first byte of the answer, and from there to the last. */
function Timings({ record }) {
    const whole = record.took_micros;
    if (!whole) return html`<p class="quiet-note">${t('request.no_time')}</p>`;
    const first = record.first_byte_micros ? Math.min(record.first_byte_micros, whole) : whole;
    const firstWords = record.first_byte_micros ? milliseconds(first / 1000) : NOTHING;
    const share = (first / whole) * 100;
    return html`<div class="timing"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
            <rect class="waiting" width=${share} height="6" /><rect class="answering" x=${share} width=${100 - share}
                height="6" /></svg>
        <ul class="legend"><li class="second"><i class="dot"></i>${t('request.first_byte')} <b>${firstWords}</b></li>
            <li class="accent"><i class="dot"></i>${t('request.rest')} <b>${milliseconds((whole - first) / 1000)}</b></li>
            <li class="moment">${t('request.whole')} <b>${milliseconds(whole / 1000)}</b></li></ul></div>`;
}

/* "image=2,audio=1": what could not be read, by kind. */
function opaqueWords(opaque) {
    return opaque.split(',').map((one) => one.split('=')).map(([kind, times]) => `${tValue('opaque', kind)} × ${
        count(Number(times))}`).join(t('list.and'));
}

function Whole({ record, query }) {
    const only = (name, value, text = value) => value && html`<a
        href=${link('requests', record.id, { ...query, [name]: value })} title=${t('request.only_these')}>${text}</a>`;
    const tokens = t('request.tokens', { input: count(record.input_tokens), output: count(record.output_tokens) });
    const isRenamed = record.model_served && record.model_asked && record.model_served !== record.model_asked;
    return html`
        <p class="verdict"><${Decision} record=${record} /> <b>${record.status}</b> <${Reason}
            record=${record} />${record.reason && html` <code class="quiet">${record.reason}</code>`}</p>
        <section><h3>${t('request.time')}</h3><${Timings} record=${record} /></section>
        <section><h3>${t('requests.findings')}</h3><${FindingsTable} list=${record.findings} /></section>
        <${Spoken} heading=${t('request.prompt')} text=${record.prompt} isCut=${record.prompt_cut} />
        <${Spoken} heading=${t('request.answer')} text=${record.answer} isCut=${record.answer_cut} />
        <section><h3>${t('request.who')}</h3><${Facts} rows=${[
            [t('requests.key'), record.key_id && html`${only('key', record.key_id, record.key_name || record.key_id)}
                <a class="aside" href=${link('keys', record.key_id)}>${t('request.open_key')}</a>`],
            [t('requests.team'), only('team', record.team)], [t('requests.user'), only('user', userOf(record))],
            [t('request.address'), record.address], [t('request.vhost'), record.vhost]]} /></section>
        <section><h3>${t('request.what')}</h3><${Facts} rows=${[
            [t('requests.endpoint'), html`<code>${record.endpoint}</code>
                ${record.stream && html` <${Chip}>${t('request.stream')}<//>`}`],
            [t('request.model_asked'), only('model', record.model_asked)],
            [t('request.model_served'), isRenamed ? html`<b>${record.model_served}</b>` : record.model_served],
            [t('requests.tokens'), html`${tokens} <span class="quiet">${tValue('tokens_from', record.tokens_from)}</span>`],
            [t('requests.cost'), usd(record.cost_micros)],
            [t('request.upstream'), record.upstream && html`${record.upstream}
                ${record.upstream_region && html` <${Chip}>${record.upstream_region}<//>`}`],
            record.region && [t('request.region'), record.region],
            record.label && [t('request.label'), t('request.labelled')],
            record.opaque && [t('request.opaque'), opaqueWords(record.opaque)],
            record.policy_version > 0 && [t('request.policy_version'), html`<a href=${link('redaction',
                String(record.policy_version))}>${t('redaction.version', { n: count(record.policy_version) })}</a>`],
            [t('request.attempts'), count(record.attempts)],
            [t('request.upstream_id'), record.upstream_request_id
                && html`<code>${record.upstream_request_id}</code>`]]} /></section>
        <section><h3>${t('request.record')}</h3><${Facts} rows=${[
            [t('request.at'), html`<${Time} at=${record.at} full millis />`],
            [t('request.id'), html`<code>${record.id}</code>`],
            [t('request.position'), record.position && html`<code>${record.position}</code>`]]} /></section>`;
}

export function RequestPanel({ id, query, onStep }) {
    const found = useData((signal) => get(`requests/${encodeURIComponent(id)}`, {}, signal), [id]);
    const record = found.data;
    const isOfId = record && (record.id === id || record.position === id);
    const title = html`<${Icon} name="requests" /> ${isOfId ? html`<${Time} at=${record.at} full />` : id}`;
    const isShown = record && (isOfId || found.isLoading);
    return html`<${Panel} title=${title} label=${t('request.one')} onStep=${onStep}
        onClose=${() => go('requests', '', query)}>
        ${isShown && html`<${Whole} record=${record} query=${query} />`}
        ${!isShown && found.problem && html`<${Failed} problem=${found.problem} onRetry=${found.reload} />`}
        ${!isShown && !found.problem && html`<${Loading} rows="10" />`}<//>`;
}
