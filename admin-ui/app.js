/* The console: a table of pages, the frame around them, and what begins it all.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A page is a module that exports title (a word's key) and a component, loaded with its words when it is first opened.
 * To add one: a row here, pages/<thing>.js, words/<language>/<thing>.json.
 */
import { render } from './vendor/preact.js';
import { useEffect, useLayoutEffect, useRef, useState } from './vendor/hooks.js';
import { get, getWords } from './api.js';
import { count, fullTime, zoneOf } from './format.js';
import { link, readRoute } from './route.js';
import { may, Session } from './session.js';
import { Failed, html, Icon, Loading, Notice, Page, Refused, State, useData } from './ui.js';
import { currentLanguage, keepChoice, keptChoice, LANGUAGES, learn, preferredLanguage, speak, t, tCount, tValue } from './words.js';

const PAGES = [
    { path: 'overview', deed: 'look', group: 'watch', load: () => import('./pages/overview.js') },
    { path: 'requests', deed: 'look', group: 'watch', load: () => import('./pages/requests.js') },
    { path: 'upstreams', deed: 'look', group: 'watch', load: () => import('./pages/upstreams.js') },
    { path: 'alerts', deed: 'look', group: 'watch', load: () => import('./pages/alerts.js') },
    { path: 'keys', deed: 'look', group: 'identity', load: () => import('./pages/keys.js') },
    { path: 'signing_keys', deed: 'look', group: 'identity', load: () => import('./pages/signing_keys.js') },
    { path: 'issuers', deed: 'look', group: 'identity', load: () => import('./pages/issuers.js') },
    { path: 'people', deed: 'look', group: 'identity', load: () => import('./pages/people.js') },
    { path: 'limits', deed: 'look', group: 'control', load: () => import('./pages/limits.js') },
    { path: 'credentials', deed: 'look', group: 'control', load: () => import('./pages/credentials.js') },
    { path: 'policies', deed: 'look', group: 'control', load: () => import('./pages/policies.js') },
    { path: 'redaction', deed: 'look', group: 'control', load: () => import('./pages/redaction.js') },
    { path: 'scan', deed: 'scan', group: 'control', load: () => import('./pages/scan.js') },
    { path: 'changes', deed: 'read_texts', group: 'record', load: () => import('./pages/changes.js') },
];
const GROUPS = ['watch', 'identity', 'control', 'record'];

/* Pages whose words are spoken; in another language they are all brought again. */
const opened = new Set();

const pageOf = (route) => PAGES.find((one) => one.path === route.page) || (route.page ? null : PAGES[0]);

/* A page's module, once its words are there, too. */
async function load(page, code) {
    const [module, words] = await Promise.all([page.load(), getWords(code, page.path)]);
    opened.add(page.path);
    learn(code, words);
    return module;
}

/* ---- the frame ---- */

function Badge({ n, word }) {
    const words = tCount(word, n, count(n));
    return html`<span class="badge" title=${words}>${count(n)}<span class="off-screen"> (${words})</span></span>`;
}

/* How many policies wait for this operator: other people's, and only if it is theirs to approve. */
function useWaiting(session) {
    const isApprover = may(session, 'decide_policy');
    const load = (signal) => (isApprover ? get('policy-versions', { limit: 20 }, signal) : Promise.resolve({ items: [] }));
    const versions = useData(load, [isApprover], { every: 30 });
    const items = versions.data ? versions.data.items : [];
    return items.filter((one) => one.state === 'pending' && one.author !== session.user).length;
}

/* How many alerts nobody has seen yet, of the newest. */
function useUnseen() {
    const alerts = useData((signal) => get('alerts', { acknowledged: 'no', limit: 100 }, signal), [], { every: 30 });
    return alerts.data ? alerts.data.items.length : 0;
}

