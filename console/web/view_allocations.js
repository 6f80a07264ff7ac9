// Allocations: the list, and one of them with its story and what can be done about it.
import { send } from './api.js';
import { Explanation } from './explanation.js';
import { ActList } from './view_audit.js';
import { useI18n } from './i18n.js';
import { useList, useLive, useNow } from './live.js';
import { Around, Badge, Confirm, Empty, Facts, Table, useSettled } from './parts.js';
import { html, useState } from './ui.js';

const STATUSES = ['allocated', 'released', 'expired', 'revoked'];

export function Allocations({ subject, query, go }) {
  return subject ? html`<${One} key=${subject} id=${subject} />` : html`<${List} query=${query} go=${go} />`;
}

function List({ query, go }) {
  const { t, time } = useI18n();
  const device = query.get('device') ?? '';
  const [status, setStatus] = useState(device ? '' : 'allocated');
  const [user, setUser] = useState(query.get('user') ?? '');
  const [pages, setPages] = useState(1);
  const wanted = new URLSearchParams({ limit: 50 });
  if (status) wanted.set('status', status);
  if (useSettled(user)) wanted.set('userId', user);
  if (device) wanted.set('deviceId', device);
  const live = useList(`/allocations?${wanted}`, pages);
  const rows = live.data?.rows ?? [];
  return html`<section>
    <header class="view-head"><h1>${t('nav.allocations')}</h1>${device && html`<p class="muted">${t('alloc.ofDevice', { device })} <a href="#allocations">${t('fleet.all')}</a></p>`}</header>
    <div class="filters">
      <label class="search"><span class="visually-hidden">${t('alloc.user')}</span><input type="search" data-search value=${user} placeholder=${t('alloc.user')} onInput=${(e) => setUser(e.target.value.trim())} /></label>
      <label class="inline">${t('alloc.status')}<select value=${status} onChange=${(e) => setStatus(e.target.value)}>
        <option value="">${t('fleet.all')}</option>${STATUSES.map((key) => html`<option value=${key}>${t(`status.${key}`)}</option>`)}</select></label>
    </div>
    <${Around} live=${live}>
      ${rows.length === 0 ? html`<${Empty} title=${t('alloc.none')} hint=${t('alloc.noneHint')} />` : html`
        <${Table} label=${t('nav.allocations')} rows=${rows} keyOf=${(a) => a.allocationId} onOpen=${(a) => go(`allocations/${a.allocationId}`)} columns=${[
          { name: t('alloc.status'), cell: (a) => html`<${Badge} kind=${a.status}>${t(`status.${a.status}`)}</${Badge}>` },
          { name: t('alloc.device'), cell: (a) => html`<a href=${`#allocations/${a.allocationId}`} onClick=${(e) => e.stopPropagation()}>${a.device.name}</a>` },
          { name: t('alloc.holder'), cell: (a) => `${a.userId} · ${a.tenantId}` },
          { name: t('alloc.from'), cell: (a) => time(a.allocatedAt) },
          { name: t('alloc.until'), cell: (a) => time(a.releasedAt ?? a.expiresAt) },
          { name: t('alloc.renewals'), num: true, cell: (a) => a.renewalCount || '' },
        ]} />`}
      ${live.data?.more && html`<p class="more"><button onClick=${() => setPages(pages + 1)}>${t('act.more')}</button></p>`}
    </${Around}>
  </section>`;
}

function One({ id }) {
  const { t, time, left, span, quoted } = useI18n();
  const now = useNow(5);
  const live = useLive(`/allocations/${encodeURIComponent(id)}`, 5);
  const outlook = useLive(`/allocations/${encodeURIComponent(id)}/renewal`, 15);
  const [act, setAct] = useState(null);
  const one = live.data?.data;
  const may = outlook.data?.data;
  const active = one?.status === 'allocated';
  const done = (changed) => {
    setAct(null);
    if (changed) [live, outlook].forEach((polled) => polled.refresh());
  };
  return html`<section class="narrow">
    <header class="view-head"><h1>${one ? `${one.device.name} → ${one.userId}` : t('nav.allocations')}</h1><a href="#allocations">${t('alloc.back')}</a></header>
    <${Around} live=${live}>${one && html`
      <p class="badges"><${Badge} kind=${one.status}>${t(`status.${one.status}`)}</${Badge}>${active && one.expiresAt && html`<b>${left(Date.parse(one.expiresAt) - now)}</b>`}</p>
      ${active && html`<div class="acts">
        <button onClick=${() => setAct('renew')} disabled=${may && !may.canRenew}>${t('act.renew')}</button>
        <button onClick=${() => setAct('failover')}>${t('act.failover')}</button>
        <button class="warns" onClick=${() => setAct('revoke')}>${t('act.revoke')}</button>
        ${may && !may.canRenew && html`<span class="muted">${quoted(may.detail ?? may.reason)}</span>`}
      </div>`}
      <div class="columns"><div>
        <${Facts} of=${[
          [t('alloc.id'), html`<code>${one.allocationId}</code>`],
          [t('alloc.device'), html`<a href=${`#fleet?device=${encodeURIComponent(one.deviceId)}`}>${one.device.name}</a>`],
          [t('alloc.holder'), html`<a href=${`#users/${encodeURIComponent(one.userId)}?tenant=${encodeURIComponent(one.tenantId)}`}>${one.userId}</a> · ${one.tenantId}`],
          [t('alloc.from'), time(one.allocatedAt, true)],
          [t('alloc.until'), one.expiresAt && time(one.expiresAt, true)],
          [t('alloc.ended'), one.releasedAt && time(one.releasedAt, true)],
          [t('alloc.asked'), span(one.durationMinutes * 60000)],
          [t('alloc.billed'), one.durationSeconds === null ? null : span(one.durationSeconds * 1000)],
          [t('alloc.fence'), one.fencingToken],
          [t('alloc.renewLeft'), may && (may.remainingRenewals < 0 ? t('quota.unlimited') : may.remainingRenewals)],
          [t('alloc.metadata'), one.metadata && html`<code>${JSON.stringify(one.metadata)}</code>`],
        ]} /></div>
      <div><h2>${t('alloc.story')}</h2><${Story} one=${one} history=${may?.history ?? []} />
        <h2>${t('device.acts')}</h2><${ActList} entity=${id} /></div></div>
      <${Explanation} id=${id} />
      ${act && html`<${Act} act=${act} one=${one} may=${may} onClose=${done} />`}
    `}</${Around}>
  </section>`;
}

/** What happened to it, oldest first. */
function Story({ one, history }) {
  const { t, time } = useI18n();
  const events = [
    [one.allocatedAt, t('story.granted', { device: one.device.name }), 'allocated'],
    ...history.map((past) => [past.renewedAt, t('story.renewed', { minutes: past.additionalMinutes, time: time(past.newExpiresAt) }), 'allocated']),
  ];
  if (one.releasedAt) events.push([one.releasedAt, t(`story.${one.status}`), one.status]);
  else if (one.expiresAt) events.push([one.expiresAt, t('story.due'), 'pending']);
  events.sort((a, b) => a[0].localeCompare(b[0]));
  return html`<ol class="story">${events.map(([when, text, kind]) => html`<li><i class=${`dot ${kind}`} aria-hidden="true" /><span>${text}</span><time datetime=${when}>${time(when, true)}</time></li>`)}</ol>`;
}

function Act({ act, one, may, onClose }) {
  const { t, time } = useI18n();
  const path = `/allocations/${encodeURIComponent(one.allocationId)}/${act}`;
  const run = async ({ reason, number }) => {
    if (act === 'renew') {
      const { data } = await send('POST', path, { additionalMinutes: number, ...(reason ? { reason } : {}) });
      return t('done.renew', { time: time(data.newExpiresAt) });
    }
    const { data } = await send('POST', path, { reason });
    return t(`done.${act}`, { device: data.deviceId });
  };
  const most = may?.maxAdditionalMinutes ?? 60;
  return html`<${Confirm} title=${t(`confirm.${act}`, { who: one.userId, name: one.device.name })} verb=${t(`act.${act}`)} danger=${act !== 'renew'}
    reason=${act === 'renew' ? 'optional' : 'required'} number=${act === 'renew' ? { label: t('alloc.minutes', { most }), min: 1, max: most, value: Math.min(30, most) } : null}
    effects=${[t(`effects.${act}`), t(`effects.${act}Then`), t('effects.logged')]} run=${run} onClose=${onClose} />`;
}
