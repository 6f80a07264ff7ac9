// Users: what each may have and has, and what they used.
import { send } from './api.js';
import { useI18n } from './i18n.js';
import { useFleet, useList, useLive } from './live.js';
import { Around, Badge, Bar, Confirm, Dialog, Empty, Facts, Table } from './parts.js';
import { html, useMemo, useState } from './ui.js';

export function Users({ subject, query, go }) {
  return subject ? html`<${One} key=${subject} user=${subject} tenant=${query.get('tenant')} go=${go} />` : html`<${List} go=${go} />`;
}

function List({ go }) {
  const { t, number } = useI18n();
  const fleet = useFleet(10);
  const usage = useList('/usage?groupBy=user&limit=200', 3, 60);
  const [text, setText] = useState('');
  const users = useMemo(() => {
    const found = new Map();
    const of = (user, tenant) => {
      const key = `${tenant} ${user}`;
      if (!found.has(key)) found.set(key, { key, user, tenant, devices: 0, cores: 0, seconds: 0, allocations: 0 });
      return found.get(key);
    };
    for (const device of fleet.data ?? []) {
      if (device.userId) {
        const one = of(device.userId, device.userTenantId);
        one.devices += 1;
        one.cores += device.cpuCores;
      }
    }
    for (const line of usage.data?.rows ?? []) {
      const one = of(line.userId, line.tenantId);
      one.seconds += line.billedSeconds;
      one.allocations += line.allocations;
    }
    return [...found.values()].sort((a, b) => b.devices - a.devices || b.seconds - a.seconds);
  }, [fleet.data, usage.data]);
  const wanted = text.trim().toLowerCase();
  const shown = users.filter((one) => !wanted || one.key.toLowerCase().includes(wanted));
  const place = (one) => `users/${encodeURIComponent(one.user)}?tenant=${encodeURIComponent(one.tenant)}`;
  return html`<section>
    <header class="view-head"><h1>${t('nav.users')}</h1><p class="muted">${t('users.hint')}</p></header>
    <form class="filters" onSubmit=${(event) => { event.preventDefault(); if (text.trim()) go(shown.length === 1 ? place(shown[0]) : `users/${encodeURIComponent(text.trim())}`); }}>
      <label class="search"><span class="visually-hidden">${t('users.search')}</span><input type="search" data-search value=${text} placeholder=${t('users.search')} onInput=${(e) => setText(e.target.value)} /></label>
      <button>${t('users.open')}</button>
    </form>
    <${Around} live=${fleet}>
      ${shown.length === 0 ? html`<${Empty} title=${t('users.none')} hint=${t('users.noneHint')} />` : html`<${Table} label=${t('nav.users')} rows=${shown.slice(0, 500)} keyOf=${(one) => one.key} onOpen=${(one) => go(place(one))} columns=${[
        { name: t('users.user'), cell: (one) => html`<a href=${`#${place(one)}`} onClick=${(e) => e.stopPropagation()}>${one.user}</a>` },
        { name: t('users.tenant'), cell: (one) => one.tenant },
        { name: t('users.devices'), num: true, cell: (one) => html`<b>${number(one.devices)}</b>` },
        { name: t('users.cores'), num: true, cell: (one) => number(one.cores) },
        { name: t('users.allocations'), num: true, cell: (one) => number(one.allocations) },
        { name: t('users.billed'), num: true, cell: (one) => number(one.seconds / 3600) },
      ]} />`}
    </${Around}>
  </section>`;
}

function One({ user, tenant, go }) {
  const { t, time, span, number } = useI18n();
  const named = tenant ? `tenantId=${encodeURIComponent(tenant)}` : '';
  const quota = useLive(`/quotas/${encodeURIComponent(user)}?${named}`, 10);
  const [pages, setPages] = useState(1);
  const ledger = useList(`/allocations?userId=${encodeURIComponent(user)}&limit=50${named && `&${named}`}`, pages, 10);
  const [editing, setEditing] = useState(false);
  const [change, setChange] = useState(null);
  const one = quota.data?.data;
  const rows = ledger.data?.rows ?? [];
  const run = async () => {
    await send('PUT', `/quotas/${encodeURIComponent(user)}`, change);
    return t('done.quota', { who: user });
  };
  return html`<section class="narrow">
    <header class="view-head"><h1>${user}</h1>${one && html`<${Badge} kind=${one.status === 'active' ? 'free' : 'error'}>${t(`quota.${one.status}`)}</${Badge}>`}<a href="#users">${t('users.back')}</a></header>
    <div class="columns">
      <div><h2>${t('quota.title')}</h2><${Around} live=${quota}>${one && html`
        <${Bar} label=${t('users.devices')} used=${one.usage.currentDevices} limit=${one.limits.maxDevices} />
        <${Bar} label=${t('users.cores')} used=${one.usage.usedCpuCores} limit=${one.limits.totalCpuCores} />
        <${Bar} label=${t('device.memory')} used=${one.usage.usedMemoryGB} limit=${one.limits.totalMemoryGB} unit=" GB" />
        <${Bar} label=${t('device.storage')} used=${one.usage.usedStorageGB} limit=${one.limits.totalStorageGB} unit=" GB" />
        <${Facts} of=${[[t('quota.plan'), one.planName], [t('users.tenant'), one.tenantId], [t('quota.valid'), one.validUntil && time(one.validUntil)], [t('quota.perDevice'), one.limits.maxCpuCoresPerDevice && `${one.limits.maxCpuCoresPerDevice} CPU`]]} />
        <div class="acts"><button onClick=${() => setEditing(true)}>${t('act.quota')}</button></div>`}</${Around}></div>
      <div><h2>${t('quota.ledger')}</h2><${Around} live=${ledger}>
        ${rows.length === 0 ? html`<${Empty} title=${t('alloc.none')} />` : html`<${Table} label=${t('quota.ledger')} rows=${rows} keyOf=${(a) => a.allocationId} onOpen=${(a) => go(`allocations/${a.allocationId}`)} columns=${[
          { name: t('alloc.from'), cell: (a) => time(a.allocatedAt) },
          { name: t('alloc.device'), cell: (a) => html`<a href=${`#allocations/${a.allocationId}`}>${a.device.name}</a>` },
          { name: t('alloc.status'), cell: (a) => html`<${Badge} kind=${a.status}>${t(`status.${a.status}`)}</${Badge}>` },
          { name: t('alloc.billed'), num: true, cell: (a) => (a.durationSeconds === null ? '' : span(a.durationSeconds * 1000)) },
        ]} />`}
        ${ledger.data?.more && html`<p class="more"><button onClick=${() => setPages(pages + 1)}>${t('act.more')}</button></p>`}</${Around}></div>
    </div>
    ${editing && html`<${Edit} one=${one} onClose=${(wanted) => { setEditing(false); if (wanted) setChange(wanted); }} />`}
    ${change && html`<${Confirm} title=${t('confirm.quota', { who: user })} verb=${t('act.quota')} run=${run} onClose=${(changed) => { setChange(null); if (changed) quota.refresh(); }}
      effects=${[t('effects.quotaPlan', { plan: change.planName, was: one.planName }), change.limits ? t('effects.quotaMost', { most: number(change.limits.maxDevices) }) : t('effects.quotaLimits'), t(change.status === 'active' ? 'effects.quotaExcess' : 'effects.quotaStop'), t('effects.logged')]} />`}
  </section>`;
}

/** What the new quota shall be; asked back before it is sent. */
function Edit({ one, onClose }) {
  const { t } = useI18n();
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const most = form.get('most');
    onClose({ tenantId: one.tenantId, planName: form.get('plan').trim(), status: form.get('status'), ...(most ? { limits: { maxDevices: Number(most) } } : {}) });
  };
  return html`<${Dialog} title=${t('confirm.quota', { who: one.userId })} onClose=${() => onClose(null)}><form class="stack" onSubmit=${submit}>
    <label>${t('quota.plan')}<input name="plan" list="plans" required maxlength="50" value=${one.planName} /></label>
    <datalist id="plans">${['free', 'basic', 'pro', 'enterprise'].map((name) => html`<option value=${name} />`)}</datalist>
    <label>${t('quota.state')}<select name="status">${['active', 'suspended', 'expired'].map((key) => html`<option value=${key} selected=${key === one.status}>${t(`quota.${key}`)}</option>`)}</select></label>
    <label>${t('quota.most')}<input name="most" type="number" min="0" max="100000" placeholder=${t('quota.asPlan')} /></label>
    <footer><button type="button" onClick=${() => onClose(null)}>${t('act.cancel')}</button><button class="primary">${t('act.next')}</button></footer>
  </form></${Dialog}>`;
}