function Menu({ session, path, badges }) {
    const menu = useRef();
    /* On a narrow screen it is a strip, and the page that is shown may stand outside of it. */
    useEffect(() => {
        const here = menu.current.querySelector('[aria-current]');
        if (here) menu.current.scrollLeft += here.getBoundingClientRect().left - menu.current.getBoundingClientRect().left - 40;
    }, [path]);
    return html`<nav class="menu" ref=${menu} aria-label=${t('app.menu')}>${GROUPS.map((group) => {
        const pages = PAGES.filter((page) => page.group === group && may(session, page.deed));
        return pages.length > 0 && html`<div key=${group}><h2>${t(`group.${group}`)}</h2><ul>${pages.map((page) => html`
            <li key=${page.path}><a href=${link(page.path)} aria-current=${page.path === path ? 'page' : undefined}>
                <${Icon} name=${page.path} /><span>${t(`page.${page.path}`)}</span>
                ${badges[page.path] && badges[page.path].n > 0 && html`<${Badge} ...${badges[page.path]} />`}</a></li>`)}</ul></div>`;
    })}</nav>`;
}

function Setting({ name, label, value, options, onChange }) {
    return html`<fieldset class="setting"><legend>${label}</legend>${options.map((option) => html`<label
        key=${option.value}>
        <input type="radio" name=${name} checked=${option.value === value}
            onChange=${() => onChange(option.value)} /> <span
            lang=${option.lang}>${option.label}</span></label>`)}</fieldset>`;
}

/* Who is signed in and as what; language, theme and time zone. */
function UserMenu({ session, again }) {
    const details = useRef();
    useEffect(() => {
        const onClick = (event) => { if (!details.current.contains(event.target)) details.current.open = false; };
        const onKey = (event) => { if (event.key === 'Escape') details.current.open = false; };
        addEventListener('click', onClick);
        addEventListener('keydown', onKey);
        return () => { removeEventListener('click', onClick); removeEventListener('keydown', onKey); };
    }, []);
    function choose(name, value) {
        keepChoice(name, value);
        if (name === 'theme') dispatchEvent(new Event('themechoice'));
        again();
    }
    async function chooseLanguage(code) {
        speak(code, await Promise.all(['', ...opened].map((page) => getWords(code, page))));
        choose('language', code);
    }
    const roles = session.roles.map((role) => tValue('role', role)).join(t('list.and'));
    return html`<details class="user" ref=${details}>
        <summary title=${t('app.user_menu', { user: session.user })}><${Icon}
            name="person" /><span>${session.user}</span><small>${roles}</small></summary>
        <div class="user-menu">
            <${Setting} name="language" label="Language · 语言" value=${currentLanguage().code} onChange=${chooseLanguage}
                options=${LANGUAGES.map((one) => ({ value: one.code, label: one.name, lang: one.locale }))} />
            <${Setting} name="theme" label=${t('app.theme')} value=${keptChoice('theme', 'auto')}
                onChange=${(value) => choose('theme', value)}
                options=${['auto', 'light', 'dark'].map((value) => ({ value, label: t(`theme.${value}`) }))} />
            <${Setting} name="zone" label=${t('app.zone')} value=${keptChoice('zone', 'local')}
                onChange=${(value) => choose('zone', value)}
                options=${[{ value: 'local', label: t('zone.local') }, { value: 'utc', label: 'UTC' }]} />
            <p class="hint">${t('app.sign_out')}</p></div></details>`;
}

/* The store is away: said once, on every page, until it is back. */
function StoreBanner({ store }) {
    if (!store.data || store.data.state !== 'down') return null;
    const since = store.data.since ? fullTime(store.data.since) : t('store.unknown_time');
    const backlog = count(store.data.journal_backlog_records);
    return html`<${Notice} tone="bad"><b>${t('store.down')}</b> ${t('store.down_text', { since, backlog })}<//>`;
}

const STORE_TONES = { up: 'ok', down: 'bad', unknown: 'quiet' };

function StoreLine({ store, session }) {
    const state = store.data ? store.data.state : 'unknown';
    return html`<div class="server">
        <${State} tone=${STORE_TONES[state]}>${tValue('store', state)}<//>
        <span title=${t('app.node')}>${session.node}</span>
        <span>${session.version && t('app.version', { version: session.version })}</span>
        <span>${zoneOf()}</span></div>`;
}

/* ---- the page of the address ---- */

