/* What one does about limits: set those of one object, take them away again, try a request, bring in a table.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    amountWords, Button, count, Dialog, explain, Field, fullTime, getVersioned, html, limitWords, Loaded, Notice, post, put,
    remove, SelectField, State, t, tCount, Text, TextField, tValue, usd, useData, useEffect, useRef, useSending,
    useState,
} from '../ui.js';
import { Faults, faultsOf, FormDialog } from './forms.js';
import { bodyOf, checkLimits, DIMENSIONS, pairOf, subjectOf } from './limit_grammar.js';

export const pathOf = (dimension, subject) => `limits/${encodeURIComponent(dimension)}/${
    subject.split('/').map(encodeURIComponent).join('/')}`;

const dimensionOptions = (list) => list.map((value) => ({ value, label: tValue('scope', value) }));

export function dimensionWords(dimension) {
    return dimension.split('+').map((name) => tValue('scope', name)).join(' + ');
}

/* A plus sign in one half of a pair is escaped; people read it as it is. */
export function subjectWords(dimension, subject) {
    if (!dimension.includes('+')) return subject;
    return subject.split('+').map((half) => half.replace(/%2B/g, '+').replace(/%25/g, '%')).join(' + ');
}

/* ---- limits as lines of text ---- */

const EXAMPLES = ['100/60s', '1000000tokens/day tz=Europe/Berlin', '20concurrent', '500USD/month hard', '5000USD/year start=04-01 soft'];

function Grammar() {
    return html`<details class="grammar"><summary>${t('grammar.title')}</summary>
        <p><code>${t('grammar.shape')}</code></p>
        <dl class="facts">${['amount', 'window', 'algorithm', 'lease', 'mode', 'store', 'calendar'].map((part) => html`<div
            key=${part}><dt>${t(`grammar.${part}`)}</dt><dd>${t(`grammar.${part}_text`)}</dd></div>`)}</dl>
        <p class="hint">${t('grammar.examples')} ${EXAMPLES.map((one, i) => html`${i > 0 && ' · '}<code
            key=${one}>${one}</code>`)}</p></details>`;
}

const faultWords = ({ code, part }) => t(`limit_fault.${code}`, { part });

function Line({ value, fault, said, onChange, onRemove, label }) {
    const isTyped = value.trim() !== '';
    const words = said || (fault && isTyped && faultWords(fault));
    return html`<div class="limit-line"><${Field} label=${html`<span class="off-screen">${label}</span>`} fault=${words}
            hint=${!words && isTyped ? limitWords(value) : undefined}>${(tie) => html`<input type="text" class="mono" value=${value}
            autocomplete="off" spellcheck=${false} placeholder="500USD/month" ...${tie}
            onInput=${(event) => onChange(event.target.value)} />`}<//>
        <${Button} kind="bare" icon="close" aria-label=${t('limit.remove')} title=${t('limit.remove')} onClick=${onRemove} /></div>`;
}

/* saids: what the server said of each line, after it was asked. */
function Lines({ lines, onChange, saids = {} }) {
    const faults = checkLimits(lines);
    const set = (index, value) => onChange(lines.map((line, i) => (i === index ? value : line)));
    return html`<fieldset><legend>${t('limits.lines')}</legend><p class="hint">${t('limits.lines_hint')}</p>
        ${lines.map((line, i) => html`<${Line} key=${i} value=${line} fault=${faults[i]} said=${saids[line.trim()]}
            label=${t('limits.line', { n: count(i + 1) })} onChange=${(value) => set(i, value)}
            onRemove=${() => onChange(lines.filter((_, k) => k !== i))} />`)}
        <${Button} icon="plus" onClick=${() => onChange([...lines, ''])}>${t('limit.add')}<//><${Grammar} /></fieldset>`;
}

/* The server's words of a line stand beside it, by the text that was sent. */
function saidOf(problem, body) {
    const out = {};
    for (const { pointer = '', detail } of problem ? problem.errors : []) {
        const [, list, index] = pointer.split('/');
        const text = body && body[list] && body[list][index];
        if (text) out[text] = detail;
    }
    return out;
}

