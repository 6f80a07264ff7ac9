// What views are put together from: notices, empty and error states, dialogs, tables, bars.
import { useI18n } from './i18n.js';
import { FLEET_MOST } from './live.js';
import { html, Icon, useEffect, useLayoutEffect, useRef, useState } from './ui.js';

/** A passing word at the foot of the page, read out by screen readers. */
const toasts = { tell: () => {} };
export const toast = (text, kind = 'good') => toasts.tell({ text, kind, id: Math.random() });

export function Toasts() {
  const [shown, setShown] = useState([]);
  toasts.tell = (one) => {
    setShown((all) => [...all.slice(-2), one]);
    setTimeout(() => setShown((all) => all.filter((other) => other !== one)), 6000);
  };
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map((one) => html`<p key=${one.id} class=${`toast ${one.kind}`}>${one.text}</p>`)}
  </div>`;
}

export function Empty({ title, hint, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${hint && html`<p>${hint}</p>`}${children}</div>`;
}

/** Why something could not be read, in the user's language, with the API's own words below. */
export function Problem({ error, onRetry }) {
  const { t, has, quoted } = useI18n();
  const text = has(`error.${error.code}`) ? t(`error.${error.code}`) : t('error.other', { status: error.status });
  return html`<div class="problem" role="alert">
    <p class="problem-title">${text}</p>
    ${error.message && html`<p>${quoted(error.message)}</p>`}
    ${onRetry && html`<button onClick=${onRetry}>${t('act.retry')}</button>`}
  </div>`;
}

/** The states around a polled view: loading, nothing could be read, old data under a warning, a fleet too large for it. */
export function Around({ live, children }) {
  const { t, time, number } = useI18n();
  if (live.data === null) {
    if (live.error) return html`<${Problem} error=${live.error} onRetry=${live.refresh} />`;
    return html`<div class="loading" role="status"><span class="visually-hidden">${t('state.loading')}</span><i /><i /><i /><i /><i /><i /></div>`;
  }
  return html`${live.error && html`<p class="stale" role="alert">
    ${t('state.stale', { time: time(live.at, true) })} <button class="link" onClick=${live.refresh}>${t('act.retry')}</button>
  </p>`}${live.data.length >= FLEET_MOST && html`<p class="stale" role="status">${t('cut.devices', { count: number(FLEET_MOST) })}</p>`}${children}`;
}

export function Badge({ kind, children }) {
  return html`<span class=${`badge ${kind}`}><i class=${`dot ${kind}`} aria-hidden="true" />${children}</span>`;
}

/** A dialog of the browser's own: it keeps the focus, closes with Escape, and gives the focus back. */
export function Dialog({ title, onClose, side, children }) {
  const { t } = useI18n();
  const box = useRef(null);
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const outside = (event) => event.target === box.current && onClose();
  return html`<dialog ref=${box} class=${side ? 'side' : 'middle'} aria-label=${title} onCancel=${(event) => { event.preventDefault(); onClose(); }} onMouseDown=${outside}>
    <div class="dialog-box">
      <header><h2>${title}</h2><button class="plain" onClick=${onClose} aria-label=${t('act.close')}><${Icon} name="close" /></button></header>
      ${children}
    </div>
  </dialog>`;
}

/**
 * Ask before something is done: what will happen, line by line, perhaps why (a reason) or how much (a number).
 * `run` does it and gives what to tell then.
 */
export function Confirm({ title, effects, verb, danger = true, reason, number, run, onClose }) {
  const { t } = useI18n();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const form = new FormData(event.target);
      toast(await run({ reason: form.get('reason')?.trim(), number: Number(form.get('number')) }));
      onClose(true);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${() => onClose(false)}>
    <form class="stack" onSubmit=${submit}>
      <p class="muted">${t('confirm.happens')}</p>
      <ul class="effects">${effects.map((line) => html`<li>${line}</li>`)}</ul>
      ${number && html`<label>${number.label}<input name="number" type="number" required min=${number.min} max=${number.max} value=${number.value} autofocus /></label>`}
      ${reason && html`<label>${t('confirm.reason')}<input name="reason" required=${reason === 'required'} maxlength="500" autocomplete="off" autofocus /></label>`}
      ${error && html`<${Problem} error=${error} />`}
      <footer>
        <button type="button" onClick=${() => onClose(false)}>${t('act.cancel')}</button>
        <button type="submit" class=${danger ? 'danger' : 'primary'} disabled=${busy}>${verb}</button>
      </footer>
    </form>
  </${Dialog}>`;
}

/** Names and values, as a list of definitions. Values that are null are left out. */
export function Facts({ of }) {
  return html`<dl class="facts">${of.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A table that scrolls within itself where it is too wide; `columns`: [{ name, cell, wide?, num? }]. */
export function Table({ label, columns, rows, keyOf, onOpen }) {
  return html`<div class="table" role="region" aria-label=${label} tabindex="0"><table>
    <thead><tr>${columns.map((c) => html`<th scope="col" class=${c.num ? 'num' : ''}>${c.name}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${keyOf(row)} class=${onOpen ? 'opens' : ''} onClick=${onOpen && (() => onOpen(row))}>
      ${columns.map((c) => html`<td class=${c.num ? 'num' : c.wide ? 'wide' : ''}>${c.cell(row)}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}

/** How much of a limit is used; no limit: the number alone. `good`: the more, the better. */
export function Bar({ label, used, limit, unit = '', good = false }) {
  const { t, number } = useI18n();
  const bounded = limit !== null && limit !== undefined && limit >= 0;
  const share = bounded ? (limit ? Math.min(used / limit, 1) : 1) : 0;
  const kind = good ? (share < 0.5 ? 'full' : share < 0.9 ? 'near' : 'well') : share >= 1 ? 'full' : share > 0.8 ? 'near' : '';
  const text = bounded ? `${number(used)} / ${number(limit)}${unit}` : `${number(used)}${unit} · ${t('quota.unlimited')}`;
  return html`<div class="bar-row"><span>${label}</span><span class="num">${text}</span>
    <span class=${`bar ${kind}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${bounded ? limit : used} aria-valuenow=${used}><i style=${{ width: `${share * 100}%` }} /></span>
  </div>`;
}

/** Call back after a pause in typing. */
export function useSettled(value, milliseconds = 250) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** A row of large figures, each with its name and perhaps a hint. */
export function Figures({ of }) {
  return html`<dl class="figures">${of.map(([name, value, hint]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd>${hint && html`<dd class="hint">${hint}</dd>`}</div>`)}</dl>`;
}
