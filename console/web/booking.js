// Booking a window: what is in its way is shown before it is sent. And what is booked: who, when, cancel.
import { send } from './api.js';
import { useI18n } from './i18n.js';
import { Confirm, Dialog, Facts, Problem, toast, useSettled } from './parts.js';
import { html, useEffect, useState } from './ui.js';

const MINUTE = 60000;

export function Booking({ device, from, to, onClose }) {
  const { t, time } = useI18n();
  const [form, setForm] = useState({ user: '', tenant: device?.tenantId ?? '', start: local(from), minutes: Math.min(Math.max(Math.round((to - from) / MINUTE), 15), 1440), type: device?.deviceType ?? '', cpu: device?.cpuCores ?? '', memory: device?.memoryMB ?? '' });
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const settled = useSettled(form, 350);
  const write = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  useEffect(() => {
    let over = false;
    const body = bodyOf(settled);
    setFound(null);
    if (!body) return undefined;
    send('POST', '/reservations/check-conflict', { ...body.kind, ...(settled.user ? { userId: settled.user } : {}), startTime: body.startTime, endTime: body.endTime })
      .then(({ data }) => !over && setFound(data))
      .catch((problem) => !over && setFound({ problem }));
    return () => {
      over = true;
    };
  }, [settled]);
  const submit = async (event) => {
    event.preventDefault();
    const body = bodyOf(form);
    if (!body || busy) return;
    setBusy(true);
    try {
      const { data } = await send('POST', '/reservations', { ...body.kind, userId: form.user.trim(), startTime: body.startTime, durationMinutes: Number(form.minutes) });
      toast(t('done.book', { device: data.deviceId, time: time(data.startTime) }));
      onClose(true);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const choose = (window) => setForm({ ...form, start: local(Date.parse(window.startTime)) });
  return html`<${Dialog} title=${t('book.title')} onClose=${() => onClose(false)}><form class="stack" onSubmit=${submit}>
    <p class="muted">${t('book.hint')}</p>
    <div class="pair"><label>${t('users.user')}<input required maxlength="255" value=${form.user} onInput=${write('user')} autocomplete="off" autofocus /></label>
      <label>${t('users.tenant')}<input maxlength="255" value=${form.tenant} onInput=${write('tenant')} autocomplete="off" /></label></div>
    <div class="pair"><label>${t('book.start')}<input type="datetime-local" required value=${form.start} onInput=${write('start')} /></label>
      <label>${t('book.minutes')}<input type="number" required min="15" max="1440" value=${form.minutes} onInput=${write('minutes')} /></label></div>
    <div class="pair three"><label>${t('device.type')}<input maxlength="50" value=${form.type} onInput=${write('type')} /></label>
      <label>${t('book.cpu')}<input type="number" min="1" value=${form.cpu} onInput=${write('cpu')} /></label>
      <label>${t('book.memory')}<input type="number" min="1" value=${form.memory} onInput=${write('memory')} /></label></div>
    <div class="preview" aria-live="polite">${found === null ? html`<p class="muted">${t('book.looking')}</p>` : found.problem ? html`<${Problem} error=${found.problem} />` : found.hasConflict ? html`
      <p class="bad">${t('book.conflict')}</p>
      ${found.nextWindows.length > 0 && html`<p class="chips">${found.nextWindows.slice(0, 3).map((window) => html`<button type="button" onClick=${() => choose(window)}>${time(window.startTime)}</button>`)}</p>`}
      ${found.conflictingReservations.slice(0, 4).map((one) => html`<p class="muted small">${one.userId ?? t('book.somebody')}: ${time(one.startTime)} – ${time(one.endTime)}</p>`)}` : html`<p class="good">${t('book.free')}</p>`}</div>
    ${error && html`<${Problem} error=${error} />`}
    <footer><button type="button" onClick=${() => onClose(false)}>${t('act.cancel')}</button><button class="primary" disabled=${busy || found?.hasConflict}>${t('act.book')}</button></footer>
  </form></${Dialog}>`;
}

export function Booked({ one, onClose }) {
  const { t, time } = useI18n();
  const [asking, setAsking] = useState(false);
  const run = async () => {
    await send('POST', `/reservations/${encodeURIComponent(one.reservationId)}/cancel`, {});
    return t('done.unbook', { who: one.userId });
  };
  if (asking) return html`<${Confirm} title=${t('confirm.unbook', { who: one.userId })} verb=${t('act.unbook')} effects=${[t('effects.unbook'), t('effects.logged')]} run=${run} onClose=${onClose} />`;
  return html`<${Dialog} title=${t('legend.reserved')} onClose=${() => onClose(false)}>
    <${Facts} of=${[[t('users.user'), one.userId], [t('users.tenant'), one.tenantId], [t('book.start'), time(one.startTime)], [t('alloc.until'), time(one.endTime)], [t('alloc.device'), one.deviceId], [t('device.type'), one.deviceType]]} />
    <div class="acts"><button class="warns" onClick=${() => setAsking(true)}>${t('act.unbook')}</button></div>
  </${Dialog}>`;
}

/** The form as the API takes it; null: it is not complete. */
function bodyOf(form) {
  const start = new Date(form.start);
  const minutes = Number(form.minutes);
  if (Number.isNaN(start.getTime()) || !(minutes >= 15 && minutes <= 1440)) return null;
  const specs = { ...(form.cpu ? { minCpu: Number(form.cpu) } : {}), ...(form.memory ? { minMemory: Number(form.memory) } : {}) };
  const kind = { ...(form.type ? { deviceType: form.type } : {}), ...(Object.keys(specs).length ? { preferredSpecs: specs } : {}), ...(form.tenant ? { tenantId: form.tenant } : {}) };
  return { kind, startTime: start.toISOString(), endTime: new Date(start.getTime() + minutes * MINUTE).toISOString() };
}

/** A time as an input of the browser takes it. */
function local(when) {
  const date = new Date(when);
  return new Date(when - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
