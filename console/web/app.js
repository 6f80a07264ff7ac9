// The shell: who is signed in, which view is shown, language and colours.
import { forget } from './api.js';
import { Language, preferredLanguage, useI18n } from './i18n.js';
import { Toasts } from './parts.js';
import { claims, onSession, signOut, token } from './session.js';
import { SignIn } from './signin.js';
import { html, Icon, render, useEffect, useState } from './ui.js';
import { Allocations } from './view_allocations.js';
import { Audit } from './view_audit.js';
import { Fleet } from './view_fleet.js';
import { Health } from './view_health.js';
import { Queue } from './view_queue.js';
import { Timeline } from './view_timeline.js';
import { Users } from './view_users.js';

const VIEWS = [
  ['fleet', 'f', Fleet],
  ['timeline', 't', Timeline],
  ['queue', 'q', Queue],
  ['allocations', 'a', Allocations],
  ['users', 'u', Users],
  ['health', 'h', Health],
  ['audit', 'l', Audit],
];

function Shell() {
  const [signedIn, setSignedIn] = useState(token() !== null);
  const [language, setLanguage] = useState(preferredLanguage);
  useEffect(() => onSession(() => setSignedIn(token() !== null)), []);
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.setItem('console.language', language);
  }, [language]);
  return html`<${Language.Provider} value=${language}>
    ${signedIn ? html`<${Signed} setLanguage=${setLanguage} />` : html`<${Tools} setLanguage=${setLanguage} loose /><${SignIn} />`}
    <${Toasts} />
  </${Language.Provider}>`;
}

/** The place behind #: view, what it is about, and its parameters. */
function place() {
  const [path, query = ''] = location.hash.slice(1).split('?');
  const [view, subject] = path.split('/');
  return { view: VIEWS.some(([name]) => name === view) ? view : 'fleet', subject: subject ? decodeURIComponent(subject) : null, query: new URLSearchParams(query) };
}

function go(where) {
  location.hash = where;
}

function Signed({ setLanguage }) {
  const { t } = useI18n();
  const [at, setAt] = useState(place);
  useEffect(() => {
    const moved = () => setAt(place());
    window.addEventListener('hashchange', moved);
    return () => window.removeEventListener('hashchange', moved);
  }, []);
  useEffect(() => keys(), []);
  useEffect(() => {
    document.title = `${t(`nav.${at.view}`)} · ${t('app.title')}`;
  }, [at.view, t]);
  const [, , View] = VIEWS.find(([name]) => name === at.view);
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById('main').focus(); }}>${t('app.skip')}</a>
    <div class="shell">
      <nav aria-label=${t('app.views')}>
        <p class="brand"><${Icon} name="allocations" size=${20} /><span>${t('app.title')}</span></p>
        <ul>${VIEWS.map(([name, key]) => html`<li key=${name}><a href=${`#${name}`} aria-current=${name === at.view ? 'page' : null} title=${`g ${key}`}>
          <${Icon} name=${name} /><span>${t(`nav.${name}`)}</span></a></li>`)}</ul>
        <${Tools} setLanguage=${setLanguage} />
      </nav>
      <main id="main" tabindex="-1"><${View} key=${at.view} subject=${at.subject} query=${at.query} go=${go} /></main>
    </div>`;
}

function Tools({ setLanguage, loose }) {
  const { t, time, language } = useI18n();
  const known = claims();
  const flip = () => {
    const dark = (document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
    localStorage.setItem('console.theme', dark ? 'light' : 'dark');
  };
  return html`<div class=${`tools ${loose ? 'loose' : ''}`}>
    ${!loose && known && html`<p class="who" title=${known.exp ? t('app.expires', { time: time(known.exp * 1000) }) : ''}>${known.sub}</p>`}
    <button class="plain" onClick=${() => setLanguage(language === 'en' ? 'zh' : 'en')} lang=${language === 'en' ? 'zh' : 'en'}>${t('app.language')}</button>
    <button class="plain" onClick=${flip} aria-label=${t('app.theme')} title=${t('app.theme')}><${Icon} name="moon" /></button>
    ${!loose && html`<button class="plain" onClick=${() => { forget(); signOut(); }} aria-label=${t('app.signOut')} title=${t('app.signOut')}><${Icon} name="out" /></button>`}
  </div>`;
}

/** "/" goes to the search, "g" and a letter to a view. */
function keys() {
  let waiting = false;
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (event.target.closest?.('input, textarea, select')) return;
    const search = document.querySelector('[data-search]');
    if (event.key === '/' && search) {
      event.preventDefault();
      search.focus();
    }
    const view = waiting && VIEWS.find(([, key]) => key === event.key);
    waiting = event.key === 'g';
    if (view) go(view[0]);
  };
  document.addEventListener('keydown', pressed);
  return () => document.removeEventListener('keydown', pressed);
}

const theme = localStorage.getItem('console.theme');
if (theme) document.documentElement.dataset.theme = theme;
const root = document.getElementById('app');
root.replaceChildren();
render(html`<${Shell} />`, root);
