// Health: the parts, the invariants, what is parked, and how busy it is.
import { send } from './api.js';
import { Chart } from './chart.js';
import { useI18n } from './i18n.js';
import { useLive } from './live.js';
import { Around, Badge, Confirm, Dialog, Figures, Table } from './parts.js';
import { html, useEffect, useState } from './ui.js';

const KEPT = 360;
const CIRCUITS = { closed: 'up', half_open: 'degraded', open: 'down' };
const samples = { times: [], grants: [], ends: [], waiting: [], wait: [], last: null }; // since this tab was opened

export function Health() {
  const { t, number, time, span } = useI18n();
  const health = useLive('/health', 10);
  const totals = useLive('/allocations/stats', 5);
  const queue = useLive('/queue/stats', 5);
  const audit = useLive('/audit', 60);
  const parked = useLive('/dlqs', 15);
  const [redrive, setRedrive] = useState(null);
  const [broken, setBroken] = useState(null);
  const curves = useSamples(totals, queue);
  const told = totals.data?.data;
  const waits = health.data?.data.outbox;
  const run = async () => {
    const { data } = await send('POST', `/dlqs/${encodeURIComponent(redrive.name)}/redrive`, {});
    return t('done.redrive', { moved: data.moved, left: data.left });
  };
  return html`<section>
    <header class="view-head"><h1>${t('nav.health')}</h1>${health.data && html`<${Badge} kind=${health.data.data.status}>${t(`health.${health.data.data.status}`)}</${Badge}>`}</header>
    <${Around} live=${health}><div class="badges">${Object.entries(health.data?.data.parts ?? {}).map(([name, state]) => html`<${Badge} kind=${state}>${name}: ${t(`health.${state}`)}</${Badge}>`)}
      ${Object.entries(health.data?.data.circuits ?? {}).map(([name, state]) => html`<${Badge} kind=${CIRCUITS[state] ?? 'degraded'}>${t('health.circuit', { name })}: ${t(`circuit.${state}`)}</${Badge}>`)}</div></${Around}>
    ${(told || waits) && html`<${Figures} of=${[
      ...(waits ? [[t('health.outbox'), number(waits.unpublished) + (waits.unpublished >= 1000 ? '+' : ''), waits.oldestSeconds === null ? null : t('health.oldest', { time: span(waits.oldestSeconds * 1000) })]] : []),
      ...(told ? [[t('health.active'), number(told.activeAllocations)], [t('health.utilisation'), `${number(told.utilisation * 100)} %`], [t('health.total'), number(told.totalAllocations)], [t('health.strategy'), told.strategy.replaceAll('_', ' ')]] : []),
    ]} />`}
    <div class="columns even">
      <${Chart} label=${t('health.throughput')} times=${curves.times} series=${[{ label: t('health.grants'), values: curves.grants, colour: 'lent' }, { label: t('health.ends'), values: curves.ends, colour: 'free' }]} />
      <${Chart} label=${t('health.waits')} times=${curves.times} series=${[{ label: t('queue.waiting'), values: curves.waiting, colour: 'reserved' }, { label: t('health.p90'), values: curves.wait, colour: 'overdue' }]} />
    </div>
    <p class="muted small">${t('health.since')}</p>
    <div class="columns">
      <div><h2>${t('health.invariants')}</h2>
        <${Around} live=${audit}>${audit.data && html`<ul class="plainlist">${audit.data.data.invariants.map((one) => html`<li key=${one.id}>
          <${Badge} kind=${one.holds ? 'holds' : 'broken'}>${one.id} ${t(one.holds ? 'health.holds' : 'health.broken')}</${Badge}> <span>${one.statement}
          ${!one.holds && html` <button class="link" onClick=${() => setBroken(one)}>${t('health.rows', { count: one.count })}</button>`}</span></li>`)}</ul>
          <p class="muted small">${t('health.asked', { time: time(audit.at, true) })} ${audit.data.data.lastFullRun && t('health.full', { time: time(audit.data.data.lastFullRun.startedAt) })}</p>`}</${Around}></div>
      <div><h2>${t('health.parked')}</h2>
        <${Around} live=${parked}>${parked.data && html`<${Table} label=${t('health.parked')} rows=${parked.data.data} keyOf=${(q) => q.name} columns=${[
          { name: t('health.queue'), cell: (q) => q.name },
          { name: t('health.messages'), num: true, cell: (q) => html`<b class=${q.waiting ? 'bad' : 'muted'}>${number(q.waiting)}</b>` },
          { name: html`<span class="visually-hidden">${t('table.acts')}</span>`, cell: (q) => html`<button disabled=${!q.waiting} onClick=${() => setRedrive(q)} aria-label=${`${t('act.redrive')} ${q.name}`}>${t('act.redrive')}</button>` },
        ]} />`}</${Around}></div>
    </div>
    ${redrive && html`<${Confirm} title=${t('confirm.redrive', { name: redrive.name })} verb=${t('act.redrive')} danger=${false} effects=${[t('effects.redrive', { count: number(redrive.waiting) }), t('effects.redriveThen'), t('effects.logged')]}
      run=${run} onClose=${(changed) => { setRedrive(null); if (changed) parked.refresh(); }} />`}
    ${broken && html`<${Dialog} title=${`${broken.id}: ${broken.statement}`} side onClose=${() => setBroken(null)}>
      ${broken.findings.map((found) => html`<h3>${found.check} · ${found.count}</h3>${found.rows.map((row) => html`<p class="card"><code>${JSON.stringify(row)}</code></p>`)}`)}</${Dialog}>`}
  </section>`;
}

/** Add to the curves what the running totals have grown by since they were asked last, by the minute. */
function useSamples(totals, queue) {
  const [curves, setCurves] = useState(() => ({ ...samples }));
  useEffect(() => {
    if (!totals.data || !queue.data) return undefined;
    const take = () => {
      const { totalAllocations: granted, activeAllocations: active } = totals.data.data;
      const now = Date.now();
      const last = samples.last;
      samples.last = { now, granted, ended: granted - active };
      const minutes = last ? (now - last.now) / 60000 : 0;
      if (minutes < 0.03) {
        if (last) samples.last = last;
        return;
      }
      const add = (name, value) => {
        samples[name] = [...samples[name].slice(1 - KEPT), value];
      };
      add('times', now / 1000);
      add('grants', Math.round((granted - last.granted) / minutes));
      add('ends', Math.round((granted - active - last.ended) / minutes));
      add('waiting', queue.data.data.waiting);
      add('wait', queue.data.data.waitSeconds ? Math.round(queue.data.data.waitSeconds.p90 / 60) : null);
      setCurves({ ...samples });
    };
    take();
    const timer = setInterval(take, 5000);
    return () => clearInterval(timer);
  }, [totals.data, queue.data]);
  return curves;
}
