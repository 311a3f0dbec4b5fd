// Two lines over the last minutes. They differ in stroke as well as in colour.

import {element, setText, svg} from './dom.js';
import {short} from './text.js';

const WIDTH = 600, HEIGHT = 160;
const POINTS = 120;

/** The next of 10, 20, 50, 100, ... */
function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 10)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= number);
}

export class Chart {
  /** names: of the lines, in order. */
  constructor(parent, legend, names) {
    this.lines = names.map((name, i) => {
      const value = element('strong', {}, '–');
      const sample = svg('svg', {class: `sample line-${i}`, viewBox: '0 0 24 8', 'aria-hidden': 'true'},
        svg('path', {d: 'M0 4H24'}));
      legend.append(element('li', {}, sample, `${name} `, value));
      return {name, value, points: [], path: svg('path', {class: `line-${i}`, 'vector-effect': 'non-scaling-stroke'})};
    });
    const grid = [0, 0.5, 1].map((share) => svg('path', {
      class: 'grid', d: `M0 ${HEIGHT * share}H${WIDTH}`, 'vector-effect': 'non-scaling-stroke'}));
    this.svg = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img'},
      ...grid, ...this.lines.map((line) => line.path));
    this.top = element('span', {class: 'y-top'});
    this.middle = element('span', {class: 'y-middle'});
    parent.append(
      element('div', {class: 'y-axis', 'aria-hidden': 'true'}, this.top, this.middle, element('span', {}, '0')),
      this.svg,
      element('div', {class: 'x-axis', 'aria-hidden': 'true'}, element('span', {}, '2 minutes ago'),
        element('span', {}, 'now')));
  }

  clear() {
    for (const line of this.lines) line.points = [];
  }

  add(values) {
    this.lines.forEach((line, i) => {
      line.points.push(values[i]);
      if (line.points.length > POINTS) line.points.shift();
      setText(line.value, short(values[i]));
    });
    this.draw();
  }

  draw() {
    const most = roundUp(Math.max(...this.lines.flatMap((line) => line.points)));
    setText(this.top, short(most));
    setText(this.middle, short(most / 2));
    for (const line of this.lines) {
      const first = POINTS - line.points.length;
      line.path.setAttribute('d', line.points.map((value, i) => {
        const x = (first + i) * WIDTH / (POINTS - 1), y = HEIGHT * (1 - value / most);
        return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      }).join(''));
    }
    const said = this.lines.map((line) => `${line.name} ${short(line.points.at(-1))}`).join(', ');
    this.svg.setAttribute('aria-label', `Over the last two minutes, up to ${short(most)} a second; now ${said}`);
  }
}
