// The server as a whole: what it is, what it does, how fast, with whom.

import {Chart} from './chart.js';
import {byId, element, own, renew, setText, table} from './dom.js';
import {byteSize, count, digits, duration, short, time, visible} from './text.js';

const ROLES = {
  looking: 'Looking', standalone: 'Standalone', leader: 'Leader', follower: 'Follower', observer: 'Observer',
  'read-only': 'Read-only',
};
const TILES = [
  ['role', 'Role'], ['requests', 'Requests / s'], ['read', 'Reads take'], ['write', 'Writes take'],
  ['sessions', 'Sessions'], ['watches', 'Watches'], ['znodes', 'Znodes'], ['waiting', 'Requests waiting'],
];
const LATENCIES = [['readlatency', 'Reads'], ['updatelatency', 'Writes']];
const QUANTILES = [['p50', 'p50'], ['p95', 'p95'], ['p99', 'p99'], ['p999', 'p99.9'], ['max', 'max']];

/** Milliseconds, of which the server counts whole ones. */
function latency(ms) {
  return ms === 0 ? '<1' : digits(ms);
}

/** One summary of the metrics, by the parts of its name: {p50: 0, ...}, or null without a count. */
function summary(metrics, name) {
  const parts = ['cnt', 'sum', 'avg', ...QUANTILES.map(([part]) => part)];
  const found = Object.fromEntries(parts.map((part) => [part, metrics[`${part}_${name}`]]));
  return found.cnt === undefined ? null : found;
}

export class Overview {
  constructor() {
    this.tiles = {};
    for (const [key, title] of TILES) {
      const value = element('dd', {class: 'value'}, '–'), note = element('dd', {class: 'muted'});
      byId('tiles').append(element('div', {class: 'tile', 'data-tile': key}, element('dt', {}, title), value, note));
      this.tiles[key] = {value, note};
    }
    this.chart = new Chart(byId('chart'), byId('legend'), ['Reads', 'Writes']);
    this.before = null;
  }

  showAbout({configuration, environment}) {
    const host = environment?.['host.name'], port = configuration?.client_port;
    const id = configuration?.server_id;
    setText(byId('server-name'), host ? visible(host) : 'Vivarium');
    this.place = [configuration?.membership ? `server ${id}` : null, port > 0 ? `port ${port}` : null]
      .filter(Boolean).join(', ');
    document.title = host ? `${visible(host)} – Vivarium` : 'Vivarium';
  }

  show(status) {
    const metrics = status.monitor ?? {};
    this.showTiles(status, metrics);
    this.showLatency(metrics);
    this.showMembers(status);
    this.showSlow(status.slow_requests);
    const version = metrics.version?.split(',')[0];
    setText(byId('server-facts'), [this.place, version && `version ${visible(version)}`,
      metrics.uptime !== undefined && `up ${duration(metrics.uptime)}`,
      `zxid ${status.last_zxid}`].filter(Boolean).join(' · '));
    this.before = metrics.uptime === undefined ? null : metrics;
  }

  tile(key, value, note = '') {
    setText(this.tiles[key].value, value);
    setText(this.tiles[key].note, note);
  }

  showTiles(status, metrics) {
    const refused = status.monitor?.error;
    this.tile('role', ROLES[status.role] ?? status.role, refused ? visible(refused) : this.roleNote(status, metrics));
    byId('tiles').dataset.role = status.role;
    if (metrics.uptime === undefined) {
      for (const [key] of TILES.slice(1)) this.tile(key, '–');
      return;
    }
    this.showRates(metrics);
    const watched = status.watch_summary;
    this.tile('sessions', short(metrics.global_sessions), `${count(metrics.num_alive_connections)} connected here`);
    this.tile('watches', short(metrics.watch_count),
      watched?.num_paths === undefined ? '' : `data of ${count(watched.num_paths)} ${watched.num_paths === 1 ? 'path' : 'paths'}`);
    this.tile('znodes', short(metrics.znode_count),
      `${byteSize(metrics.approximate_data_size)}; ${count(metrics.ephemerals_count)} ephemeral`);
    setText(byId('connections-count'), `${count(metrics.num_alive_connections)} here`);
    this.tile('waiting', short(metrics.outstanding_requests), metrics.writes_refused ? 'writes refused: disk full' : '');
  }

  roleNote(status, metrics) {
    if (status.role === 'leader')
      return `${metrics.synced_followers} of ${metrics.quorum_size - 1} followers synced`;
    const leader = status.members?.members?.find((member) => member.is_leader);
    if (leader && !leader.is_self) return `of server ${leader.sid}`;
    return status.role === 'looking' ? 'not serving: no leader, or still reading its state' : '';
  }

