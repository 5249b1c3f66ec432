/* Keys from a table: tried first, then made; what came of each line stands beside its number.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    Button, Copy, count, Dialog, Field, html, Notice, post, saveFile, State, t, tCount, Text, useSending, useState,
} from '../ui.js';
import { Faults, faultsOf, Once } from './forms.js';

const RESULTS = { failed: 'bad', created: 'ok', updated: 'accent', revoked: 'warn', unchanged: 'quiet' };
const ORDER = Object.keys(RESULTS);

const columns = () => [
    { key: 'line', label: t('csv.line'), isNumber: true, sort: true },
    { key: 'name', label: t('keys.name'), cell: (row) => html`<span class="name"><${Text} value=${row.name} /></span>`,
        sort: true },
    { key: 'result', label: t('csv.result'), sort: (row) => ORDER.indexOf(row.result),
        cell: (row) => html`<${State} tone=${RESULTS[row.result]}>${t(`csv.${row.result}`)}<//>` },
    { key: 'detail', label: t('csv.detail'), cell: (row) => html`<span lang="en">${row.detail}</span>` },
];

/* For a table program, which must not take a name for a formula. */
const cell = (value) => `"${String(value).replace(/^[=+\-@\t\r]/, "'$&").replace(/"/g, '""')}"`;

const secretsOf = (items) => ['id,name,key', ...items.filter((row) => row.key)
    .map((row) => [row.id, row.name, row.key].map(cell).join(','))].join('\r\n');

function Sums({ answer }) {
    return html`<p role="status">${answer.dry_run && t('csv.would')} ${ORDER.filter((name) => answer[name] > 0).map((name, i) => html`${i > 0 && t('list.and')}
        <b>${count(answer[name])}</b> ${t(`csv.${name}`)}`)}</p>`;
}

function Results({ answer }) {
    return html`<${Table} caption=${t('csv.result')} columns=${columns()} rows=${answer.items} rowKey=${(row) => row.line}
        order=${{ key: 'result', isDown: false }} />`;
}

/* Made by a try whose answer was lost: the answer that is given again has no secrets. */
function Unseen({ items }) {
    const n = items.filter((row) => row.result === 'created' && !row.key).length;
    return n > 0 && html`<${Notice} tone="warn">${tCount('csv.unseen', n, count(n))}<//>`;
}

/* The one time these secrets are seen; without any, there is nothing to keep. */
function Done({ answer, onClose }) {
    const [isKept, setKept] = useState(false);
    const text = secretsOf(answer.items);
    const keep = () => setKept(true);
    if (!answer.items.some((row) => row.key)) {
        return html`<${Dialog} title=${t('csv.done')} wide onClose=${onClose}>
            <div class="dialog-body"><${Unseen} items=${answer.items} /><${Sums} answer=${answer} />
                <${Results} answer=${answer} /></div>
            <footer><${Button} kind="primary" onClick=${onClose}>${t('act.done')}<//></footer><//>`;
    }
    return html`<${Once} title=${t('csv.done')} words=${t('csv.once')} text=${t('csv.once_text')} kept=${t('csv.kept')}
        isKept=${isKept} onKept=${setKept} onClose=${onClose}><p class="actions"><${Button} icon="down" kind="primary"
            onClick=${() => { saveFile('keys.csv', `${text}\r\n`); keep(); }}>${t('csv.save')}<//>
            <${Copy} text=${text} onCopied=${keep} /></p><${Sums} answer=${answer} /><${Results} answer=${answer} /><//>`;
}

export function Import({ onClose, onDone }) {
    const [text, setText] = useState('');
    const [tried, setTried] = useState(null); /* {text, answer} of the last dry run */
    const [made, setMade] = useState(null);
    const [wasRun, setRun] = useState(false);
    const sending = useSending();
    const isLost = wasRun && sending.problem && (!sending.problem.status || sending.problem.status >= 500);
    const answer = tried && tried.text === text && tried.answer;
    const changes = answer ? answer.created + answer.updated + answer.revoked : 0;

    const send = (isDry) => sending.send(async (once) => {
        setRun(!isDry);
        const got = await post('keys-import', { csv: text, dry_run: isDry }, once);
        if (isDry) return setTried({ text, answer: got });
        setMade(got);
        return onDone();
    });
    async function onFile(event) {
        const [file] = event.target.files;
        if (!file) return;
        const { decodeText } = await import('./redaction_draft.js');
        setText(decodeText(await file.arrayBuffer()).text);
    }
    if (made) return html`<${Done} answer=${made} onClose=${onClose} />`;
    return html`<${Dialog} title=${t('csv.import')} wide onClose=${onClose}>
        <div class="dialog-body"><${Faults} problem=${sending.problem} known=${['csv']} />
            ${isLost && html`<${Notice} tone="warn">${t('csv.lost')}<//>`}
            <${Field} label=${t('csv.table')} hint=${t('csv.hint')} fault=${faultsOf(sending).csv}>${(tie) => html`<textarea class="mono"
                rows="6" spellcheck=${false} autocomplete="off" autofocus placeholder="name,owner,team,limits,expires_at"
                value=${text} ...${tie} onInput=${(e) => setText(e.target.value)}></textarea>`}<//>
            <p><label class="button"><input class="off-screen" type="file" accept=".csv,text/csv,text/plain"
                aria-label=${t('csv.file')} onChange=${onFile} /><span>${t('csv.file')}</span></label></p>
            ${answer && html`<${Sums} answer=${answer} />
                ${answer.failed > 0 && html`<${Notice} tone="warn">${tCount('csv.skipped', answer.failed,
                    count(answer.failed))}<//>`}
                <${Results} answer=${answer} />`}</div>
        <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//>
            <${Button} kind=${changes ? '' : 'primary'} busy=${sending.isBusy && !changes} disabled=${!text.trim()}
                onClick=${() => send(true)}>${t('csv.try')}<//>
            ${changes > 0 && html`<${Button} kind="primary" busy=${sending.isBusy}
                onClick=${() => send(false)}>${tCount('csv.run', changes, count(changes))}<//>`}</footer><//>`;
}
