// What the server is asked. The credential is kept here, in memory, and goes with each request.

const DEADLINE_MS = 8000;

/** A request that was answered, with a refusal. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

let authorization = null;

/** `user` and `password` as text; null signs out. */
export function setCredential(user, password) {
  if (user === null) {
    authorization = null;
    return;
  }
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  authorization = 'Basic ' + btoa(String.fromCharCode(...bytes));
}

/** `fields` are in the query as they are: who calls has encoded them. */
async function ask(page, fields = {}) {
  const query = Object.entries(fields).map(([name, value]) => `${name}=${value}`).join('&');
  const answer = await fetch(new URL(query ? `${page}?${query}` : page, import.meta.url), {
    headers: authorization ? {Authorization: authorization} : {},
    credentials: 'omit',  // And so a 401 comes here, not to the browser's own dialog.
    cache: 'no-store',
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const long = answer.status === 431;
  if (long) throw new Refused(431, 'The path is longer than this server takes (header_bytes).');
  const said = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, said.error ?? `The server answers with status ${answer.status}.`);
  return said;
}

export const about = () => ask('about');
export const status = () => ask('status');
export const connections = () => ask('connections');

/** `path` and `after` percent-encoded. */
export function node(path, {data = 0, children = 0, after = null} = {}) {
  return ask('node', {path, data, children, ...(after === null ? {} : {after})});
}
