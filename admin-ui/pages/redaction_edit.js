/* The workbench: the draft's parts, and beside them what the draft would do: faults, changes, a text tried, publishing.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    Button, Copy, count, Field, get, goQuietly, html, Icon, link, Notice, post, rolesWords, Segments, t, tCount, tValue,
    useData, useEffect, useMay, useMemo, useSending, useSettled, useState,
} from '../ui.js';
import { FormDialog } from './forms.js';
import { Found } from './found.js';
import { typeWords } from './parts.js';
import { beginDraft, documentOf, heldDraft, hold, isChanged, rebase } from './redaction_draft.js';
import { Allowed, Lists, Patterns } from './redaction_lists.js';
import { Changes, faultsOf, Sure, Versioned } from './redaction_parts.js';
import { Packs, Types } from './redaction_types.js';

const PARTS = {
    types: { View: Types, holds: ['types'] },
    packs: { View: Packs, holds: ['packs'] },
    lists: { View: Lists, holds: ['lists'] },
    patterns: { View: Patterns, holds: ['patterns'] },
    allowed: { View: Allowed, holds: ['allowed', 'locked'] },
};

/* A policy of many words takes the server a moment to compile: it is asked less often. */
const MANY_WORDS = 5000;
const FAULTS_SHOWN = 12;

function pauseOf(document) {
    const words = document.lists.reduce((sum, list) => sum + list.words.length, 0);
    return words > MANY_WORDS ? 800 : 300;
}

/* ---- trying a text ---- */

const LEGEND = ['block', 'mask', 'pseudonym', 'partial', 'log'];

function Legend() {
    return html`<ul class="mark-legend" aria-label=${t('redaction.legend')}>${LEGEND.map((action) => html`<li
        key=${action}><mark class=${action}>${tValue('action', action)}</mark></li>`)}</ul>`;
}

function Tried({ result }) {
    if (!result.entities.length) return html`<p class="quiet-note">${t('scan.clean')}</p>`;
    const masked = result.blocked_by ? html`<${Notice} tone="bad">${t('scan.blocked',
        { type: typeWords(result.blocked_by) })}<//>`
        : html`<header class="card-head"><h3>${t('scan.sent')}</h3><${Copy} text=${result.masked} kind="bare" /></header>
            <pre class="scanned" tabindex="0" aria-label=${t('scan.sent')} role="group">${result.masked}</pre>`;
    return html`<${Legend} /><${Found} text=${result.text} entities=${result.entities} isNarrow />${masked}`;
}

/* The newest text and draft, tried once they are still; an older answer that comes late is dropped with its request. */
function TryOut({ held, document }) {
    const mayScan = useMay('scan');
    const { text } = held;
    const setText = (next) => hold({ ...heldDraft(), text: next });
    const pause = pauseOf(document);
    const settledText = useSettled(text, 300);
    const settledDocument = useSettled(document, pause);
    const tried = useData(async (signal) => {
        if (!settledText || !mayScan) return {};
        const asked = { text: settledText, document: settledDocument };
        return { ...await post('scan', asked, undefined, signal), text: settledText };
    }, [settledText, settledDocument]);
    const head = html`<header class="card-head"><h2>${t('redaction.try')}</h2>${mayScan && html`<${Button} kind="bare"
        onClick=${() => setText(t('scan.example_text'))}>${t('scan.example')}<//>`}</header>`;
    if (!mayScan) {
        return html`<section class="card">${head}<p class="quiet-note">${t('redaction.may_not_try',
            { roles: rolesWords('scan') })}</p></section>`;
    }
    const result = tried.data && tried.data.entities ? tried.data : null;
    const isOld = tried.isLoading || settledText !== text || settledDocument !== document;
    return html`<section class="card try" aria-label=${t('redaction.try')}>${head}
        <textarea id="try-text" rows="5" value=${text} spellcheck=${false} aria-label=${t('scan.label')}
            placeholder=${t('scan.placeholder')} onInput=${(event) => setText(event.target.value)}></textarea>
        <p class="hint"><${Icon} name="lock" size="12" /> ${t('scan.kept_nowhere')}</p>
        ${tried.problem && html`<${Notice} problem=${tried.problem} onRetry=${tried.reload} />`}
        ${result && text && html`<div class=${isOld ? 'tried old' : 'tried'} aria-busy=${isOld ? 'true' : undefined}>
            <p class="off-screen" role="status">${tCount('scan.marks', result.entities.length)}</p>
            <${Tried} result=${result} /></div>`}</section>`;
}

