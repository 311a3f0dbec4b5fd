// One znode: where it is, its data, its ACL, its Stat.

import {button, element, own, table} from './dom.js';
import {byteSize, bytesOfHex, count, duration, hexDump, nameOf, textOf, time, visible, visibleLines} from './text.js';

const LITTLE = 4096, MUCH = 65536;
const NARROW = 560;  // px, below which fewer bytes fit a line.
const REFUSED_EVERY_MS = 10000;
const PERMS = [[1, 'read'], [2, 'write'], [4, 'create'], [8, 'delete'], [16, 'admin']];
const ALL_PERMS = 31;

/** What an owner that is no session stands for. */
function ownerText(hex) {
  const owner = BigInt(hex);
  if (owner === 0n) return 'none: it stays';
  if (owner === 1n << 63n) return 'none: a container';
  if (owner >> 56n === 0xffn) return `none: goes ${duration(Number(owner & 0xffffffffffn))} after its last change`;
  return `session ${hex}`;
}

function permsText(perms) {
  if (perms === ALL_PERMS) return 'all';
  return PERMS.filter(([bit]) => perms & bit).map(([, name]) => name).join(', ') || 'none';
}

function facts(pairs) {
  return element('dl', {class: 'facts'}, ...pairs.map(([title, value]) =>
    element('div', {}, element('dt', {}, title), element('dd', {}, own(value)))));
}

export class NodePanel {
  /** ask(path, {data}) gives a node; open(path) goes to another; signIn() lets the viewer prove who he is. */
  constructor(panel, {ask, open, signIn}) {
    this.panel = panel;
    this.ask = ask;
    this.open = open;
    this.signIn = signIn;
    this.path = null;
    this.bytes = LITTLE;
    this.form = null;  // 'text' or 'hex', when chosen.
    this.shown = null;
    this.empty();
    window.addEventListener('resize', () => this.answer && this.render(this.answer));
  }

  empty() {
    this.panel.replaceChildren(element('p', {class: 'empty'}, 'Choose a znode to see its data, ACL and Stat.'));
  }

  show(path) {
    if (path !== this.path) {
      this.bytes = LITTLE;
      this.form = null;
    }
    this.path = path;
    return this.refresh();
  }

  /** Something was written. What was refused is asked for again now and then: it may be there by now. */
  async follow() {
    const waits = this.refused && performance.now() - this.askedAt < REFUSED_EVERY_MS;
    if (!waits) await this.refresh();
  }

  async refresh() {
    if (this.path === null) return;
    const path = this.path, bytes = this.bytes;
    const asked = this.asked = (this.asked ?? 0) + 1;
    this.askedAt = performance.now();
    let answer;
    try {
      answer = {node: await this.ask(path, {data: bytes})};
    } catch (error) {
      answer = {refusal: error.message, status: error.status};
    }
    if (asked !== this.asked) return;  // What is on its way may be another viewer's.
    if (answer.refusal && !answer.status) return;  // No answer at all: the page says so elsewhere.
    this.refused = Boolean(answer.refusal);
    this.render(answer);
  }

  /** Only what has changed is drawn anew, so that what the viewer marks or scrolls to stays. */
  render(answer) {
    const text = JSON.stringify([this.path, this.form, this.narrow(), answer]);
    if (text === this.shown) return;
    this.answer = answer;
    this.shown = text;
    const focused = document.activeElement?.dataset?.keep;
    this.panel.replaceChildren(this.heading(), ...(answer.node ? this.parts(answer.node) : this.refusal(answer)));
    if (focused) this.panel.querySelector(`[data-keep="${focused}"]`)?.focus();
  }

  narrow() {
    return this.panel.clientWidth < NARROW;
  }

  heading() {
    const names = this.path.split('/').filter(Boolean);
    const crumb = (label, to, keep) => button(own(label), () => this.open(to), {class: 'crumb', 'data-keep': keep});
    const crumbs = [crumb('/', '/', 'crumb-0')];
    names.forEach((name, i) => {
      if (i > 0) crumbs.push(element('span', {class: 'muted', 'aria-hidden': 'true'}, '/'));
      crumbs.push(crumb(nameOf(name), '/' + names.slice(0, i + 1).join('/'), `crumb-${i + 1}`));
    });
    crumbs.at(-1).setAttribute('aria-current', 'page');
    return element('nav', {class: 'crumbs', 'aria-label': 'Path'}, ...crumbs);
  }

  refusal({refusal, status}) {
    const parts = [element('p', {class: 'refused', role: 'status'}, visible(refusal))];
    if (status === 403) parts.push(button('Sign in', this.signIn, {'data-keep': 'sign-in'}));
    return [element('div', {class: 'refusal'}, ...parts)];
  }

  parts(node) {
    const stat = node.stat;
    return [
      ...this.data(node),
      element('h3', {}, 'ACL'), this.acl(node.acl),
      element('h3', {}, 'Stat'),
      facts([
        ['created', time(stat.ctime)], ['czxid', stat.czxid],
        ['changed', time(stat.mtime)], ['mzxid', stat.mzxid],
        ['owner', ownerText(stat.ephemeral_owner)], ['pzxid', stat.pzxid],
        ['data version', String(stat.version)], ['children', count(stat.num_children)],
        ['children version', String(stat.cversion)], ['ACL version', String(stat.aversion)],
      ]),
    ];
  }

  data(node) {
    const bytes = bytesOfHex(node.data_hex), total = node.stat.data_length;
    const head = element('header', {class: 'data-head'}, element('h3', {}, 'Data'),
      element('span', {class: 'muted'}, byteSize(total)));
    if (total === 0) return [head, element('p', {class: 'empty'}, 'No data.')];
    const cut = bytes.length < total;
    const text = textOf(bytes, cut);
    const form = this.form ?? (text === null ? 'hex' : 'text');
    const choice = (name, label) => button(label, () => {
      this.form = name;
      this.render({node});
    }, {'aria-pressed': String(form === name), 'data-keep': name});
    head.append(element('span', {class: 'switch', role: 'group', 'aria-label': 'Form of the data'},
      choice('text', 'Text'), choice('hex', 'Hex')));
    const shown = form === 'hex' ? (this.narrow() ? hexDump(bytes, 8, ' ') : hexDump(bytes, 16, '  '))
      : visibleLines(text ?? new TextDecoder().decode(bytes));
    const parts = [head, element('pre', {class: `data ${form}`, tabindex: '0', dir: 'auto',
      'aria-label': `Data as ${form}`, 'data-keep': 'data'}, shown)];
    if (form === 'text' && text === null)
      parts.push(element('p', {class: 'muted'}, 'This is no UTF-8; what is wrong shows as �.'));
    if (cut) parts.push(this.more(bytes.length, total));
    return parts;
  }

  more(shown, total) {
    const note = element('p', {class: 'cut'}, `The first ${byteSize(shown)} of ${byteSize(total)}. `);
    if (this.bytes < MUCH)
      note.append(button(`Show ${byteSize(Math.min(MUCH, total))}`, () => {
        this.bytes = MUCH;
        this.refresh();
      }, {'data-keep': 'more'}));
    return note;
  }

  acl(entries) {
    if (!entries) return element('p', {class: 'empty'}, 'You may not see it.');
    return element('div', {class: 'scroll compact'}, table('ACL', [{title: 'scheme'}, {title: 'id'}, {title: 'may'}],
      entries.map((entry) => [own(visible(entry.scheme)), own(visible(entry.id)), permsText(entry.perms)])));
  }
}
