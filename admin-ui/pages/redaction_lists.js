/* The editor's parts for what is the house's own: lists of words, patterns, values that are let through, the lock.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A list may have a hundred thousand words. Then no field shows them: they are counted, searched, added to and taken
 * from, and what is pasted goes past the field.
 */
import {
    Button, bytes, count, Empty, Field, html, saveFile, Search, t, tCount, TextField, tValue, useRef, useState,
} from '../ui.js';
import { decodeText, newList, newPattern, textOf, withText } from './redaction_draft.js';
import { FaultLines, faultOf, Sure } from './redaction_parts.js';

const WORDS_SHOWN = 40;
const PASTE_BYTES_MAX = 20_000;
const FILE_BYTES_MAX = 16_000_000;

/* ---- words, few or many ---- */

const manyWords = (n) => tCount('redaction.words', n, count(n));

/* What is found among many, and the way to take one out. */
function ManyWords({ list, onChange }) {
    const [sought, seek] = useState('');
    const [added, add] = useState('');
    const low = sought.toLowerCase();
    const found = low ? list.words.filter((word) => word.toLowerCase().includes(low)) : list.words;
    const without = (word) => onChange({ ...list, words: list.words.filter((one) => one !== word) });
    function onAdd() {
        onChange(withText(list, `${textOf(list)}\n${added}`));
        add('');
    }
    return html`<div class="many-words"><div class="toolbar"><${Search} value=${sought} onChange=${seek}
            label=${t('redaction.search_words')} />
            <span class="quiet" role="status">${manyWords(found.length)}</span>
            <span class="grow"></span><input value=${added} aria-label=${t('redaction.add_word')}
                placeholder=${t('redaction.add_word')} onInput=${(event) => add(event.target.value)}
                onKeyDown=${(event) => { if (event.key === 'Enter' && added.trim()) onAdd(); }} />
            <${Button} icon="plus" disabled=${!added.trim()} onClick=${onAdd}>${t('act.add')}<//></div>
        <ul class="word-chips">${found.slice(0, WORDS_SHOWN).map((word) => html`<li key=${word}>${word}<${Button}
            kind="bare" icon="close" aria-label=${t('redaction.remove', { name: word })}
            title=${t('redaction.remove', { name: word })} onClick=${() => without(word)} /></li>`)}
            ${found.length > WORDS_SHOWN && html`<li class="quiet">${
                t('redaction.and_more', { n: count(found.length - WORDS_SHOWN) })}</li>`}</ul></div>`;
}

/* One line a word. onChange gets the list with new words. */
function Words({ list, name, label, hint, onChange }) {
    const [said, say] = useState('');
    const file = useRef();
    function onPaste(event) {
        const pasted = event.clipboardData.getData('text');
        if (pasted.length < PASTE_BYTES_MAX) return;
        event.preventDefault();
        const { value, selectionStart, selectionEnd } = event.target;
        onChange(withText(list, value.slice(0, selectionStart) + pasted + value.slice(selectionEnd)));
    }
    async function onFile(event) {
        const [chosen] = event.target.files;
        if (!chosen) return;
        if (chosen.size > FILE_BYTES_MAX) {
            say(t('redaction.file_large', { size: bytes(chosen.size), most: bytes(FILE_BYTES_MAX) }));
        } else {
            const { text, encoding } = decodeText(await chosen.arrayBuffer());
            onChange(withText(list, `${textOf(list)}\n${text}`.trimStart()));
            say(t('redaction.file_read', { name: chosen.name, encoding }));
        }
        file.current.value = '';
    }
    return html`<div class="words-field">${list.text === null
        ? html`<b>${label}</b><${ManyWords} list=${list} onChange=${onChange} />`
        : html`<${Field} label=${label} hint=${hint}>${(tie) => html`<textarea rows="6" spellcheck=${false} ...${tie}
            value=${list.text} onPaste=${onPaste} onInput=${(event) => onChange(withText(list, event.target.value))}
            ></textarea>`}<//>`}
        <div class="words-foot"><span role="status">${manyWords(list.words.length)}${list.duplicates > 0
            && html` · <b>${tCount('redaction.duplicates', list.duplicates, count(list.duplicates))}</b>`}${
            said && ` · ${said}`}</span><span class="grow"></span>
            <label class="button"><input class="off-screen" type="file" accept=".txt,text/plain" ref=${file}
                aria-label=${t('redaction.from_file')} onChange=${onFile} /><span>${
                t('redaction.from_file')}</span></label>
            <${Button} icon="down" kind="bare" disabled=${!list.words.length} aria-label=${t('redaction.save_words')}
                title=${t('redaction.save_words')} onClick=${() => saveFile(`${name || 'words'}.txt`, `${list.words.join('\n')}\n`)} />
            ${list.text === null && html`<${Sure} label=${t('redaction.empty_list')} isNamed
                onSure=${() => onChange(withText(list, ''))} />`}</div></div>`;
}

/* ---- lists and patterns ---- */

/* Rows of things with a name: one changed, one gone, one more. */
function useRows(draft, change, member) {
    const rows = draft[member];
    const put = (next) => change({ ...draft, [member]: next });
    return {
        rows,
        set: (index, part) => put(rows.map((row, i) => (i === index ? { ...row, ...part } : row))),
        remove: (index) => put(rows.filter((_, i) => i !== index)),
        add: (row) => put([...rows, row]),
    };
}

function freeName(rows, stem) {
    let n = rows.length + 1;
    while (rows.some((row) => row.name === `${stem}-${n}`)) n += 1;
    return `${stem}-${n}`;
}

function Own({ row, type, actions, onSet }) {
    return html`<${Field} label=${t('redaction.action')}>${(tie) => html`<select ...${tie}
        class=${`act ${row.action || ''}`} value=${row.action || ''} onChange=${(event) => onSet({ action: event.target.value || null })}>
        <option value="">${t('redaction.as_type', { type: tValue('type', type) })}</option>
        ${actions.map((one) => html`<option key=${one} value=${one}>${tValue('action', one)}</option>`)}</select>`}<//>`;
}

