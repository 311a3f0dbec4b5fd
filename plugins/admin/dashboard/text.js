// Bytes and numbers as people read them. Text from znodes is somebody else's: what has no form of its own, or
// would turn the text around it, is shown as an escape.

const FORMLESS = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const FORMLESS_BUT_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const ESCAPES = {'\n': '\\n', '\r': '\\r', '\t': '\\t'};

function escape(character) {
  return ESCAPES[character] ?? `\\u{${character.codePointAt(0).toString(16)}}`;
}

/** A line of text. */
export function visible(text) {
  return text.replace(FORMLESS, escape);
}

/** The same with its lines. */
export function visibleLines(text) {
  return text.replace(FORMLESS_BUT_LINES, escape);
}

export function bytesOfHex(hex) {
  return Uint8Array.from({length: hex.length / 2}, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

/** The bytes behind "a%2Fb". */
function bytesOfEncoded(encoded) {
  const bytes = [];
  for (let i = 0; i < encoded.length; ++i) {
    const coded = encoded[i] === '%';
    bytes.push(coded ? parseInt(encoded.slice(i + 1, i + 3), 16) : encoded.charCodeAt(i));
    if (coded) i += 2;
  }
  return Uint8Array.from(bytes);
}

/** A percent-encoded name as a line of text; what is no UTF-8 has U+FFFD. */
export function nameOf(encoded) {
  return visible(new TextDecoder().decode(bytesOfEncoded(encoded)));
}

/** What somebody typed, percent-encoded as the server does it. */
export function encoded(text) {
  const strict = encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
  return strict.replaceAll('%2F', '/');
}

/** The text that the bytes are, or null. `cut`: they may end within a character. */
export function textOf(bytes, cut) {
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes, {stream: cut});
  } catch {
    return null;
  }
}

/** Lines of `width` bytes: offset, hex, what is ASCII; `gap` between them. */
export function hexDump(bytes, width, gap) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += width) {
    const line = [...bytes.slice(at, at + width)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push([at.toString(16).padStart(5, '0'), hex.padEnd(3 * width - 1), ascii].join(gap));
  }
  return lines.join('\n');
}

const WHOLE = new Intl.NumberFormat('en');

export function count(number) {
  return WHOLE.format(number);
}

/** Three digits or so: 1,234,567 is "1.23 M". */
export function short(number) {
  const [unit, scale] = number >= 999.5e6 ? [' G', 1e9] : number >= 999.5e3 ? [' M', 1e6]
    : number >= 9999.5 ? [' k', 1e3] : ['', 1];
  const scaled = number / scale;
  return digits(scaled) + unit;
}

/** About three digits of a number that is not large. */
export function digits(number) {
  return number >= 100 || Number.isInteger(number) ? WHOLE.format(Math.round(number))
    : number.toFixed(number >= 10 ? 1 : 2);
}

export function byteSize(bytes) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    ++unit;
  }
  if (unit === 0 && bytes === 1) return '1 byte';
  return `${digits(bytes)} ${units[unit]}`;
}

/** Of milliseconds: "2 d 3 h". */
export function duration(ms) {
  const parts = [[86400e3, 'd'], [3600e3, 'h'], [60e3, 'min'], [1e3, 's']];
  const first = parts.findIndex(([size]) => ms >= size);
  if (first < 0) return `${Math.round(ms)} ms`;
  return parts.slice(first, first + 2).map(([size, unit], i) => {
    const whole = Math.floor(i === 0 ? ms / size : (ms % parts[first][0]) / size);
    return i > 0 && whole === 0 ? '' : `${whole} ${unit}`;
  }).filter(Boolean).join(' ');
}

/** "2026-11-27 09:15:21.123", in the viewer's time. */
export function time(ms) {
  const when = new Date(ms);
  const two = (number, width = 2) => String(number).padStart(width, '0');
  return `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())} `
    + `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}.${two(when.getMilliseconds(), 3)}`;
}