const KNOWN = ['limits', 'budgets', 'reason', 'subject', 'dimension'];

/* found: {value, etag} of the object as it is. */
function SetForm({ title, dimension, subject, found, head, isReady = true, onClose, onDone, onReload }) {
    const [lines, setLines] = useState(found ? [...found.value.limits, ...found.value.budgets, ''] : ['']);
    const [reason, setReason] = useState('');
    const [sent, setSent] = useState(null);
    const sending = useSending();
    const body = bodyOf(lines);
    const all = [...body.limits, ...body.budgets];
    const isFaulty = checkLimits(lines.filter((line) => line.trim())).some(Boolean);
    const before = found ? [...found.value.limits, ...found.value.budgets] : [];
    const isSame = !all.length || isFaulty || !isReady || JSON.stringify(all) === JSON.stringify(before);
    const isStale = sending.problem && sending.problem.status === 412;
    const act = async () => {
        setSent(body);
        await put(pathOf(dimension, subject), { ...body, ...(reason.trim() ? { reason: reason.trim() } : {}) },
            found ? found.etag : '"0"');
        onDone(dimension, subject);
    };
    const change = (next) => {
        setSent(null);
        setLines(next);
    };
    return html`<${FormDialog} title=${title} wide sending=${sending} act=${act} label=${t('limits.set')} known=${KNOWN}
        isSame=${isSame} onClose=${onClose} onReload=${isStale && onReload ? () => { onReload(); onClose(); } : undefined}>
            ${head(faultsOf(sending))}
            <${Lines} lines=${lines} onChange=${change} saids=${saidOf(sending.problem, sent)} />
            <${TextField} label=${t('limits.reason')} hint=${t('limits.reason_hint')} maxlength="256" value=${reason}
                onChange=${setReason} /><//>`;
}

export function Edit({ found, label, onClose, onDone, onReload }) {
    const { dimension, subject } = found.value;
    return html`<${SetForm} title=${t('limits.edit_title', { name: label })} dimension=${dimension} subject=${subject}
        found=${found} onClose=${onClose} onDone=${onDone} onReload=${onReload}
        head=${() => html`<p class="hint">${t('limits.edit_text')}</p>`} />`;
}

/* Whose limits; then, when that is known, the form with what is set of it already. */
export function SetNew({ onClose, onDone }) {
    const [first, setFirst] = useState('team');
    const [second, setSecond] = useState('');
    const [names, setNames] = useState({});
    const [chosen, choose] = useState(null);
    const dimension = pairOf(first, second);
    const parts = dimension.split('+');
    const subject = subjectOf(dimension, names);
    const isReady = parts.every((part) => (names[part] || '').trim());
    if (chosen) return html`<${EditOf} ...${chosen} onClose=${onClose} onDone=${onDone} />`;
    return html`<${Dialog} title=${t('limits.new_title')} wide onClose=${onClose}><form autocomplete="off"
        onSubmit=${(event) => { event.preventDefault(); if (isReady) choose({ dimension, subject }); }}>
        <div class="dialog-body"><p class="hint">${t('limits.new_text')}</p>
            <div class="pair"><${SelectField} label=${t('limits.dimension')} value=${first} options=${dimensionOptions(DIMENSIONS)}
                onChange=${(value) => { setFirst(value); setSecond(''); }} />
                <${SelectField} label=${t('limits.with')} value=${second} onChange=${setSecond}
                    options=${[{ value: '', label: t('limits.with_none') },
                        ...dimensionOptions(DIMENSIONS.filter((name) => name !== first))]} /></div>
            ${parts.map((part, i) => html`<${TextField} key=${part} label=${tValue('scope', part)} hint=${t(`subject_hint.${part}`)}
                autofocus=${i === 0} maxlength="200" value=${names[part] || ''}
                onChange=${(value) => setNames({ ...names, [part]: value })} />`)}</div>
        <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//><button type="submit" class="button primary"
            disabled=${!isReady}><span>${t('limits.go_on')}</span></button></footer></form><//>`;
}

