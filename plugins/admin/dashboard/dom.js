// Elements. All text becomes text nodes: nothing that a znode holds is ever read as HTML.

const SVG = 'http://www.w3.org/2000/svg';

export function byId(id) {
  return document.getElementById(id);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  node.append(...children);
  return node;
}

/** element('p', {class: 'muted'}, 'text', otherElement) */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** A button that calls `act`. */
export function button(label, act, attributes = {}) {
  const made = element('button', {type: 'button', ...attributes}, label);
  made.addEventListener('click', act);
  return made;
}

/** Text whose direction stays its own. */
export function own(text, attributes = {}) {
  return element('bdi', attributes, text);
}

/** Sets text only where it changes, so that a selection stays. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** columns: {title, number?}. rows: lists of texts or elements, the first the row's head. */
export function table(caption, columns, rows) {
  const head = columns.map(({title, number}) => element('th', {scope: 'col', class: number ? 'number' : null}, title));
  const body = rows.map((cells) => element('tr', {}, ...cells.map((cell, i) =>
    i === 0 ? element('th', {scope: 'row'}, cell) : element('td', {class: columns[i].number ? 'number' : null}, cell))));
  return element('table', {}, element('caption', {class: 'hidden-label'}, caption),
    element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body));
}

/** Replaces what `parent` holds if `facts` are others than at the last call. */
export function renew(parent, facts, make) {
  const text = JSON.stringify(facts);
  if (parent.facts === text) return;
  parent.facts = text;
  parent.replaceChildren(...make());
}
