/* Versions of the redaction policy: the list, one of them with what it changed, and what may be done about it.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    Button, count, Empty, Facts, Failed, Field, get, go, html, link, Loading, may, Panel, post, rolesWords, Session, t,
    Text, Time, timeLabel, useContext, useData, useSending, useState,
} from '../ui.js';
import { FormDialog } from './forms.js';
import { Changes, Effect, Summary, VersionState } from './redaction_parts.js';

const columns = () => [
    { key: 'version', label: t('redaction.version_head'), cell: (row) => html`<b>${count(row.version)}</b>`,
        sort: true },
    { key: 'state', label: t('keys.state'), cell: (row) => html`<${VersionState} state=${row.state} />`, sort: true },
    { key: 'author', label: t('redaction.author'), cell: (row) => html`<span class="name">${row.author}</span>`,
        sort: true },
    { key: 'approved', label: t('redaction.approved_by'), cell: (row) => html`<${Text} value=${row.approved_by} />`,
        sort: (row) => row.approved_by || null },
    { key: 'at', label: timeLabel(), kind: 'fixed',
        cell: (row) => html`<${Time} at=${row.published_at || row.created_at} />`, sort: (row) => row.created_at },
    { key: 'effect', label: t('redaction.effect'), cell: (row) => html`<${Effect}
        name=${row.loosens ? 'looser' : 'not_looser'} />`, sort: (row) => row.loosens },
    { key: 'note', label: t('redaction.note'), kind: 'note' },
];

export function VersionTable({ versions, current }) {
    const rows = versions.data ? versions.data.items : [];
    return html`<${Table} caption=${t('redaction.versions')} columns=${columns()} rows=${rows} rowKey=${(row) => row.version}
        current=${current} href=${(row) => link('redaction', String(row.version))}
        empty=${html`<${Empty} title=${t('redaction.no_versions')} />`} />`;
}

/* What may be done about a version: deed → who, and why not. A word key stands for "not, because". */
function deedsOf(version, session, current) {
    if (version.state === 'pending') {
        const isOvertaken = (version.base_version || 0) !== current;
        const isAuthor = version.author === session.user;
        const decides = may(session, 'decide_policy');
        return {
            approve: decides && !isAuthor && !isOvertaken, reject: decides && !isAuthor,
            withdraw: isAuthor && may(session, 'write_policy'),
            why: isOvertaken ? 'redaction.pending_overtaken' : isAuthor ? 'redaction.author_cannot' : decides ? ''
                : 'redaction.not_approver',
        };
    }
    return { restore: version.state === 'superseded' && may(session, 'write_policy') };
}

const DEED_KINDS = { approve: 'primary', restore: 'primary', reject: 'danger-solid', withdraw: 'danger-solid' };

/* A second look, with the place for a word. Only a roll-back makes a version, and so must have one. */
function Deed({ deed, version, onClose, onDone }) {
    const [note, setNote] = useState('');
    const sending = useSending();
    const isNeeded = deed === 'restore';
    const act = async (once) => onDone(await post(`policy-versions/${version.version}/${deed}`,
        note.trim() ? { note: note.trim() } : {}, once), deed);
    return html`<${FormDialog} title=${t(`deed.${deed}_title`, { n: count(version.version) })} label=${t(`deed.${deed}`)}
        kind=${DEED_KINDS[deed]} sending=${sending} act=${act} isSame=${isNeeded && !note.trim()} onClose=${onClose}>
            <p>${t(`deed.${deed}_text`)}</p>
            <${Field} label=${t('redaction.note')} isNeeded=${isNeeded}>${(tie) => html`<textarea rows="2" maxlength="500"
                value=${note} autofocus ...${tie} onInput=${(event) => setNote(event.target.value)}></textarea>`}<//><//>`;
}

export function VersionPanel({ id, catalogue, current, mayEdit, onEdit, onStep, onDone }) {
    const session = useContext(Session);
    const found = useData((signal) => get(`policy-versions/${encodeURIComponent(id)}`, {}, signal), [id]);
    const [deed, setDeed] = useState('');
    const version = found.data && String(found.data.version) === id ? found.data : null;
    const deeds = version ? deedsOf(version, session, current) : {};
    const names = Object.keys(DEED_KINDS).filter((name) => deeds[name]);
    const isEditable = mayEdit && version && version.version !== current;
    const actions = version && (names.length > 0 || isEditable) && html`${isEditable && html`<${Button} icon="edit"
        onClick=${() => onEdit(version)}>${t('redaction.edit_this')}<//>`}
        ${names.map((name) => html`<${Button} key=${name} kind=${DEED_KINDS[name] === 'primary' ? 'primary' : 'danger'}
            onClick=${() => setDeed(name)}>${t(`deed.${name}`)}<//>`)}`;
    function done(made, name) {
        setDeed('');
        found.reload();
        onDone(made, name);
    }
    return html`<${Panel} title=${t('redaction.version', { n: id })} label=${t('redaction.one_version')} onStep=${onStep}
        onClose=${() => go('redaction', 'versions')} actions=${actions}>
        ${!version && (found.problem ? html`<${Failed} problem=${found.problem} onRetry=${found.reload} />`
            : html`<${Loading} />`)}
        ${version && html`<p class="verdict"><${VersionState} state=${version.state} /> <${Effect}
                name=${version.loosens ? 'looser' : 'not_looser'} /></p>
            ${deeds.why && html`<p class="quiet-note">${t(deeds.why, { n: count(current),
                roles: rolesWords('decide_policy') })}</p>`}
            <section><${Facts} rows=${[
                [t('redaction.note'), version.note], [t('redaction.author'), version.author],
                [t('redaction.made_at'), html`<${Time} at=${version.created_at} full />`],
                version.approved_by && [t('redaction.approved_by'), version.approved_by],
                version.decided_at && [t('redaction.decided_at'), html`<${Time} at=${version.decided_at} full /> ${
                    version.decided_by !== version.approved_by && version.decided_by}`],
                version.decision_note && [t('redaction.decision_note'), version.decision_note],
                version.restores && [t('redaction.restores'), t('redaction.version', { n: count(version.restores) })],
                version.published_at && [t('redaction.published_at'), html`<${Time} at=${version.published_at} full />`],
                [t('redaction.base'), version.base_version ? html`<a
                    href=${link('redaction', String(version.base_version))}>${t('redaction.version', { n: count(version.base_version) })}</a>` : t('redaction.no_base')]]} /></section>
            <section><h3>${t('redaction.difference')}</h3><${Changes} changes=${version.changes || []} /></section>
            <details class="whole"><summary>${t('redaction.whole')}</summary><${Summary} document=${version.document}
                catalogue=${catalogue} /></details>`}
        ${deed && html`<${Deed} deed=${deed} version=${version} onClose=${() => setDeed('')} onDone=${done} />`}<//>`;
}
