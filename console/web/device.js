// One device: all that is known of it, and what can be done with it.
import { send } from './api.js';
import { useI18n } from './i18n.js';
import { useLive } from './live.js';
import { Around, Badge, Bar, Confirm, Dialog, Facts } from './parts.js';
import { html, useState } from './ui.js';

/** Which acts a life allows; each names its texts: act.<name>, effects.<name>. */
const ACTS = {
  drain: ['in_service', 'recycling'],
  quarantine: ['in_service', 'draining', 'recycling'],
  restore: ['draining', 'quarantined', 'recycling'],
  recycled: ['recycling'],
  delete: ['in_service', 'draining', 'quarantined', 'recycling'],
};
const REASONED = new Set(['quarantine']);
const HARMLESS = new Set(['restore', 'recycled']);

export function DeviceSheet({ id, glance, onClose, onChanged }) {
  const { t, time, number } = useI18n();
  const path = `/devices/${encodeURIComponent(id)}`;
  const live = useLive(path, 10);
  const [act, setAct] = useState(null);
  const device = live.data?.data;
  const done = (changed) => {
    setAct(null);
    if (!changed) return;
    onChanged();
    if (act === 'delete') onClose();
    else live.refresh();
  };
  const run = async ({ reason }) => {
    if (act === 'delete') await send('DELETE', path);
    else await send('POST', `${path}/${act}`, REASONED.has(act) && reason ? { reason } : {});
    return t(`done.${act}`, { name: device.name });
  };
  return html`<${Dialog} title=${device?.name ?? glance?.name ?? id} side onClose=${onClose}>
    <${Around} live=${live}>${device && html`
      <p class="badges"><${Badge} kind=${device.life === 'in_service' ? device.status : device.life}>${t(`device.${device.life === 'in_service' ? device.status : device.life}`)}</${Badge}>
        ${device.lifeReason && html`<span class="muted">${device.lifeReason}</span>`}</p>
      ${device.activeAllocationId && html`<a class="card" href=${`#allocations/${device.activeAllocationId}`}>
        <b>${glance?.userId ?? t('device.lent')}</b>
        <span class="muted">${device.busyUntil ? t('fleet.until', { time: time(device.busyUntil) }) : ''}</span></a>`}
      ${device.nextReservation && html`<p class="card"><b>${t('device.next')}</b><span class="muted">${time(device.nextReservation.startTime)} – ${time(device.nextReservation.endTime)}</span></p>`}
      <h3>${t('device.healthTitle')}</h3>
      <${Bar} label=${t('device.score')} used=${device.healthScore} limit=${100} good />
      ${device.heartbeat && html`
        <${Bar} label="CPU" used=${Math.round(device.heartbeat.cpuUsage)} limit=${100} unit=" %" />
        <${Bar} label=${t('device.memory')} used=${Math.round(device.heartbeat.memoryUsage)} limit=${100} unit=" %" />
        <${Bar} label=${t('device.storage')} used=${Math.round(device.heartbeat.storageUsage)} limit=${100} unit=" %" />`}
      <${Facts} of=${[
        [t('device.id'), html`<code>${device.id}</code>`],
        [t('device.type'), device.deviceType],
        [t('device.model'), device.model],
        [t('device.size'), `${device.cpuCores} CPU · ${number(device.memoryMB)} MB · ${number(device.storageMB)} MB`],
        [t('device.host'), device.host],
        [t('device.tenant'), device.tenantId ?? t('device.shared')],
        [t('device.failures'), device.failuresInRow || null],
        [t('device.heartbeat'), device.heartbeat ? time(device.heartbeat.observedAt, true) : t('device.silent')],
        [t('device.lastLent'), device.lastAllocatedAt && time(device.lastAllocatedAt)],
      ]} />
      <p class="links"><a href=${`#allocations?device=${encodeURIComponent(id)}`}>${t('device.history')}</a> <a href=${`#audit?entityId=${encodeURIComponent(id)}`}>${t('device.acts')}</a></p>
      <div class="acts">${Object.keys(ACTS).filter((name) => ACTS[name].includes(device.life)).map((name) => html`<button key=${name} class=${HARMLESS.has(name) ? '' : 'warns'} onClick=${() => setAct(name)}>${t(`act.${name}`)}</button>`)}</div>
      ${act && html`<${Confirm} title=${t(`confirm.${act}`, { name: device.name })} verb=${t(`act.${act}`)} danger=${!HARMLESS.has(act)} reason=${REASONED.has(act) && 'optional'}
        effects=${effectsOf(t, act, device, glance)} run=${run} onClose=${done} />`}
    `}</${Around}>
  </${Dialog}>`;
}

function effectsOf(t, act, device, glance) {
  const lines = [t(`effects.${act}`)];
  if (device.activeAllocationId && act !== 'restore') lines.push(t(act === 'drain' ? 'effects.finishes' : 'effects.moves', { who: glance?.userId ?? '' }));
  if (device.nextReservation && act !== 'restore') lines.push(t('effects.reserved'));
  return [...lines, t('effects.logged')];
}