function useRoute() {
    const [route, setRoute] = useState(readRoute());
    useEffect(() => {
        const onChange = () => setRoute(readRoute());
        addEventListener('hashchange', onChange);
        return () => removeEventListener('hashchange', onChange);
    }, []);
    return route;
}

/* A page's module, and the focus on its heading when the operator goes to another page. */
function Current({ page, route, session }) {
    const [module, setModule] = useState(null);
    const [failure, setFailure] = useState(null);
    const { code } = currentLanguage();
    const isFirst = useRef(true);
    useEffect(() => {
        let isWanted = true;
        setFailure(null);
        load(page, code).then((loaded) => isWanted && setModule({ page, View: loaded.default, title: loaded.title }),
            (problem) => isWanted && setFailure(problem));
        return () => { isWanted = false; };
    }, [page, code]);
    const isHere = module && module.page === page;
    const headingWords = isHere ? t(module.title) : '';
    useLayoutEffect(() => {
        if (headingWords) document.title = `${headingWords} · mod_chatgpt`;
    }, [headingWords]);
    useLayoutEffect(() => {
        if (!isHere) return;
        const heading = document.querySelector('main h1');
        if (heading && !isFirst.current) heading.focus();
        isFirst.current = false;
    }, [isHere]);
    if (!may(session, page.deed)) {
        return html`<${Page} title=${t(`page.${page.path}`)}><${Refused} deed=${page.deed} /><//>`;
    }
    if (failure) return html`<${Failed} problem=${{ status: 0, errors: [] }} onRetry=${() => location.reload()} />`;
    if (!isHere) return html`<${Loading} />`;
    return html`<${module.View} key=${page.path} id=${route.id} query=${route.query} />`;
}

/* "/" brings the operator to the page's search field. */
function useSlash() {
    useEffect(() => {
        const onKey = (event) => {
            if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
            if (event.target.closest('input, textarea, select, dialog')) return;
            const field = document.querySelector('main input[type=search]');
            if (!field) return;
            event.preventDefault();
            field.focus();
        };
        addEventListener('keydown', onKey);
        return () => removeEventListener('keydown', onKey);
    }, []);
}

function NoPage() {
    return html`<${Page} title=${t('state.no_page')}>
        <p><a href=${link('overview')}>${t('state.to_overview')}</a></p><//>`;
}

function App({ session }) {
    const route = useRoute();
    const [, setTurn] = useState(0); /* a choice in the menu draws everything again */
    const store = useData((signal) => get('store', {}, signal), [], { every: 10 });
    const badges = { redaction: { n: useWaiting(session), word: 'redaction.waiting' },
        alerts: { n: useUnseen(), word: 'alerts.unseen' } };
    const main = useRef();
    useSlash();
    const page = pageOf(route);
    return html`<${Session.Provider} value=${session}><div class="frame">
        <button type="button" class="skip" onClick=${() => main.current.focus()}>${t('app.skip')}</button>
        <header class="side">
            <a class="brand" href=${link('overview')}><img src="icon.svg" alt="" width="24" height="24" />
                <span>mod_chatgpt<small>${t('app.console')}</small></span></a>
            <${Menu} session=${session} path=${page && page.path} badges=${badges} />
            <${StoreLine} store=${store} session=${session} /></header>
        <main ref=${main} tabindex="-1"><${UserMenu} session=${session} again=${() => setTurn((n) => n + 1)} />
            <${StoreBanner} store=${store} />
            ${page ? html`<${Current} page=${page} route=${route} session=${session} />` : html`<${NoPage} />`}
        </main></div><//>`;
}

/* ---- the beginning ---- */

async function begin(root) {
    const code = preferredLanguage();
    const session = get('session');
    session.catch(() => {}); /* looked at below, after the words are there to say it */
    const page = pageOf(readRoute());
    if (page) Promise.all([page.load(), getWords(code, page.path)]).catch(() => {}); /* on their way; see Current */
    speak(code, [await getWords(code)]);
    try {
        render(html`<${App} session=${await session} />`, root);
    } catch (problem) {
        render(html`<div class="alone"><${Failed} problem=${problem} onRetry=${() => location.reload()} /></div>`,
            root);
    } finally {
        root.removeAttribute('aria-busy');
    }
}

begin(document.getElementById('app'));