  showRates(metrics) {
    const before = this.before;
    const seconds = before ? (metrics.uptime - before.uptime) / 1000 : 0;
    if (seconds < 0) this.chart.clear();
    if (seconds <= 0) {
      if (!before) this.tile('requests', '…');
      return;
    }
    // Statistics may have been set to zero meanwhile.
    const grown = (key) => Math.max(0, metrics[key] - before[key]);
    this.tile('requests', short(Math.round(grown('packets_received') / seconds)), 'pings included');
    this.chart.add(LATENCIES.map(([name]) => Math.round(grown(`cnt_${name}`) / seconds)));
    for (const [key, [name]] of [['read', LATENCIES[0]], ['write', LATENCIES[1]]]) {
      const answered = grown(`cnt_${name}`);
      const p99 = metrics[`p99_${name}`];
      this.tile(key, answered ? `${latency(grown(`sum_${name}`) / answered)} ms` : 'idle',
        metrics[`cnt_${name}`] ? `p99 ${latency(p99)} ms overall` : '');
    }
  }

  /** Reads and writes, then whatever stages the server measures. */
  showLatency(metrics) {
    const stages = Object.keys(metrics).filter((key) => key.startsWith('cnt_stage_')).map((key) => key.slice(4));
    const named = [...LATENCIES, ...stages.map((name) => [name, name.slice(6).replaceAll('_', ' ')])];
    const rows = named.map(([name, title]) => [title, summary(metrics, name)]).filter(([, found]) => found);
    renew(byId('latency'), rows, () => rows.length === 0
      ? [element('p', {class: 'empty'}, 'The server tells no latencies.')]
      : [table('Latency since the start, in milliseconds',
        [{title: 'of'}, ...QUANTILES.map(([, title]) => ({title, number: true})), {title: 'count', number: true}],
        rows.map(([title, found]) => [visible(title),
          ...QUANTILES.map(([part]) => (found.cnt && found[part] !== undefined ? latency(found[part]) : '–')),
          short(found.cnt)]))]);
  }

  showMembers(status) {
    const members = status.members?.members ?? [];
    renew(byId('members'), [status.role, members], () => {
      if (members.length === 0) return [element('p', {class: 'empty'}, 'This server runs alone.')];
      const leads = status.role === 'leader';
      const rows = members.map((member) => [
        member.is_self ? element('strong', {}, `${member.sid} (this)`) : member.sid,
        member.is_leader ? element('strong', {}, 'leader') : member.voting ? 'voter' : 'observer',
        ...(leads ? [member.synced ? 'synced' : element('strong', {class: 'bad'}, 'not synced')] : []),
        own(visible(member.quorum_address)),
        ...(leads ? [member.is_self ? status.last_zxid : member.last_zxid ?? '–'] : []),
      ]);
      return [table('Members of the ensemble', [{title: 'server'}, {title: 'role'}, ...(leads ? [{title: 'state'}] : []),
        {title: 'address'}, ...(leads ? [{title: 'acknowledged'}] : [])], rows)];
    });
  }

  /** Any list of flat records: which fields there are is the server's business. */
  showSlow(slow) {
    const found = Object.values(slow ?? {}).find(Array.isArray);
    byId('slow-card').hidden = !found;
    if (!found) return;
    const records = found.slice(0, 50);
    renew(byId('slow'), records, () => {
      if (records.length === 0) return [element('p', {class: 'empty'}, 'None so far.')];
      const fields = [...new Set(records.flatMap((record) => Object.keys(record)))];
      return [table('Slow requests', fields.map((title) => ({title: title.replaceAll('_', ' ')})),
        records.map((record) => fields.map((field) => own(visible(cellText(field, record[field]))))))];
    });
  }

  showConnections({total, connections, error}) {
    setText(byId('connections-summary'), error ? visible(error)
      : total === connections.length ? '' : `The first ${connections.length} of ${count(total)}.`);
    const rows = connections.map((one) => [one.remote_socket_address, one.session_id, one.session_timeout,
      one.outstanding_requests, one.packets_received, one.avg_latency, one.encrypted]);
    renew(byId('connections'), rows, () => {
      if (rows.length === 0) return error ? [] : [element('p', {class: 'empty'}, 'Nobody is connected.')];
      return [table('Connections of clients', [{title: 'client'}, {title: 'session'}, {title: 'timeout', number: true},
        {title: 'waiting', number: true}, {title: 'requests', number: true}, {title: 'avg ms', number: true}, {title: 'TLS'}],
      rows.map(([client, session, timeout, waiting, requests, latency, encrypted]) => [own(visible(client)),
        session === '0x0' ? 'none' : session, duration(timeout), count(waiting), count(requests), String(latency),
        encrypted ? 'yes' : 'no']))];
    });
  }
}

function cellText(field, value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value === 'number' && /(^|_)(time|timestamp|at|when)(_ms)?$/.test(field) && value > 1e12) return time(value);
  return String(value);
}
