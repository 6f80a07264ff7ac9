// The timeline: devices against time, with what is lent, reserved and out of service. Drag over a lane to book.
import { Booking, Booked } from './booking.js';
import { Grid } from './grid.js';
import { useI18n } from './i18n.js';
import { useFleet, useList, useNow } from './live.js';
import { Around, Empty, useSettled } from './parts.js';
import { html, useMemo, useRef, useState } from './ui.js';

const HOUR = 3600000;
const SPANS = [1, 4, 12, 24, 72, 168];
const STEP = 5 * 60000; // what is dragged snaps to five minutes
const PAST_SHARE = 0.2;
const PAGES = 5;
const PAGE = 200;

export function Timeline({ query, go }) {
  const { t, time, number, language } = useI18n();
  const now = useNow(15);
  const [hours, setHours] = useState(12);
  const [shift, setShift] = useState(0); // by how many hours the window is moved from now
  const [text, setText] = useState(query.get('q') ?? '');
  const [busyOnly, setBusyOnly] = useState(false);
  const [booking, setBooking] = useState(null);
  const [booked, setBooked] = useState(null);
  const start = Math.floor((now + shift * HOUR - hours * HOUR * PAST_SHARE) / STEP) * STEP;
  const end = start + hours * HOUR;
  const hourly = (when) => new Date(Math.floor(when / HOUR) * HOUR).toISOString();

  const fleet = useFleet(10);
  const ended = useList(`/allocations?limit=${PAGE}&from=${hourly(start - 24 * HOUR)}&to=${hourly(end + HOUR)}`, PAGES, 15);
  const reserved = useList(`/reservations?limit=${PAGE}&from=${hourly(start - 24 * HOUR)}&to=${hourly(end + HOUR)}`, PAGES, 15);
  const wanted = useSettled(text.trim().toLowerCase());
  const lanes = useMemo(() => {
    const bars = barsByDevice(fleet.data ?? [], ended.data?.rows ?? [], reserved.data?.rows ?? [], start, end);
    return (fleet.data ?? []).filter((device) => (!wanted || `${device.id} ${device.name} ${device.userId ?? ''}`.toLowerCase().includes(wanted)) && (!busyOnly || bars.has(device.id)))
      .map((device) => ({ device, bars: bars.get(device.id) ?? [] }));
  }, [fleet.data, ended.data, reserved.data, start, end, wanted, busyOnly]);
  const at = (when) => `${Math.min(Math.max((when - start) / (end - start), 0), 1) * 100}%`;
  const ticks = ticksOf(start, end);
  const book = (device, from, to) => setBooking({ device, from: from ?? Math.ceil((now + STEP) / STEP) * STEP, to: to ?? Math.ceil((now + STEP) / STEP) * STEP + HOUR });
  return html`<section class="timeline">
    <header class="view-head"><h1>${t('nav.timeline')}</h1><p class="muted">${t('time.drag')}</p>
      <div class="acts"><button class="primary" onClick=${() => book(null)}>${t('act.book')}</button></div></header>
    <div class="filters">
      <label class="search"><span class="visually-hidden">${t('fleet.search')}</span><input type="search" data-search value=${text} placeholder=${t('fleet.search')} onInput=${(e) => setText(e.target.value)} /></label>
      <div class="chips zoom" role="group" aria-label=${t('time.zoom')}>${SPANS.map((span) => html`<button key=${span} aria-pressed=${span === hours} onClick=${() => setHours(span)}>${span < 48 ? t('time.hours', { h: span }) : t('time.days', { d: span / 24 })}</button>`)}</div>
      <div class="chips zoom" role="group" aria-label=${t('time.move')}><button onClick=${() => setShift(shift - hours / 2)} aria-label=${t('time.earlier')}>‹</button><button onClick=${() => setShift(0)}>${t('time.now')}</button><button onClick=${() => setShift(shift + hours / 2)} aria-label=${t('time.later')}>›</button></div>
      <label class="inline"><input type="checkbox" checked=${busyOnly} onChange=${(e) => setBusyOnly(e.target.checked)} /> ${t('time.busy')}</label>
    </div>
    <p class="legend">${['lent', 'reserved', 'released', 'draining'].map((kind) => html`<span key=${kind}><i class=${`dot ${kind === 'released' ? 'stopped' : kind}`} aria-hidden="true" /> ${t(`legend.${kind}`)}</span>`)}</p>
    ${Object.entries({ ended, reserved }).filter(([, list]) => list.data?.more).map(([kind]) => html`<p key=${kind} class="stale" role="status">${t(`cut.${kind}`, { count: number(PAGES * PAGE) })}</p>`)}
    <${Around} live=${fleet}>
      ${lanes.length === 0 ? html`<${Empty} title=${t('fleet.none')} hint=${t('fleet.noneHint')} />` : html`
        <div class="ruler" aria-hidden="true"><span class="lane-name">${t('fleet.count', { all: number(lanes.length) })}</span><span class="track">${ticks.map((tick) => html`<i key=${tick} style=${{ left: at(tick) }}>${time(tick)}</i>`)}
          ${now > start && now < end && html`<b class="now" style=${{ left: at(now) }} />`}</span></div>
        <${Grid} items=${lanes} label=${t('nav.timeline')} width=${100000} height=${30} gap=${2} keyOf=${(lane) => lane.device.id} version=${`${now} ${start} ${end} ${language}`}
          render=${(lane, attributes) => html`<${Lane} ...${lane} start=${start} end=${end} now=${now} at=${at} ticks=${ticks} attributes=${attributes}
            onBook=${book} onOpen=${(bar) => (bar.reservation ? setBooked(bar.reservation) : go(bar.place))} />`} />`}
    </${Around}>
    ${booking && html`<${Booking} ...${booking} onClose=${(made) => { setBooking(null); if (made) reserved.refresh(); }} />`}
    ${booked && html`<${Booked} one=${booked} onClose=${(changed) => { setBooked(null); if (changed) reserved.refresh(); }} />`}
  </section>`;
}

