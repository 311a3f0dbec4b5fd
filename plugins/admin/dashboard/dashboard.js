// Asks the server once a second while somebody looks, and hands out what it says.

import {byId, setText} from './dom.js';
import {NodePanel} from './node.js';
import {Overview} from './overview.js';
import * as server from './server.js';
import {encoded, visible} from './text.js';
import {Tree} from './tree.js';

const EVERY_MS = 1000, AFTER_FAILURE_MS = 3000;
const CONNECTIONS_EVERY_MS = 5000;

const overview = new Overview();
const panel = new NodePanel(byId('node'), {ask: server.node, open: openNode, signIn: openSignIn});
const tree = new Tree(byId('tree'), {ask: server.node, select: openNode, fail: noteFailure});

let timer = null, asking = false, paused = false;
let knowsServer = false, browsing = null, begun = false, lastZxid = null;
let connectionsAt = -Infinity;

// --- the clock of the page ------------------------------------------------------------------------

function wait(ms) {
  clearTimeout(timer);
  if (!paused && document.visibilityState === 'visible') timer = setTimeout(poll, ms);
}

async function poll() {
  if (asking) return;
  asking = true;
  let next = EVERY_MS;
  try {
    const begin = performance.now();
    if (!knowsServer) overview.showAbout(await server.about());
    await show(await server.status());
    knowsServer = true;
    byId('notice').hidden = true;
    next = Math.max(50, EVERY_MS - (performance.now() - begin));
  } catch (error) {
    noteFailure(error);
    next = AFTER_FAILURE_MS;
  } finally {
    asking = false;
  }
  wait(next);
}

async function show(status) {
  overview.show(status);
  showViewer(status.identities);
  await showConnections();
  if (status.browse !== browsing) showBrowser(status.browse);
  const changed = status.last_zxid !== lastZxid;
  lastZxid = status.last_zxid;
  if (!browsing || status.role === 'looking') return;
  if (!begun) {
    begun = true;
    await tree.expand(tree.root);
    await openHash();
  } else if (changed) {
    await Promise.all([tree.refresh(), panel.follow()]);
  }
}

function noteFailure(error) {
  if (error.status === 403 || error.status === 431) return;  // Said where it belongs.
  const sentence = error.status ? visible(error.message) : 'The server does not answer. What is shown may be old; trying again.';
  setText(byId('notice'), sentence);
  byId('notice').hidden = false;
  if (!error.status) knowsServer = false;  // It may come back as another one.
}

function showBrowser(may) {
  browsing = may;
  byId('browser').hidden = byId('go').hidden = !may;
  byId('browse-refused').hidden = may;
  setText(byId('browse-refused'),
    'Znodes are not shown on this address. The option vivarium.service.admin.browse=true would show them.');
}

// --- connections ----------------------------------------------------------------------------------

async function showConnections() {
  const open = byId('show-connections').getAttribute('aria-expanded') === 'true';
  if (!open || performance.now() - connectionsAt < CONNECTIONS_EVERY_MS) return;
  connectionsAt = performance.now();
  try {
    overview.showConnections(await server.connections());
  } catch (error) {
    overview.showConnections({total: 0, connections: [], error: error.message});
  }
}

byId('show-connections').addEventListener('click', (event) => {
  const open = event.target.getAttribute('aria-expanded') !== 'true';
  event.target.setAttribute('aria-expanded', open);
  event.target.textContent = open ? 'Hide' : 'Show';
  byId('connections').hidden = !open;
  if (!open) setText(byId('connections-summary'), '');
  connectionsAt = -Infinity;
  showConnections();
});

// --- znodes ---------------------------------------------------------------------------------------

/** `path` is percent-encoded, as everywhere. */
function openNode(path) {
  history.replaceState(null, '', '#' + path);
  tree.choose(path);
  return Promise.all([panel.show(path), tree.reveal(path)]);
}

async function openHash() {
  const path = location.hash.slice(1);
  if (path.startsWith('/')) await openNode(path);
}

window.addEventListener('hashchange', openHash);

byId('go').addEventListener('submit', (event) => {
  event.preventDefault();
  const typed = byId('go-path').value.trim().replace(/(.)\/+$/, '$1');
  if (typed) openNode(encoded(typed.startsWith('/') ? typed : `/${typed}`));
});

// --- who looks ------------------------------------------------------------------------------------

function showViewer(identities) {
  const names = identities.filter(({scheme}) => scheme !== 'ip')
    .map(({scheme, name}) => visible(name ? `${scheme}:${name}` : scheme));
  setText(byId('viewer'), names.join(', '));
}

function openSignIn() {
  byId('sign-in-error').hidden = true;
  byId('sign-in-warning').hidden = window.isSecureContext;
  byId('sign-in-dialog').showModal();
}

/** All that is shown may be another thing to another viewer. */
async function lookAgain() {
  await show(await server.status());
  await Promise.all([tree.refreshAll(), panel.refresh()]);
}

byId('sign-in').addEventListener('click', openSignIn);
byId('sign-in-cancel').addEventListener('click', () => byId('sign-in-dialog').close());
byId('sign-in-dialog').addEventListener('close', () => byId('sign-in-form').reset());

byId('sign-in-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  server.setCredential(byId('user').value, byId('password').value);
  try {
    await lookAgain();
  } catch (error) {
    server.setCredential(null);
    setText(byId('sign-in-error'), error.status ? visible(error.message) : 'The server does not answer.');
    byId('sign-in-error').hidden = false;
    return;
  }
  byId('sign-in-dialog').close();
  byId('sign-in').hidden = true;
  byId('sign-out').hidden = false;
  byId('sign-out').focus();
});

byId('sign-out').addEventListener('click', async () => {
  server.setCredential(null);
  byId('sign-in').hidden = false;
  byId('sign-out').hidden = true;
  byId('sign-in').focus();
  try {
    await lookAgain();
  } catch (error) {
    noteFailure(error);
  }
});

// --------------------------------------------------------------------------------------------------

byId('pause').addEventListener('click', (event) => {
  paused = !paused;
  event.target.textContent = paused ? 'Go on' : 'Pause';
  wait(0);
});
document.addEventListener('visibilitychange', () => wait(0));
showBrowser(true);
wait(0);
