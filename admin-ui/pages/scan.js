/* Try a text: what would be masked, by which rule, and why. The text is kept nowhere.
 * SPDX-License-Identifier: Apache-2.0
 */
import { useRef, useState } from '../vendor/hooks.js';
import { explain, post } from '../api.js';
import { count, percent } from '../format.js';
import { useMay } from '../session.js';
import { Button, Copy, html, Icon, Notice, Page, Refused } from '../ui.js';
import { t, tCount } from '../words.js';
import { Action, typeWords } from './parts.js';

export const title = 'page.scan';

/* Why a value of a type is believed to be one: what was checked. Types not named here are known by their shape. */
const CHECKED = {
    luhn: ['CREDIT_CARD', 'CA_SIN', 'US_NPI'],
    mod97: ['IBAN_CODE', 'FR_NIR'],
    digits: ['CN_RESIDENT_ID', 'CN_USCC', 'HK_ID', 'KR_RRN', 'SG_NRIC_FIN', 'ES_NIF', 'ES_NIE', 'IT_FISCAL_CODE',
        'FI_PERSONAL_IDENTITY_CODE', 'BR_CPF',
        'BR_CNPJ', 'IN_GSTIN'],
    context: ['CN_PASSPORT', 'TW_ID', 'UK_NHS', 'AU_TFN', 'AU_ABN', 'AU_MEDICARE', 'US_MBI', 'MEDICAL_LICENSE',
        'ABA_ROUTING_NUMBER',
        'IN_AADHAAR', 'IN_PAN', 'JP_MY_NUMBER', 'PL_PESEL', 'NL_BSN', 'TR_NATIONAL_ID', 'TH_TNIN', 'DE_TAX_ID',
            'ZA_ID_NUMBER', 'SE_PERSONNUMMER', 'KR_BRN'],
    pem: ['SECRET_PRIVATE_KEY'],
    shape: ['SECRET_JWT', 'SECRET_URL_CREDENTIAL', 'SECRET_SLACK_WEBHOOK'],
    password: ['SECRET_PASSWORD', 'SECRET_AWS_SECRET_KEY'],
    word: ['KEYWORD'],
    pattern: ['CUSTOM'],
};

function why(type) {
    const family = String(type).split(':')[0];
    const found = Object.keys(CHECKED).find((reason) => CHECKED[reason].includes(family));
    return t(`why.${found || (family.startsWith('SECRET_') ? 'secret' : 'shape')}`);
}

/* Offsets count code points; a JavaScript string counts UTF-16 units. Pieces of text and entities, in order. */
export function piecesOf(text, entities) {
    const points = Array.from(text);
    const pieces = [];
    let at = 0;
    [...entities].sort((a, b) => a.start - b.start).forEach((entity) => {
        if (entity.start < at) return;
        if (entity.start > at) pieces.push({ text: points.slice(at, entity.start).join('') });
        pieces.push({ text: points.slice(entity.start, entity.end).join(''), entity });
        at = entity.end;
    });
    if (at < points.length) pieces.push({ text: points.slice(at).join('') });
    return pieces;
}

function Marked({ pieces, chosen, choose }) {
    let number = 0;
    return html`<pre class="scanned">${pieces.map((piece, i) => {
        if (!piece.entity) return piece.text;
        number += 1;
        const mine = number;
        return html`<mark key=${i} class=${`${piece.entity.action} ${chosen === mine ? 'chosen' : ''}`}
            title=${typeWords(piece.entity.type)}
            onMouseEnter=${() => choose(mine)} onMouseLeave=${() => choose(0)}>${piece.text}<sup>${mine}</sup></mark>`;
    })}</pre>`;
}