function EditOf({ dimension, subject, onClose, onDone }) {
    const found = useData((signal) => getVersioned(pathOf(dimension, subject), signal), [dimension, subject]);
    if (found.data) {
        return html`<${Edit} found=${found.data} label=${subjectWords(dimension, subject)} onClose=${onClose} onDone=${onDone}
            onReload=${found.reload} />`;
    }
    return html`<${Dialog} title=${t('limits.new_title')} wide onClose=${onClose}><div class="dialog-body"><${Loaded}
        from=${found} rows="3" /></div><//>`;
}

export function TakeAway({ found, label, onClose, onDone }) {
    const [reason, setReason] = useState('');
    const sending = useSending();
    const { dimension, subject } = found.value;
    const act = async () => {
        await remove(pathOf(dimension, subject), reason.trim() ? { reason: reason.trim() } : {}, found.etag);
        onDone();
    };
    return html`<${FormDialog} title=${t('limits.away_title', { name: label })} sending=${sending} act=${act} kind="danger-solid"
        label=${t('limits.away')} onClose=${onClose}><p>${t('limits.away_text')}</p>
            <${TextField} label=${t('limits.reason')} hint=${t('limits.reason_hint')} maxlength="256" value=${reason}
                onChange=${setReason} autofocus /><//>`;
}

/* ---- would this request pass? ---- */

const ENDPOINTS = ['chat', 'responses', 'completions', 'embeddings', 'moderations', 'speech', 'images'];
const WHO = ['key', 'user', 'team', 'organization'];
const WHERE = ['vhost', 'path', 'address'];

function questionOf(form) {
    const body = { model: form.model.trim(), endpoint: form.endpoint };
    for (const name of [...WHO, ...WHERE]) if (form[name].trim()) body[name] = form[name].trim();
    if (form.text) body.text = form.text;
    if (form.input_tokens !== '') body.input_tokens = Number(form.input_tokens);
    if (form.max_output_tokens !== '') body.max_output_tokens = Number(form.max_output_tokens);
    return body;
}

const triedColumns = (decided) => [
    { key: 'dimension', label: t('limits.subject'), cell: (row) => html`<span class="name">${
        subjectWords(row.dimension, row.subject)}</span> <span class="quiet under">${dimensionWords(row.dimension)}</span>` },
    { key: 'limit', label: t('limits.limit'), cell: (row) => html`<span title=${row.limit}>${limitWords(row.limit)}</span>` },
    { key: 'remaining', label: t('limits.left'), isNumber: true, cell: (row) => amountWords(row.quantity, row.remaining),
        sort: (row) => row.remaining / row.amount },
    { key: 'cost', label: t('limits.cost'), isNumber: true, cell: (row) => amountWords(row.quantity, row.cost),
        sort: (row) => row.cost / row.amount },
    { key: 'fits', label: t('limits.verdict'), cell: (row) => {
        const isIt = decided && decided.limit === row.limit && decided.dimension === row.dimension;
        const tone = row.fits ? 'ok' : row.mode === 'soft' ? 'warn' : 'bad';
        const word = row.fits ? 'fits' : row.mode === 'soft' ? 'soft' : isIt ? 'decides' : 'full';
        return html`<${State} tone=${tone}>${t(`verdict.${word}`)}<//>`;
    } },
];