/* ---- publishing ---- */

export function needsSecond(approval, loosens) {
    return approval === 'always' || (approval === 'loosening' && loosens);
}

function Publish({ document, held, check, onClose, onPublished, onStale }) {
    const [note, setNote] = useState('');
    const sending = useSending();
    const isSecond = needsSecond(held.catalogue.approval, check.loosens);
    const act = async (once) => {
        const proposed = { document, note: note.trim(), base_version: held.base.version };
        onPublished(await post('policy-versions', proposed, once));
    };
    const isStale = sending.problem && [409, 412].includes(sending.problem.status);
    useEffect(() => { if (isStale) onStale(sending.problem); }, [isStale]);
    return html`<${FormDialog} title=${t('redaction.publish_title')} wide sending=${sending} act=${act}
        label=${t(isSecond ? 'redaction.send' : 'redaction.publish')} isSame=${!note.trim()} onClose=${onClose}>
            ${isSecond && html`<${Notice} tone="warn"><b>${t('redaction.second')}</b> ${t('redaction.second_text')}<//>`}
            <${Field} label=${t('redaction.note')} hint=${t('redaction.note_hint')} isNeeded>${(tie) => html`
                <textarea rows="2" maxlength="500" value=${note} autofocus ...${tie}
                    onInput=${(event) => setNote(event.target.value)}></textarea>`}<//>
            <div><h3>${tCount('redaction.changes', check.changes.length)}</h3><${Changes}
                changes=${check.changes} /></div><//>`;
}

/* Somebody else's version is in force now: what it changed, and the draft's changes made to it. */
function Overtaken({ held, published, document }) {
    const [isShown, show] = useState(false);
    const theirs = useData((signal) => get('policy-versions/current', {}, signal), [published.version]);
    const clashes = held.clashes || [];
    function take() {
        const { catalogue, base } = held;
        const { version, document: now } = theirs.data;
        const merged = rebase(base.document, document, now, catalogue);
        beginDraft({ version, document: now }, catalogue, merged.document, { clashes: merged.clashes });
    }
    return html`<div class="notice warn" role="alert"><${Icon} name="warn" /><div>
        <b>${t('redaction.overtaken', { n: count(published.version), author: published.author })}</b>
        ${t('redaction.overtaken_text', { n: count(held.base.version) })}
        ${theirs.problem && html`<${Notice} problem=${theirs.problem} onRetry=${theirs.reload} />`}
        ${isShown && theirs.data && html`<${Changes} changes=${theirs.data.changes || []} />
            ${(theirs.data.base_version || 0) !== held.base.version && html`<p><a href=${link('redaction', 'versions')}>${
                t('redaction.between')}</a></p>`}`}
        ${clashes.length > 0 && html`<p>${t('redaction.clashes', { names: clashes.join(t('list.and')) })}</p>`}
        <p class="actions"><${Button} disabled=${!theirs.data} onClick=${() => show(!isShown)}>${
            t('redaction.see_difference')}<//><${Button} kind="primary" disabled=${!theirs.data} onClick=${take}>${
            t('redaction.rebase')}<//></p></div></div>`;
}

/* Faults, then what would change, then the button. */
function Check({ held, document, check, faults, isOvertaken, isSettled, onPublish }) {
    const { data, problem, reload } = check;
    const isSame = !isChanged(held) && held.base.version > 0;
    const why = isOvertaken ? 'redaction.not_overtaken' : faults.list.length ? 'redaction.not_faults'
        : isSame ? 'redaction.not_same' : '';
    const isSecond = data && data.changes.length > 0 && needsSecond(held.catalogue.approval, data.loosens);
    const wrong = faults.list.length;
    const state = !isSettled ? t('redaction.checking') : wrong ? tCount('redaction.faults', wrong)
        : data && t('redaction.no_faults');
    return html`<section class="card check" aria-label=${t('redaction.check')}>
        <header class="card-head"><h2>${t('redaction.check')}</h2><small
            role="status">${state}</small></header>
        ${problem && html`<${Notice} problem=${problem} onRetry=${reload} />`}
        ${wrong > 0 && html`<ul class="fault-list">${faults.list.slice(0, FAULTS_SHOWN).map((one, i) => html`<li
            key=${i}><a href=${link('redaction', 'draft', { part: partOf(one.part) })}>${whereWords(one, document)}</a>
            <span class="fault">${one.known} <span lang="en">${one.detail}</span></span></li>`)}</ul>`}
        ${data && data.changes.length > 0 && html`<h3>${tCount('redaction.changes', data.changes.length)}</h3>`}
        ${data && html`<${Changes} changes=${data.changes} />`}
        ${isSecond && html`<p class="needs-second"><${Icon} name="person" /> ${t('redaction.second')}</p>`}
        <div class="publish"><${Button} kind="primary" disabled=${Boolean(why) || !data || !isSettled}
            onClick=${onPublish}>${t('redaction.publish_open')}<//>${why && html`<span class="hint">${t(why)}</span>`}
            <span class="grow"></span><${Sure} label=${t('redaction.discard')} isNamed
                onSure=${() => hold(null)} /></div></section>`;
}

