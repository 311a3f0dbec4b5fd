// The tree of znodes, as the pattern "tree view" of ARIA has it: one stop of Tab, arrows inside.
//
// A branch shows one page of its children at a time, however many there are.

import {element, own} from './dom.js';
import {count, nameOf} from './text.js';

const PAGE = 200;

export function childPath(path, name) {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

let lastId = 0;

/** One znode in the tree. Its parts: the item, the row in it, the group of its children. */
class Branch {
  constructor(path, name, parent) {
    this.path = path;
    this.parent = parent;
    this.level = parent ? parent.level + 1 : 1;
    this.children = new Map();  // By percent-encoded name.
    this.starts = [null];       // Behind which name each page begins, up to the one that is shown.
    this.expanded = false;
    this.id = `row-${++lastId}`;
    this.mark = element('span', {class: 'mark', 'aria-hidden': 'true'});
    this.note = element('span', {class: 'note'});
    this.row = element('div', {class: 'row', id: this.id}, this.mark,
      own(nameOf(name), {class: 'name'}), this.note);
    this.group = element('ul', {role: 'group', hidden: true});
    this.item = element('li', {role: 'treeitem', 'aria-level': this.level, 'aria-labelledby': this.id,
      'aria-selected': 'false', tabindex: '-1'}, this.row, this.group);
    this.row.style.setProperty('--level', this.level);
    this.item.branch = this;
    this.setCount(1);
  }

  /** null: the viewer may not see it. */
  setCount(number) {
    this.count = number;
    this.row.classList.toggle('locked', number === null);
    this.note.textContent = number === null ? 'no access' : number ? count(number) : '';
    this.setExpanded(this.expanded);
  }

  /** A closed branch keeps nothing: what is below may change, or be hidden from the next viewer. */
  setExpanded(expanded) {
    this.expanded = expanded;
    this.group.hidden = !expanded;
    if (!expanded) {
      this.children.clear();
      this.starts = [null];
      this.group.replaceChildren();
    }
    const opens = this.count !== null && this.count > 0;
    this.mark.textContent = opens ? (expanded ? '▾' : '▸') : '';
    if (opens) this.item.setAttribute('aria-expanded', expanded);
    else this.item.removeAttribute('aria-expanded');
  }
}

export class Tree {
  /** ask(path, {children, after}) gives a node; select(path) is told of a choice, fail(error) of a refusal. */
  constructor(list, {ask, select, fail}) {
    this.list = list;
    this.ask = ask;
    this.select = select;
    this.fail = fail;
    this.root = new Branch('/', '/', null);
    this.root.item.setAttribute('tabindex', '0');
    this.list.append(this.root.item);
    this.current = this.root.item;
    this.chosen = null;
    this.turn = 0;
    this.viewer = 0;  // Counts the changes of who looks.
    this.list.addEventListener('keydown', (event) => this.onKey(event));
    this.list.addEventListener('click', (event) => this.onClick(event));
  }

  // --- what is shown ------------------------------------------------------------------------------

  async expand(branch) {
    if (branch.count === null || branch.count === 0) return;
    if (await this.load(branch) && branch.count > 0) branch.setExpanded(true);
  }

  collapse(branch) {
    if (branch.group.contains(document.activeElement)) this.focus(branch.item);
    if (branch.group.contains(this.current)) this.makeCurrent(branch.item);
    branch.asked = (branch.asked ?? 0) + 1;  // What is on its way comes too late.
    branch.setExpanded(false);
  }

  setCount(branch, number) {
    if (!number && branch.expanded) this.collapse(branch);
    branch.setCount(number);
  }

  /** Asks for the page at hand. False: it was refused, or comes too late. */
  async load(branch) {
    const asked = branch.asked = (branch.asked ?? 0) + 1, viewer = this.viewer;
    const late = () => branch.asked !== asked || viewer !== this.viewer;
    let node;
    try {
      node = await this.ask(branch.path, {children: PAGE, after: branch.starts.at(-1)});
    } catch (error) {
      if (!late() && error.status === 403) this.setCount(branch, null);
      this.fail(error);
      return false;
    }
    if (late()) return false;
    if (node.children.length === 0 && branch.starts.length > 1) {  // What this page had has gone.
      branch.starts.pop();
      return this.load(branch);
    }
    this.setCount(branch, node.lists_children ? node.stat.num_children : 0);
    if (branch.count > 0) this.put(branch, node.children, node.more_children);
    return true;
  }

  /** Brings the group to these children; those that stay keep their state and the focus. */
  put(branch, children, more) {
    const wanted = new Map(children.map((child) => [child.name, child.num_children]));
    for (const [name, child] of branch.children) {
      if (wanted.has(name)) continue;
      if (child.item.contains(document.activeElement)) this.focus(branch.item);
      if (child.item.contains(this.current)) this.makeCurrent(branch.item);
      child.item.remove();
      branch.children.delete(name);
    }
    const items = [];
    if (branch.starts.length > 1) items.push(this.turner(branch, 'back', '▴ previous page'));
    for (const [name, number] of wanted) {
      let child = branch.children.get(name);
      if (!child) {
        child = new Branch(childPath(branch.path, name), name, branch);
        branch.children.set(name, child);
      }
      if (child.count !== number) this.setCount(child, number);
      items.push(child.item);
    }
    const next = children.at(-1)?.name;
    if (more) items.push(this.turner(branch, 'on', '▾ next page', next));
    this.arrange(branch.group, items);
    this.choose(this.chosen);
  }

  /** Only what stands elsewhere is moved: moving an element takes the focus from it. */
  arrange(group, items) {
    const keep = new Set(items);
    for (const item of [...group.children]) {
      if (keep.has(item)) continue;
      if (item === this.current) this.makeCurrent(group.parentElement);
      item.remove();
    }
    items.forEach((item, i) => {
      if (group.children[i] !== item) group.insertBefore(item, group.children[i] ?? null);
    });
  }

  /** The item that turns to another page. */
  turner(branch, way, label, next) {
    branch.turners ??= {};
    const item = branch.turners[way] ??= element('li', {role: 'treeitem', 'aria-level': branch.level + 1, tabindex: '-1',
      class: 'turner'}, element('div', {class: 'row'}, label));
    item.firstChild.style.setProperty('--level', branch.level + 1);
    item.turn = async () => {
      if (way === 'on') branch.starts.push(next);
      else branch.starts.pop();
      await this.load(branch);
      const first = branch.group.querySelector('[role=treeitem]:not(.turner)');
      if (first) this.focus(first);
    };
    return item;
  }

  // --- keeping up with the server -----------------------------------------------------------------

  /** Something was written: looks after one of the open branches, in turn. */
  async refresh() {
    const open = this.open();
    if (open.length > 0) await this.load(open[this.turn++ % open.length]);
  }

  /** Looks after all of them: another viewer may see other things. */
  async refreshAll() {
    ++this.viewer;
    if (this.root.count === null) this.root.setCount(1);  // It was hidden from the last one.
    if (!this.root.expanded) await this.expand(this.root);
    for (const branch of this.open()) await this.load(branch);
  }

  open(branch = this.root) {
    if (!branch.expanded) return [];
    return [branch, ...[...branch.children.values()].flatMap((child) => this.open(child))];
  }

  // --- where one is -------------------------------------------------------------------------------

  /** Marks the node of that path, where it is shown. */
  choose(path) {
    this.chosen = path;
    for (const item of this.list.querySelectorAll('[aria-selected=true]'))
      if (item.branch.path !== path) item.setAttribute('aria-selected', 'false');
    if (path !== null) this.find(path)?.item.setAttribute('aria-selected', 'true');
  }

  find(path) {
    let branch = this.root;
    for (const name of path.split('/').filter(Boolean)) branch = branch?.children.get(name);
    return branch;
  }

  /** Opens what lies above, as far as the pages at hand go. */
  async reveal(path) {
    let branch = this.root;
    for (const name of path.split('/').filter(Boolean)) {
      if (!branch.expanded) await this.expand(branch);
      branch = branch.children.get(name);
      if (!branch) return;
    }
    this.choose(path);
    this.makeCurrent(branch.item);
    branch.row.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }

  makeCurrent(item) {
    this.current.setAttribute('tabindex', '-1');
    this.current = item;
    item.setAttribute('tabindex', '0');
  }

  focus(item) {
    this.makeCurrent(item);
    item.focus({preventScroll: true});
    item.querySelector('.row').scrollIntoView({block: 'nearest', inline: 'nearest'});
  }

  activate(item) {
    if (item.turn) return item.turn();
    this.choose(item.branch.path);
    this.select(item.branch.path);
    return undefined;
  }

  // --- keys and clicks ----------------------------------------------------------------------------

  items() {
    return [...this.list.querySelectorAll('[role=treeitem]')].filter((item) => !item.parentElement.closest('[hidden]'));
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const item = event.target.closest('[role=treeitem]');
    const act = item && this.actionFor(event.key, item);
    if (!act) return;
    event.preventDefault();
    act();
  }

  actionFor(key, item) {
    const items = this.items(), at = items.indexOf(item), branch = item.branch;
    const to = (target) => () => target && this.focus(target);
    switch (key) {
      case 'ArrowDown': return to(items[at + 1]);
      case 'ArrowUp': return to(items[at - 1]);
      case 'Home': return to(items[0]);
      case 'End': return to(items.at(-1));
      case 'Enter':
      case ' ': return () => this.activate(item);
      case 'ArrowRight':
        if (!branch) return null;
        return branch.expanded ? to(branch.group.firstElementChild) : () => this.expand(branch);
      case 'ArrowLeft':
        if (branch?.expanded) return () => this.collapse(branch);
        return to(item.parentElement.closest('[role=treeitem]'));
      default:
        return key.length === 1 ? to(this.named(items, at, key.toLowerCase())) : null;
    }
  }

  /** The next item whose name begins with that letter. */
  named(items, at, letter) {
    const order = [...items.slice(at + 1), ...items.slice(0, at)];
    return order.find((item) => item.querySelector('.name')?.textContent.toLowerCase().startsWith(letter));
  }

  onClick(event) {
    const item = event.target.closest('[role=treeitem]');
    if (!item) return;
    this.focus(item);
    if (event.target.closest('.mark') && item.branch.count) {
      if (item.branch.expanded) this.collapse(item.branch);
      else this.expand(item.branch);
      return;
    }
    this.activate(item);
  }
}