function Switch({ label, hint, value, onChange }) {
    return html`<label class="tick" title=${hint}><input type="checkbox" checked=${value}
        onChange=${(event) => onChange(event.target.checked)} /> ${label}</label>`;
}

export function Lists({ held, change, faults }) {
    const { rows, set, remove, add } = useRows(held.draft, change, 'lists');
    return html`${!rows.length && html`<${Empty} title=${t('redaction.no_lists')}><p>${
            t('redaction.lists_about')}</p><//>`}
        ${rows.map((list, i) => html`<section class="card own" key=${list.key} aria-label=${list.name}>
            <div class="own-head"><${TextField} label=${t('redaction.list_name')} maxlength="128" value=${list.name}
                onChange=${(name) => set(i, { name })} />
                <${Own} row=${list} type="KEYWORD" actions=${held.catalogue.actions} onSet=${(part) => set(i, part)} />
                <${Sure} label=${t('redaction.remove', { name: list.name })} onSure=${() => remove(i)} /></div>
            <${FaultLines} faults=${faults.at('lists', i)} words=${list.words} />
            <${Words} list=${list} name=${list.name} label=${t('redaction.words_label')}
                onChange=${(next) => set(i, next)} />
            <div class="switches"><${Switch} label=${t('redaction.exact')} hint=${t('redaction.exact_hint')}
                    value=${list.exact} onChange=${(exact) => set(i, withText({ ...list, exact }, textOf(list)))} />
                <${Switch} label=${t('redaction.whole_word')} hint=${t('redaction.whole_word_hint')}
                    value=${list.whole_word} onChange=${(whole) => set(i, { whole_word: whole })} /></div></section>`)}
        <p><${Button} icon="plus" onClick=${() => add(newList(freeName(rows, 'list')))}>${t('redaction.add_list')}<//></p>`;
}

export function Patterns({ held, change, faults }) {
    const { rows, set, remove, add } = useRows(held.draft, change, 'patterns');
    return html`${!rows.length && html`<${Empty} title=${t('redaction.no_patterns')}><p>${
            t('redaction.patterns_about')}</p><//>`}
        ${rows.map((row, i) => {
            const wrong = faults.at('patterns', i);
            return html`<section class="card own" key=${row.key} aria-label=${row.name}><div class="own-head">
                <${TextField} label=${t('redaction.pattern_name')} maxlength="64" value=${row.name}
                    fault=${faultOf(wrong, (one) => one.member === 'name')} onChange=${(name) => set(i, { name })} />
                <${Own} row=${row} type="CUSTOM" actions=${held.catalogue.actions} onSet=${(part) => set(i, part)} />
                <${Sure} label=${t('redaction.remove', { name: row.name })} onSure=${() => remove(i)} /></div>
                <${TextField} class="mono" label=${t('redaction.regex')} value=${row.regex}
                    hint=${i === 0 && t('redaction.patterns_hint')} fault=${faultOf(wrong, (one) => one.member !== 'name')} onChange=${(regex) => set(i, { regex })} />
                <div class="switches"><${Switch} label=${t('redaction.caseless')} value=${row.caseless}
                    onChange=${(caseless) => set(i, { caseless })} /></div></section>`;
        })}
        <p><${Button} icon="plus" onClick=${() => add(newPattern(freeName(rows, 'pattern')))}>${
            t('redaction.add_pattern')}<//></p>`;
}

/* ---- values let through, and the lock ---- */

export function Allowed({ held, change, faults }) {
    const { draft } = held;
    return html`<section class="card own"><${Words} list=${draft.allowed} name="allowed" label=${t('policy_part.allowed')}
            hint=${t('redaction.allowed_hint')} onChange=${(allowed) => change({ ...draft, allowed })} />
            ${faults.list.filter((one) => one.part === 'allowed').map((one) => html`<${FaultLines} key=${one.pointer}
                faults=${[{ ...one, member: 'words', place: one.index }]} words=${draft.allowed.words} />`)}</section>
        <section class="card own"><h2>${t('policy_part.locked')}</h2><${Switch} label=${t('redaction.lock')}
            value=${draft.locked} onChange=${(locked) => change({ ...draft, locked })} />
            <p class="hint">${t('redaction.lock_hint')}</p></section>`;
}