function partOf(name) {
    return Object.keys(PARTS).find((part) => PARTS[part].holds.includes(name)) || 'types';
}

function whereWords({ part, index }, document) {
    const rows = document[part];
    const row = Array.isArray(rows) ? rows[index] : undefined;
    const name = row && (row.name || (row.type && typeWords(row.type)) || (typeof row === 'string' ? row : ''));
    return `${tValue('policy_part', part)}${name ? `: ${name}` : ''}`;
}

/* ---- all of it ---- */

export function Workbench({ held, query, published, onPublished, onStale }) {
    const [isPublishing, setPublishing] = useState(false);
    const { draft, catalogue } = held;
    const document = useMemo(() => documentOf(draft, catalogue), [draft, catalogue]);
    const settled = useSettled(document, pauseOf(document));
    const check = useData((signal) => post('policy-checks', { document: settled }, undefined, signal), [settled,
        held.base.version]);
    const isSettled = settled === document && !check.isLoading;
    const faults = useMemo(() => faultsOf(check.data), [check.data]);
    const part = PARTS[query.part] ? query.part : 'types';
    const { View } = PARTS[part];
    const change = (next) => hold({ ...heldDraft(), draft: next });
    const isOvertaken = Boolean(published) && published.version !== held.base.version;
    useEffect(() => { if (isOvertaken) setPublishing(false); }, [isOvertaken]);
    const label = (name) => {
        const wrong = faults.count(...PARTS[name].holds);
        const { lists, patterns, allowed } = draft;
        const many = { lists: lists.length, patterns: patterns.length, allowed: allowed.words.length }[name];
        return html`${t(`policy_part.${name}`)}${many > 0 && html` <small>${count(many)}</small>`}${
            wrong > 0 && html` <b class="fault">${tCount('redaction.faults', wrong)}</b>`}`;
    };
    return html`${isOvertaken && html`<${Overtaken} held=${held} published=${published} document=${document} />`}
        ${!isOvertaken && held.clashes && html`<${Notice} tone=${held.clashes.length ? 'warn' : 'ok'}>${held.clashes.length
            ? t('redaction.clashes', { names: held.clashes.join(t('list.and')) })
            : t('redaction.rebased', { n: count(held.base.version) })}<//>`}
        <p class="draft-line">${held.base.version ? html`${t('redaction.from')} <${Versioned}
            version=${held.base.version} />` : t('redaction.from_defaults')} <span class="quiet">${
            t('redaction.in_memory')}</span></p>
        <div class="workbench"><div><${Segments} label=${t('redaction.parts')} value=${part}
            onChange=${(next) => goQuietly('redaction', 'draft', { part: next })}
            options=${Object.keys(PARTS).map((value) => ({ value, label: label(value) }))} />
            <p class="hint part-about">${t(`redaction.part_${part}`)}</p>
            <${View} key=${part} held=${held} change=${change} faults=${faults} document=${settled} /></div>
        <div class="beside"><${Check} held=${held} document=${settled} check=${check} faults=${faults} isSettled=${isSettled}
                isOvertaken=${isOvertaken} onPublish=${() => setPublishing(true)} />
            <${TryOut} held=${held} document=${document} /></div></div>
        ${isPublishing && check.data && html`<${Publish} document=${document} held=${held} check=${check.data}
            onClose=${() => setPublishing(false)} onStale=${onStale}
            onPublished=${(made) => { setPublishing(false); onPublished(made); }} />`}`;
}