function Verdict({ answer }) {
    const decided = answer.decided_by;
    const box = useRef();
    /* Below a long form it would be missed. */
    useEffect(() => box.current.scrollIntoView({ block: 'nearest' }), [answer]);
    const when = answer.passes_at ? t('try.when', { time: fullTime(answer.passes_at) }) : t('try.never');
    return html`<div class=${`notice ${answer.passes ? 'ok' : 'bad'}`} role="status" ref=${box}><div>
        <b>${t(answer.passes ? 'try.passes' : 'try.refused', { status: answer.status })}</b>
        ${!answer.passes && html` <span lang="en">${answer.detail}</span>`}
        ${decided && html`<p>${t('try.decided', { limit: limitWords(decided.limit),
            name: `${dimensionWords(decided.dimension)} ${subjectWords(decided.dimension, decided.subject)}` })} ${when}</p>`}
        ${answer.clamped_to !== null && html`<p>${t('try.clamped', { n: count(answer.clamped_to) })}</p>`}
        <p class="hint">${[t(answer.tokens_exact ? 'try.tokens' : 'try.about', { input: count(answer.input_tokens),
            output: count(answer.output_tokens) }), answer.cost_micros !== null && t('try.cost', { cost: usd(answer.cost_micros) }),
            answer.place].filter(Boolean).join(' · ')}</p></div></div>
        ${answer.limits.length > 0 ? html`<${Table} caption=${t('try.limits')} columns=${triedColumns(decided)}
            rows=${answer.limits} rowKey=${(row) => `${row.dimension} ${row.limit}`} />`
            : answer.passes && html`<p class="quiet">${t('try.no_limits')}</p>`}`;
}

const OF_FORM = [...WHO, ...WHERE, 'model', 'endpoint', 'text', 'input_tokens', 'max_output_tokens'];

export function Try({ who = {}, onClose }) {
    const [form, setForm] = useState({ ...Object.fromEntries([...WHO, ...WHERE].map((name) => [name, ''])), model: 'gpt-4o-mini',
        endpoint: 'chat', text: '', input_tokens: '', max_output_tokens: '', ...who });
    const [answer, setAnswer] = useState(null);
    const sending = useSending();
    const faults = faultsOf(sending);
    const set = (change) => { setForm({ ...form, ...change }); setAnswer(null); };
    const field = (name) => ({ value: form[name], fault: faults[name], label: tValue('try_field', name), maxlength: '256',
        onChange: (value) => set({ [name]: value }) });
    async function submit(event) {
        event.preventDefault();
        await sending.send(async () => setAnswer(await post('limit-simulations', questionOf(form))));
    }
    return html`<${Dialog} title=${t('try.title')} wide onClose=${onClose}><form autocomplete="off" onSubmit=${submit}>
        <div class="dialog-body"><${Faults} problem=${sending.problem} known=${OF_FORM} />
            <p class="hint">${t('try.text_about')}</p>
            <div class="pair"><${TextField} ...${field('key')} hint=${t('try.key_hint')} /><${TextField} ...${field('model')} isNeeded
                required /></div>
            <div class="pair"><${TextField} ...${field('user')} /><${TextField} ...${field('team')} /></div>
            <${Field} label=${t('try.text')} hint=${t('try.text_hint')} fault=${faults.text}>${(tie) => html`<textarea rows="3" value=${form.text}
                spellcheck=${false} ...${tie} onInput=${(event) => set({ text: event.target.value })}></textarea>`}<//>
            <div class="pair"><${TextField} ...${field('input_tokens')} type="number" min="0" hint=${t('try.tokens_hint')} />
                <${TextField} ...${field('max_output_tokens')} type="number" min="1" hint=${t('try.output_hint')} /></div>
            <details><summary>${t('try.more')}</summary><div class="more-fields">
                <div class="pair"><${SelectField} label=${t('try.endpoint')} value=${form.endpoint} fault=${faults.endpoint}
                    options=${ENDPOINTS.map((value) => ({ value, label: value }))} onChange=${(endpoint) => set({ endpoint })} />
                    <${TextField} ...${field('organization')} /></div>
                <div class="pair"><${TextField} ...${field('vhost')} /><${TextField} ...${field('path')} placeholder="/v1" /></div>
                <${TextField} ...${field('address')} /></div></details>
            ${answer && html`<${Verdict} answer=${answer} />`}</div>
        <footer><${Button} onClick=${onClose}>${t('act.close')}<//><button type="submit" class="button primary"
            aria-busy=${sending.isBusy ? 'true' : undefined} disabled=${sending.isBusy}><span>${t('try.ask')}</span></button></footer>
        </form><//>`;
}