/** One device: its bars, and the stretch that is being dragged. Enter books, arrow keys are the grid's. */
function Lane({ device, bars, start, end, now, at, ticks, attributes, onBook, onOpen }) {
  const { t, time } = useI18n();
  const track = useRef(null);
  const [drag, setDrag] = useState(null);
  const timeAt = (event) => {
    const box = track.current.getBoundingClientRect();
    return Math.round((start + ((event.clientX - box.left) / box.width) * (end - start)) / STEP) * STEP;
  };
  const down = (event) => {
    if (event.button !== 0 || event.target.closest('button')) return;
    track.current.setPointerCapture(event.pointerId);
    setDrag({ from: timeAt(event), to: timeAt(event) });
  };
  const move = (event) => drag && setDrag({ ...drag, to: timeAt(event) });
  const up = () => {
    if (!drag) return;
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    setDrag(null);
    if (to - from >= STEP && to > now) onBook(device, Math.max(from, Math.ceil((now + STEP) / STEP) * STEP), to);
  };
  const key = (event) => event.key === 'Enter' && event.target === event.currentTarget && onBook(device);
  return html`<div class="lane" role="group" aria-label=${`${device.name}. ${t('time.bookKey')}`} ...${attributes} onKeyDown=${key}>
    <span class="lane-name" title=${device.name}>${device.name}</span>
    <span class="track" ref=${track} onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${() => setDrag(null)}>
      ${ticks.map((tick) => html`<i key=${tick} class="line" style=${{ left: at(tick) }} />`)}
      ${bars.map((bar) => html`<button key=${bar.id} tabindex="-1" class=${`span ${bar.kind}`} style=${{ left: at(bar.from), width: `calc(${at(bar.to)} - ${at(bar.from)})` }}
        aria-label=${`${t(`legend.${bar.legend}`)}, ${bar.who ?? ''}, ${time(bar.from)} – ${time(bar.to)}`} title=${`${bar.who ?? t(`legend.${bar.legend}`)} · ${time(bar.from)} – ${time(bar.to)}`} onClick=${() => onOpen(bar)}>${bar.who ?? ''}</button>`)}
      ${drag && html`<b class="dragged" style=${{ left: at(Math.min(drag.from, drag.to)), width: `calc(${at(Math.max(drag.from, drag.to))} - ${at(Math.min(drag.from, drag.to))})` }}>${time(Math.min(drag.from, drag.to))} – ${time(Math.max(drag.from, drag.to))}</b>`}
      ${now > start && now < end && html`<b class="now" style=${{ left: at(now) }} />`}
    </span>
  </div>`;
}

function barsByDevice(fleet, allocations, reservations, start, end) {
  const found = new Map();
  const add = (device, bar) => {
    if (bar.to <= start || bar.from >= end) return;
    if (!found.has(device)) found.set(device, []);
    found.get(device).push(bar);
  };
  const known = new Set();
  for (const a of allocations) {
    known.add(a.allocationId);
    const live = a.status === 'allocated';
    const to = a.releasedAt ?? a.expiresAt;
    add(a.deviceId, { id: a.allocationId, kind: live ? 'lent' : 'released', legend: live ? 'lent' : 'released', who: a.userId, from: Date.parse(a.allocatedAt), to: to ? Date.parse(to) : end, place: `allocations/${a.allocationId}` });
  }
  for (const device of fleet) {
    if (device.allocationId && !known.has(device.allocationId)) add(device.id, { id: device.allocationId, kind: 'lent', legend: 'lent', who: device.userId, from: start, to: device.expiresAt ? Date.parse(device.expiresAt) : end, place: `allocations/${device.allocationId}` });
    if (device.life !== 'in_service') add(device.id, { id: `out ${device.id}`, kind: `out ${device.life}`, legend: 'draining', from: Date.now(), to: end, place: `fleet?device=${encodeURIComponent(device.id)}` });
  }
  for (const r of reservations) {
    if (r.status === 'pending') add(r.deviceId, { id: r.reservationId, kind: 'reserved', legend: 'reserved', who: r.userId, from: Date.parse(r.startTime), to: Date.parse(r.endTime), reservation: r });
  }
  return found;
}

/** Full hours, or parts or many of them, so that about eight stand on the ruler. */
function ticksOf(start, end) {
  const wide = window.innerWidth > 760 ? 9 : 4;
  const step = [0.25, 0.5, 1, 2, 3, 6, 12, 24, 48].map((h) => h * HOUR).find((s) => (end - start) / s <= wide) ?? 48 * HOUR;
  const offset = new Date().getTimezoneOffset() * 60000;
  const ticks = [];
  for (let at = Math.ceil((start - offset) / step) * step + offset; at < end; at += step) ticks.push(at);
  return ticks;
}
