/* What was found in a text, shown in the text: by which rule, and why. For "try a text" and the policy's try-out.
 * SPDX-License-Identifier: Apache-2.0
 */
import { count, html, percent, t, tValue, useState } from '../ui.js';
import { Action, typeWords } from './parts.js';

/* Which check digit it is, for the two that people know by name. */
const CHECKED = { luhn: ['CREDIT_CARD', 'CA_SIN', 'US_NPI'], mod97: ['IBAN_CODE', 'FR_NIR'] };

/* The server's reason, with the word that stood near, if there was one. */
export function whyWords({ type, why = {} }) {
    const named = why.reason === 'check_digit' && Object.keys(CHECKED).find((name) => CHECKED[name].includes(type));
    const words = tValue('why', named || why.reason || 'shape');
    return why.label ? t('why.label', { why: words, label: why.label }) : words;
}

export function ruleWords({ rule }) {
    return !rule || rule === 'built-in' ? t('scan.built_in') : html`<code>${rule}</code>`;
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

/* A mark is told by its line and its number as well as by its colour; what it is stands in words for who cannot see it. */
export function Marked({ pieces, chosen, choose }) {
    let number = 0;
    return html`<pre class="scanned" tabindex="0" aria-label=${t('scan.marked')} role="group">${pieces.map((piece, i) => {
        if (!piece.entity) return piece.text;
        number += 1;
        const mine = number;
        const { type, action } = piece.entity;
        const words = `${typeWords(type)}, ${tValue('action', action)}`;
        return html`<mark key=${i} class=${`${action} ${chosen === mine ? 'chosen' : ''}`} title=${words}
            onMouseEnter=${() => choose(mine)} onMouseLeave=${() => choose(0)}>${piece.text}<sup>${mine}</sup><span
            class="off-screen"> (${words}) </span></mark>`;
    })}</pre>`;
}

/* The text with its marks, and each finding beneath: a table where there is room, a list beside an editor. */
export function Found({ text, entities, isNarrow }) {
    const [chosen, choose] = useState(0);
    const pieces = piecesOf(text, entities);
    const found = pieces.filter((piece) => piece.entity);
    const List = isNarrow ? FoundList : FoundTable;
    return html`<${Marked} pieces=${pieces} chosen=${chosen} choose=${choose} /><${List} found=${found} chosen=${chosen}
        choose=${choose} />`;
}

function FoundList({ found, chosen, choose }) {
    return html`<ol class="found">${found.map(({ entity }, i) => html`<li key=${i}
        aria-current=${chosen === i + 1 ? 'true' : undefined}
        onMouseEnter=${() => choose(i + 1)} onMouseLeave=${() => choose(0)}>
        <span class="number">${i + 1}</span><span><b>${typeWords(entity.type)}</b> <${Action} name=${entity.action} />
        <small>${whyWords(entity)} · ${t('scan.rule')}: ${ruleWords(entity)} · ${
            percent(entity.score, 1)}</small></span></li>`)}</ol>`;
}

function FoundTable({ found, chosen, choose }) {
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
            <td>${ruleWords(entity)}</td>
            <td class="why">${whyWords(entity)}</td>
            <td class="number">${percent(entity.score, 1)}</td>
            <td class="number">${t('scan.range', { start: count(entity.start), end: count(entity.end) })}</td>
            </tr>`)}</tbody></table></div>`;
}
