// Lending a device by hand: for whom, how long, how large. A refusal says what can be had instead, each a press away.
import { send } from './api.js';
import { useI18n } from './i18n.js';
import { Dialog, Facts, Problem, toast } from './parts.js';
import { html, useRef, useState } from './ui.js';

export function Lend({ onClose, onLent }) {
  const { t, time } = useI18n();
  const [form, setForm] = useState({ user: '', tenant: '', minutes: 60, cpu: '', memory: '' });
  const [lent, setLent] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const key = useRef({});
  const write = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const ask = async (href, body) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    const wish = href + JSON.stringify(body);
    if (key.current.wish !== wish) key.current = { wish, text: crypto.randomUUID() };
    try {
      const { data } = await send('POST', href.replace(/^\/scheduler/, ''), body, key.current.text);
      key.current = {};
      onLent();
      if (data.adbHost !== undefined) return setLent(data);
      toast(data.startTime ? t('done.book', { device: data.deviceId, time: time(data.startTime) }) : t('done.wait', { who: body.userId }));
      return onClose();
    } catch (problem) {
      if (problem.status !== 0) key.current = {}; // without an answer the same press again is the same request
      setError(problem);
    }
    return setBusy(false);
  };
  const submit = (event) => {
    event.preventDefault();
    ask('/scheduler/devices/allocate', bodyOf(form));
  };
  if (lent) return html`<${Dialog} title=${t('lend.lent', { device: lent.device.name })} onClose=${onClose}>
    <div role="status"><${Facts} of=${[[t('users.user'), lent.userId], [t('users.tenant'), lent.tenantId], [t('alloc.device'), lent.deviceId], [t('alloc.until'), time(lent.expiresAt)], [t('lend.adb'), html`<code>${lent.adbHost}:${lent.adbPort}</code>`]]} /></div>
    <p class="links"><a href=${`#allocations/${lent.allocationId}`}>${t('alloc.id')}</a></p>
    <div class="acts"><button class="primary" onClick=${onClose} autofocus>${t('act.close')}</button></div>
  </${Dialog}>`;
  return html`<${Dialog} title=${t('lend.title')} onClose=${onClose}><form class="stack" onSubmit=${submit}>
    <p class="muted">${t('lend.hint')}</p>
    <div class="pair"><label>${t('users.user')}<input required maxlength="255" value=${form.user} onInput=${write('user')} autocomplete="off" autofocus /></label>
      <label>${t('users.tenant')}<input maxlength="255" value=${form.tenant} onInput=${write('tenant')} autocomplete="off" placeholder=${t('lend.own')} /></label></div>
    <div class="pair three"><label>${t('book.minutes')}<input type="number" required min="1" max="1440" value=${form.minutes} onInput=${write('minutes')} /></label>
      <label>${t('book.cpu')}<input type="number" min="1" value=${form.cpu} onInput=${write('cpu')} /></label>
      <label>${t('book.memory')}<input type="number" min="1" value=${form.memory} onInput=${write('memory')} /></label></div>
    ${error && html`<${Problem} error=${error} /><${Instead} offers=${error.body?.alternatives ?? []} busy=${busy} onTake=${({ link }) => ask(link.href, link.body)} />`}
    <footer><button type="button" onClick=${onClose}>${t('act.cancel')}</button><button class="primary" disabled=${busy}>${t('act.lend')}</button></footer>
  </form></${Dialog}>`;
}

/** What can be had instead, in plain words. */
function Instead({ offers, busy, onTake }) {
  const { t, time, number } = useI18n();
  const size = ({ minCpu, minMemory, minStorage }) => [minCpu && `${minCpu} CPU`, minMemory && `${number(minMemory)} MB`, minStorage && t('lend.storage', { mb: number(minStorage) })].filter(Boolean).join(' · ');
  const words = (offer) => t(`lend.${offer.kind}`, { minutes: offer.durationMinutes, size: size(offer.specs ?? {}), time: time(offer.startTime) });
  if (offers.length === 0) return null;
  return html`<div><h3>${t('lend.instead')}</h3><ul class="plainlist offers">${offers.map((offer) => html`<li key=${offer.kind}><span>${words(offer)}</span>
    <button type="button" disabled=${busy} onClick=${() => onTake(offer)} aria-label=${`${t('lend.take')}: ${words(offer)}`}>${t('lend.take')}</button></li>`)}</ul></div>`;
}

/** The form as the API takes it. */
function bodyOf(form) {
  const specs = { ...(form.cpu ? { minCpu: Number(form.cpu) } : {}), ...(form.memory ? { minMemory: Number(form.memory) } : {}) };
  return { userId: form.user.trim(), ...(form.tenant.trim() ? { tenantId: form.tenant.trim() } : {}), durationMinutes: Number(form.minutes), ...(Object.keys(specs).length ? { preferredSpecs: specs } : {}) };
}
