// The queue: who waits, in which order, how long yet, and why in this order.
import { send } from './api.js';
import { useI18n } from './i18n.js';
import { useList, useLive, useNow } from './live.js';
import { Around, Badge, Confirm, Empty, Figures, Table } from './parts.js';
import { html, useState } from './ui.js';

export function Queue() {
  const { t, time, span, number } = useI18n();
  const now = useNow(5);
  const live = useList('/queue?status=waiting&limit=200', 5, 5);
  const figures = useLive('/queue/stats', 15);
  const [act, setAct] = useState(null);
  const rows = [...(live.data?.rows ?? [])].sort((a, b) => (a.position ?? 1e9) - (b.position ?? 1e9));
  const told = figures.data?.data;
  const done = (changed) => {
    setAct(null);
    if (changed) [live, figures].forEach((polled) => polled.refresh());
  };
  const band = (wait) => (wait ? `${span(wait.p50 * 1000)} – ${span(wait.p90 * 1000)}` : t('queue.unknown'));
  const serve = async () => {
    const { data } = await send('POST', '/queue/process', { limit: 100 });
    return t('done.serve', { count: data.served });
  };
  const cancel = async () => {
    await send('POST', `/queue/${encodeURIComponent(act.id)}/cancel`, {});
    return t('done.leave', { who: act.userId });
  };
  return html`<section>
    <header class="view-head"><h1>${t('nav.queue')}</h1>
      <p class="muted">${t('queue.rule')}</p>
      <div class="acts"><button onClick=${() => setAct('serve')}>${t('act.serve')}</button></div></header>
    ${told && html`<${Figures} of=${[
      [t('queue.waiting'), number(told.waiting)],
      [t('queue.success'), told.successRate === null ? '–' : `${Math.round(told.successRate * 100)} %`, t('queue.hours', { hours: told.hours })],
      [t('queue.wait'), told.waitSeconds ? band(told.waitSeconds) : '–', t('queue.band')],
      [t('queue.kept'), told.calibration.shareWithinP90 === null ? '–' : `${Math.round(told.calibration.shareWithinP90 * 100)} %`, t('queue.keptHint')],
    ]} />`}
    <${Around} live=${live}>
      ${rows.length === 0 ? html`<${Empty} title=${t('queue.none')} hint=${t('queue.noneHint')} />` : html`<${Table} label=${t('nav.queue')} rows=${rows} keyOf=${(e) => e.id} columns=${[
        { name: t('queue.place'), num: true, cell: (e) => html`<b>${e.position ?? '–'}</b>` },
        { name: t('alloc.holder'), cell: (e) => html`<a href=${`#users/${encodeURIComponent(e.userId)}?tenant=${encodeURIComponent(e.tenantId)}`}>${e.userId}</a> · ${e.tenantId}` },
        { name: t('queue.tier'), cell: (e) => html`<${Badge} kind=${`tier-${e.tier}`}>${e.tier}</${Badge}>` },
        { name: t('queue.wants'), cell: (e) => wishOf(e, t) },
        { name: t('queue.waited'), num: true, cell: (e) => span(now - Date.parse(e.joinedAt)) },
        { name: t('queue.eta'), num: true, cell: (e) => band(e.estimatedWaitSeconds) },
        { name: t('queue.gives'), cell: (e) => time(e.expiresAt) },
        { name: t('queue.why'), wide: true, cell: (e) => html`<span class="muted">${t('queue.because', { tier: e.tier, time: time(e.joinedAt, true), ahead: e.aheadCount ?? 0 })}</span>` },
        { name: html`<span class="visually-hidden">${t('table.acts')}</span>`, cell: (e) => html`<button class="warns" onClick=${() => setAct(e)} aria-label=${`${t('act.leave')}: ${e.userId}`}>${t('act.leave')}</button>` },
      ]} />`}
      ${live.data?.more && html`<p class="muted">${t('queue.more')}</p>`}
    </${Around}>
    ${act === 'serve' && html`<${Confirm} title=${t('confirm.serve')} verb=${t('act.serve')} danger=${false} effects=${[t('effects.serve'), t('effects.logged')]} run=${serve} onClose=${done} />`}
    ${act && act !== 'serve' && html`<${Confirm} title=${t('confirm.leave', { who: act.userId })} verb=${t('act.leave')} effects=${[t('effects.leave'), t('effects.logged')]} run=${cancel} onClose=${done} />`}
  </section>`;
}

function wishOf(entry, t) {
  const { deviceType, minCpu, minMemory, minStorage } = entry.specs;
  const parts = [deviceType, minCpu && `≥ ${minCpu} CPU`, minMemory && `≥ ${Math.round(minMemory / 1024)} GB`, minStorage && `≥ ${Math.round(minStorage / 1024)} GB`].filter(Boolean);
  return `${parts.join(' · ') || t('queue.any')} · ${t('time.min', { m: entry.durationMinutes })}`;
}
