// The fleet: each device a tile, coloured by its state, with who has it and until when.
import { DeviceSheet } from './device.js';
import { Grid } from './grid.js';
import { useI18n } from './i18n.js';
import { Lend } from './lend.js';
import { useFleet, useNow } from './live.js';
import { Around, Empty, useSettled } from './parts.js';
import { html, useMemo, useState } from './ui.js';

const SOON = 15 * 60 * 1000;
export const STATES = ['lent', 'overdue', 'free', 'reserved', 'draining', 'recycling', 'maintenance', 'stopped', 'error', 'quarantined'];

/** What is most worth knowing of a device, as one word. */
export function stateOf(device, now) {
  if (device.life !== 'in_service') return device.life;
  if (device.allocationId) return device.expiresAt && Date.parse(device.expiresAt) < now ? 'overdue' : 'lent';
  if (device.status !== 'running') return device.status;
  return device.nextReservedAt && Date.parse(device.nextReservedAt) - now < SOON ? 'reserved' : 'free';
}

const ORDERS = {
  id: () => 0,
  ends: (a, b) => (a.device.expiresAt ?? '~').localeCompare(b.device.expiresAt ?? '~'),
  health: (a, b) => a.device.healthScore - b.device.healthScore,
  user: (a, b) => (a.device.userId ?? '~').localeCompare(b.device.userId ?? '~'),
};

export function Fleet({ query, go }) {
  const { t, number, language } = useI18n();
  const live = useFleet();
  const now = useNow();
  const [text, setText] = useState(query.get('q') ?? '');
  const [state, setState] = useState(query.get('state') ?? '');
  const [order, setOrder] = useState('id');
  const [dense, setDense] = useState(false);
  const [lending, setLending] = useState(false);
  const wanted = useSettled(text.trim().toLowerCase());

  const all = useMemo(() => (live.data ?? []).map((device) => ({ device, state: stateOf(device, now) })), [live.data, now]);
  const counts = useMemo(() => {
    const found = {};
    for (const one of all) found[one.state] = (found[one.state] ?? 0) + 1;
    return found;
  }, [all]);
  const shown = useMemo(() => {
    const matching = all.filter((one) => (!state || one.state === state) && (!wanted || matches(one.device, wanted)));
    return order === 'id' ? matching : matching.sort(ORDERS[order]);
  }, [all, state, wanted, order]);

  const open = query.get('device');
  const opened = open && (live.data ?? []).find((device) => device.id === open);
  return html`<section>
    <header class="view-head">
      <h1>${t('fleet.title')}</h1>
      <p class="muted" aria-live="polite">${live.data && t(shown.length === all.length ? 'fleet.count' : 'fleet.some', { shown: number(shown.length), all: number(all.length) })}</p>
      <div class="acts"><button class="primary" onClick=${() => setLending(true)}>${t('act.lendTo')}</button></div>
    </header>
    <div class="filters">
      <label class="search"><span class="visually-hidden">${t('fleet.search')}</span>
        <input type="search" value=${text} placeholder=${t('fleet.search')} onInput=${(e) => setText(e.target.value)} data-search /></label>
      <label class="inline">${t('fleet.order')}
        <select value=${order} onChange=${(e) => setOrder(e.target.value)}>${Object.keys(ORDERS).map((key) => html`<option value=${key}>${t(`order.${key}`)}</option>`)}</select></label>
      <label class="inline"><input type="checkbox" checked=${dense} onChange=${(e) => setDense(e.target.checked)} /> ${t('fleet.dense')}</label>
    </div>
    <div class="chips" role="group" aria-label=${t('fleet.states')}>
      <button aria-pressed=${!state} onClick=${() => setState('')}>${t('fleet.all')} <b>${number(all.length)}</b></button>
      ${STATES.filter((key) => counts[key] || key === state).map((key) => html`<button key=${key} aria-pressed=${state === key} onClick=${() => setState(state === key ? '' : key)}>
        <i class=${`dot ${key}`} aria-hidden="true" />${t(`device.${key}`)} <b>${number(counts[key] ?? 0)}</b></button>`)}
    </div>
    <${Around} live=${live}>
      ${shown.length > 0 && html`<${Grid} items=${shown} label=${t('fleet.title')} width=${dense ? 26 : 156} height=${dense ? 26 : 66} gap=${dense ? 4 : 8}
        keyOf=${(one) => one.device.id} version=${`${now} ${dense} ${language}`}
        render=${(one, attributes) => html`<${Tile} ...${one} now=${now} dense=${dense} attributes=${attributes} onOpen=${() => go(`fleet?device=${encodeURIComponent(one.device.id)}`)} />`} />`}
      ${shown.length === 0 && all.length > 0 && html`<${Empty} title=${t('fleet.none')} hint=${t('fleet.noneHint')}>
        <button onClick=${() => { setText(''); setState(''); }}>${t('fleet.clear')}</button></${Empty}>`}
      ${all.length === 0 && html`<${Empty} title=${t('fleet.empty')} hint=${t('fleet.emptyHint')} />`}
    </${Around}>
    ${open && live.data && html`<${DeviceSheet} id=${open} glance=${opened} onClose=${() => go('fleet')} onChanged=${live.refresh} />`}
    ${lending && html`<${Lend} onClose=${() => setLending(false)} onLent=${live.refresh} />`}
  </section>`;
}

function matches(device, wanted) {
  return [device.id, device.name, device.deviceType, device.userId, device.userTenantId, device.tenantId].some((text) => text && text.toLowerCase().includes(wanted));
}

function Tile({ device, state, now, dense, attributes, onOpen }) {
  const { t, left, time } = useI18n();
  const who = device.userId ? `${device.userId}${device.userTenantId && device.userTenantId !== 'default' ? ` · ${device.userTenantId}` : ''}` : null;
  const until = device.expiresAt ? time(device.expiresAt) : null;
  const next = device.nextReservedAt ? time(device.nextReservedAt) : null;
  const words = [device.name, t(`device.${state}`), who && t('fleet.with', { who }), until && t('fleet.until', { time: until }), t('fleet.health', { score: device.healthScore })].filter(Boolean).join(', ');
  if (dense) return html`<button class=${`tile dense ${state}`} aria-label=${words} title=${words} onClick=${onOpen} ...${attributes} />`;
  return html`<button class=${`tile ${state}`} title=${words} onClick=${onOpen} ...${attributes}>
    <span class="tile-name">${device.name}</span>${who && html`<span class="visually-hidden">${t(`device.${state}`)}</span>`}
    <span class="tile-who">${who ?? (next && state === 'reserved' ? t('fleet.next', { time: next }) : t(`device.${state}`))}</span>
    <span class="tile-foot"><span>${until && html`<span class="visually-hidden">${t('fleet.until', { time: until })}, </span>`}${until ? left(Date.parse(device.expiresAt) - now) : `${device.cpuCores} CPU · ${Math.round(device.memoryMB / 1024)} GB`}</span>
      ${device.healthScore < 100 && html`<span class=${`health ${device.healthScore < 50 ? 'bad' : 'fair'}`}>${device.healthScore}</span>`}</span>
  </button>`;
}