function Entities({ found, chosen, choose }) {
    const head = (words, kind) => html`<th scope="col" class=${kind}>${words}</th>`;
    return html`<div class="table-box"><table><caption class="off-screen">${t('scan.found')}</caption>
        <thead><tr>${head(t('scan.number'), 'number')}${head(t('findings.type'))}${head(t('scan.text'))}
            ${head(t('findings.action'))}${head(t('scan.rule'))}${head(t('scan.why'))}
            ${head(t('scan.sure'), 'number')}${head(t('scan.place'), 'number')}</tr></thead>
        <tbody>${found.map(({ entity, text }, i) => html`<tr key=${i} aria-current=${chosen === i + 1 ? 'true' : undefined}
            onMouseEnter=${() => choose(i + 1)} onMouseLeave=${() => choose(0)}>
            <td class="number">${i + 1}</td>
            <td>${typeWords(entity.type)}</td>
            <td class="clip mono"><span title=${text}>${text}</span></td>
            <td><${Action} name=${entity.action} /></td>
            <td>${entity.rule === 'built-in' ? t('scan.built_in') : html`<code>${entity.rule}</code>`}</td>
            <td class="why">${why(entity.type)}</td>
            <td class="number">${percent(entity.score, 1)}</td>
            <td class="number">${t('scan.range', { start: count(entity.start), end: count(entity.end) })}</td>
            </tr>`)}</tbody></table></div>`;
}

function Result({ result }) {
    const [chosen, choose] = useState(0);
    const pieces = piecesOf(result.text, result.entities);
    const found = pieces.filter((piece) => piece.entity);
    const isBlocked = Boolean(result.blocked_by);
    if (!found.length) return html`<${Notice} tone="ok">${t('scan.clean')}<//>`;
    return html`${isBlocked && html`<${Notice} tone="bad">${t('scan.blocked',
        { type: typeWords(result.blocked_by) })}<//>`}
        <section class="card"><header class="card-head"><h2>${tCount('scan.marks', found.length)}</h2></header>
            <${Marked} pieces=${pieces} chosen=${chosen} choose=${choose} /></section>
        <${Entities} found=${found} chosen=${chosen} choose=${choose} />
        ${!isBlocked && html`<section class="card"><header class="card-head"><h2>${t('scan.sent')}</h2><${Copy}
            text=${result.masked} kind="bare" /></header><pre class="scanned">${result.masked}</pre></section>`}`;
}

export default function Scan() {
    const mayScan = useMay('scan');
    const [text, setText] = useState('');
    const [state, setState] = useState({ result: null, problem: null, isBusy: false });
    const field = useRef();
    if (!mayScan) return html`<${Page} title=${t(title)}><${Refused} deed="scan" /><//>`;

    async function scan(event) {
        if (event) event.preventDefault();
        if (!text) return field.current.focus();
        setState((old) => ({ ...old, isBusy: true }));
        try {
            const answer = await post('scan', { text });
            setState({ result: { ...answer, text }, problem: null, isBusy: false });
        } catch (problem) {
            setState({ result: null, problem, isBusy: false });
        }
        return undefined;
    }
    function onKey(event) {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) scan(event);
    }
    function fillIn() {
        setText(t('scan.example_text'));
        field.current.focus();
    }
    const faults = state.problem ? Object.values(explain(state.problem).fields) : [];
    const isOld = state.result && state.result.text !== text;
    return html`<${Page} title=${t(title)} about=${t('scan.about')}>
        <form class="scan-form card" onSubmit=${scan}><label class="off-screen"
            for="scan-text">${t('scan.label')}</label>
            <textarea id="scan-text" ref=${field} rows="8" value=${text} placeholder=${t('scan.placeholder')}
                spellcheck=${false} autofocus onInput=${(e) => setText(e.target.value)} onKeyDown=${onKey}></textarea>
            <div class="scan-foot"><span class="quiet">${tCount('scan.characters', Array.from(text).length,
                count(Array.from(text).length))}</span>
                <span class="quiet"><${Icon} name="lock" /> ${t('scan.kept_nowhere')}</span><span class="grow"></span>
                <${Button} kind="bare" onClick=${fillIn}>${t('scan.example')}<//>
                <button type="submit" class="button primary" disabled=${state.isBusy || !text}
                    title="Ctrl+Enter"><span>${t('scan.run')}</span></button></div></form>
        ${state.problem && html`<${Notice} problem=${state.problem} />
            ${faults.map((words) => html`<p class="fault" key=${words}>${words}</p>`)}`}
        <div class=${isOld ? 'scan-result old' : 'scan-result'}
            aria-live="polite">${state.result && html`<${Result} result=${state.result} />`}</div><//>`;
}
