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

/** The stages of reads and writes, in their order: `write_sync_us`. */
const STAGE = /^cnt_((read|write)_([a-z]+)_us)$/;

/** Milliseconds, of which the server counts whole ones. */
function latency(ms) {
  return ms === 0 ? '<1' : digits(ms);
}

/** Milliseconds of what the server counts in microseconds. */
function fineLatency(us) {
  return us === 0 ? '0' : digits(us / 1000);
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
    const stages = Object.keys(metrics).map((key) => STAGE.exec(key)).filter(Boolean);
    const named = LATENCIES.flatMap(([name, title], i) => [[name, title, latency],
      ...stages.filter((stage) => stage[2] === ['read', 'write'][i])
        .map((stage) => [stage[1], `\u2003${stage[3]}`, fineLatency])]);
    const rows = named.map(([name, title, shown]) => [title, summary(metrics, name), shown])
      .filter(([, found]) => found);
    renew(byId('latency'), rows, () => rows.length === 0
      ? [element('p', {class: 'empty'}, 'The server tells no latencies.')]
      : [table('Latency since the start, in milliseconds',
        [{title: 'of'}, ...QUANTILES.map(([, title]) => ({title, number: true})), {title: 'count', number: true}],
        rows.map(([title, found, shown]) => [title,
          ...QUANTILES.map(([part]) => (found.cnt && found[part] !== undefined ? shown(found[part]) : '–')),
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

  showSlow(slow) {
    byId('slow-card').hidden = !slow?.slow_requests;
    if (!slow?.slow_requests) return;
    setText(byId('slow-summary'), slow.threshold_ms > 0
      ? `${count(slow.count)} took ${duration(slow.threshold_ms)} or longer` : 'not watched for');
    const records = slow.slow_requests.slice(-50).reverse();
    renew(byId('slow'), records, () => {
      if (records.length === 0) return [element('p', {class: 'empty'}, 'None.')];
      return [table('Slow requests, the last one first', [{title: 'when'}, {title: 'request'}, {title: 'path'},
        {title: 'client'}, {title: 'ms', number: true}, {title: 'most of it'}, {title: 'waited for'}],
      records.map((one) => [time(one.time_ms), visible(one.operation), own(one.path === null ? '–' : visible(one.path)),
        own(visible(one.client)), fineLatency(one.total_us), longestStage(one.stages), awaitedSync(one.sync)]))];
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

function longestStage(stages) {
  const [name, us] = Object.entries(stages).reduce((a, b) => (b[1] > a[1] ? b : a));
  return `${name}, ${fineLatency(us)} ms`;
}

function awaitedSync(sync) {
  return sync ? `a sync of ${fineLatency(sync.took_us)} ms, ${count(sync.transactions)} transaction${sync.transactions === 1 ? '' : 's'}` : '–';
}
