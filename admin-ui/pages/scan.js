/* Try a text: what would be masked, by which rule, and why. The text is kept nowhere.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    Button, Copy, count, explain, html, Icon, Notice, Page, post, Refused, t, tCount, useMay, useRef, useState,
} from '../ui.js';
import { Found } from './found.js';
import { typeWords } from './parts.js';

export const title = 'page.scan';

function Result({ result }) {
    const isBlocked = Boolean(result.blocked_by);
    if (!result.entities.length) return html`<${Notice} tone="ok">${t('scan.clean')}<//>`;
    return html`${isBlocked && html`<${Notice} tone="bad">${t('scan.blocked',
        { type: typeWords(result.blocked_by) })}<//>`}
        <section class="card"><header class="card-head"><h2>${tCount('scan.marks', result.entities.length)}</h2></header>
            <${Found} text=${result.text} entities=${result.entities} /></section>
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
