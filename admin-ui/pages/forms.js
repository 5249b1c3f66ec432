/* What the dialogs of keys of every kind share: a form, a secret that is shown once, an end that wants the name typed.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    Button, Copy, Dialog, explain, html, Icon, Notice, patch, post, Submit, t, TextField, useEffect, useSending, useState,
} from '../ui.js';

/* A fault's words by the name of its field. */
export const faultsOf = (sending) => (sending.problem ? explain(sending.problem).fields : {});

/* A problem above a form; faults of fields that the form does not have stand below it. */
export function Faults({ problem, known = [], onReload }) {
    if (!problem) return null;
    const others = Object.entries(explain(problem).fields).filter(([name]) => !known.includes(name));
    return html`<${Notice} problem=${problem} onRetry=${onReload}
        retry=${t('act.load_again')} />${others.map(([name, words]) => html`<p class="fault"
        key=${name}>${name ? `${name}: ` : ''}${words}</p>`)}`;
}

/* A dialog whose form does act(once) when it is sent; known: the fields it has. */
export function FormDialog({ title, wide, sending, act, label, kind, known, isSame, onClose, onReload, children }) {
    function submit(event) {
        event.preventDefault();
        if (!isSame) sending.send(act);
    }
    return html`<${Dialog} title=${title} wide=${wide} onClose=${onClose}>
        <form autocomplete="off" onSubmit=${submit}><div class="dialog-body"><${Faults} problem=${sending.problem}
            known=${known} onReload=${onReload} />${children}</div>
            <footer><${Button} onClick=${onClose}>${t('act.cancel')}<//>
                <${Submit} kind=${kind} isBusy=${sending.isBusy} disabled=${isSame}>${label}<//></footer></form><//>`;
}

/* Of a new thing: what was left empty is not sent, but for its name. */
export function filled(body) {
    return Object.fromEntries(Object.entries(body).filter(([name, value]) => name === 'name'
        || (value !== null && value.length)));
}

/* Only what differs is sent, so that two people changing two things do not undo each other. */
export function difference(before, after) {
    return Object.fromEntries(Object.entries(after).filter(([name,
        value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

/* Sends changes to path, made from the version that was found. */
export function EditDialog({ found, path, changes, sending, onDone, onReload, onClose, ...rest }) {
    const isStale = sending.problem && sending.problem.status === 412;
    const act = async () => {
        await patch(path, changes, found.etag);
        onDone();
    };
    return html`<${FormDialog} title=${t('keys.edit_title', { name: found.value.name })} wide label=${t('act.save')}
        act=${act} sending=${sending} isSame=${!Object.keys(changes).length} onClose=${onClose}
        onReload=${isStale ? () => { onReload(); onClose(); } : undefined} ...${rest} />`;
}

/* The one time a secret is seen. Only its own button closes this. lost: what to do when the answer came too late. */
export function Secret({ secret, title, lost, example, children, onClose }) {
    const [isKept, setKept] = useState(false);
    if (!secret) {
        return html`<${Dialog} title=${title} onClose=${onClose}>
            <div class="dialog-body"><${Notice} tone="warn">${lost}<//></div>
            <footer><${Button} kind="primary" onClick=${onClose}>${t('act.close')}<//></footer><//>`;
    }
    return html`<${Once} title=${title} words=${t('keys.once')} text=${t('keys.once_text')} kept=${t('keys.kept')}
        isKept=${isKept} onKept=${setKept} onClose=${onClose}>
            <div class="secret"><code id="new-key" tabindex="0">${secret}</code><${Copy} text=${secret}
                kind="primary" onCopied=${() => setKept(true)} /></div>
            ${children}
            ${example && html`<p class="hint">${t('keys.example')}</p>
                <div class="secret small"><code>${example}</code><${Copy} text=${example} /></div>`}<//>`;
}

/* What is closed only by who says that it was kept; the browser, too, asks before it goes. */
export function Once({ title, words, text, kept, isKept, onKept, onClose, children }) {
    useEffect(() => {
        const onLeave = (event) => event.preventDefault();
        if (!isKept) addEventListener('beforeunload', onLeave);
        return () => removeEventListener('beforeunload', onLeave);
    }, [isKept]);
    return html`<${Dialog} title=${title} wide mayLeave=${false} onClose=${onClose}>
        <div class="dialog-body"><div class="notice warn" role="alert"><${Icon}
            name="warn" /><div><b>${words}</b> ${text}</div></div>${children}
            <label class="tick"><input type="checkbox" checked=${isKept}
                onChange=${(e) => onKept(e.target.checked)} /> ${kept}</label></div>
        <footer><${Button} kind="primary" disabled=${!isKept} onClick=${onClose}>${t('act.done')}<//></footer><//>`;
}

/* Ends for good what has that name, by POST path. */
export function Revoke({ name, title, text, path, onClose, onDone }) {
    const [typed, setTyped] = useState('');
    const [reason, setReason] = useState('');
    const sending = useSending();
    const act = async (once) => {
        await post(path, reason.trim() ? { reason: reason.trim() } : {}, once);
        onDone();
    };
    return html`<${FormDialog} title=${title} sending=${sending} act=${act} kind="danger-solid" label=${t('keys.revoke')}
        isSame=${typed !== name} onClose=${onClose}><p>${text}</p>
            <${TextField} label=${html`${t('keys.type_name')} <code class="to-type">${name}</code>`}
                value=${typed} onChange=${setTyped} autofocus />
            <${TextField} label=${t('keys.reason')} hint=${t('keys.reason_hint')} maxlength="256" value=${reason}
                onChange=${setReason} /><//>`;
}