/* ---- a table of limits ---- */

const RESULTS = { failed: 'bad', created: 'ok', updated: 'accent', removed: 'warn', unchanged: 'quiet' };
const ORDER = Object.keys(RESULTS);

const importColumns = () => [
    { key: 'line', label: t('limit_csv.line'), isNumber: true, sort: true },
    { key: 'subject', label: t('limits.subject'), cell: (row) => html`<span class="name"><${Text} value=${row.subject} /></span>
        <span class="quiet under">${dimensionWords(row.dimension)}</span>`, sort: true },
    { key: 'result', label: t('limit_csv.result'), sort: (row) => ORDER.indexOf(row.result),
        cell: (row) => html`<${State} tone=${RESULTS[row.result]}>${t(`limit_csv.${row.result}`)}<//>` },
    { key: 'detail', label: t('limit_csv.detail'), cell: (row) => html`<span lang="en">${row.detail}</span>` },
];

function Done({ answer }) {
    return html`<p role="status">${answer.dry_run && t('limit_csv.would')} ${ORDER.filter((name) => answer[name] > 0)
        .map((name, i) => html`${i > 0 && t('list.and')}<b>${count(answer[name])}</b> ${t(`limit_csv.${name}`)}`)}</p>
        <${Table} caption=${t('limit_csv.result')} columns=${importColumns()} rows=${answer.items} rowKey=${(row) => row.line}
            order=${{ key: 'result', isDown: false }} />`;
}

export function Import({ onClose, onDone }) {
    const [text, setText] = useState('');
    const [tried, setTried] = useState(null); /* {text, answer} of the last dry run */
    const [made, setMade] = useState(null);
    const sending = useSending();
    const answer = tried && tried.text === text && tried.answer;
    const changes = answer ? answer.created + answer.updated + answer.removed : 0;
    const send = (isDry) => sending.send(async (once) => {
        const got = await post('limits-import', { csv: text, dry_run: isDry }, once);
        if (isDry) return setTried({ text, answer: got });
        setMade(got);
        return onDone();
    });
    async function onFile(event) {
        const [file] = event.target.files;
        if (file) setText(await file.text());
    }
    if (made) {
        return html`<${Dialog} title=${t('limit_csv.done')} wide onClose=${onClose}><div class="dialog-body"><${Done}
            answer=${made} /></div><footer><${Button} kind="primary" onClick=${onClose}>${t('act.done')}<//></footer><//>`;
    }
    return html`<${Dialog} title=${t('limit_csv.import')} wide onClose=${onClose}>
        <div class="dialog-body"><${Faults} problem=${sending.problem} known=${['csv']} />
            <${Field} label=${t('limit_csv.table')} hint=${t('limit_csv.hint')}
                fault=${sending.problem && explain(sending.problem).fields.csv}>${(tie) => html`<textarea class="mono" rows="6"
                spellcheck=${false} autocomplete="off" autofocus placeholder="dimension,subject,limits,budgets" value=${text} ...${tie}
                onInput=${(event) => setText(event.target.value)}></textarea>`}<//>
            <p><label class="button"><input class="off-screen" type="file" accept=".csv,text/csv,text/plain"
                aria-label=${t('limit_csv.file')} onChange=${onFile} /><span>${t('limit_csv.file')}</span></label></p>
            ${answer && html`<${Done} answer=${answer} />${answer.failed > 0 && html`<${Notice} tone="warn">${
                tCount('limit_csv.skipped', answer.failed, count(answer.failed))}<//>`}`}</div>
        <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//>
            <${Button} kind=${changes ? '' : 'primary'} busy=${sending.isBusy && !changes} disabled=${!text.trim()}
                onClick=${() => send(true)}>${t('limit_csv.try')}<//>
            ${changes > 0 && html`<${Button} kind="primary" busy=${sending.isBusy}
                onClick=${() => send(false)}>${tCount('limit_csv.run', changes, count(changes))}<//>`}</footer><//>`;
}
