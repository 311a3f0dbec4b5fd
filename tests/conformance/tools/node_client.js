// The wire protocol through node-zookeeper-client, a client written in JavaScript alone.
//   HOSTS=127.0.0.1:2181 node node_client.js      (NODE_PATH must have the package)
const assert = require('assert');
const zk = require('node-zookeeper-client');

const client = zk.createClient(process.env.HOSTS, {sessionTimeout: 8000});
const base = '/node';
const {ACL, CreateMode, Event, Exception} = zk;

/** A method of the client as a promise of its results. */
const call = (method, ...args) => new Promise(
    (resolve, reject) => client[method](
        ...args, (error, ...results) => error ? reject(error) : resolve(results)));

const commit = transaction => new Promise(
    (resolve, reject) => transaction.commit(error => error ? reject(error) : resolve()));

const fails = (promise, code) => promise.then(
    () => assert.fail('no error'), error => assert.equal(error.getCode(), code));

/** The event of a watch that `method` leaves on base. */
const watch = method => new Promise(event => client[method](base, event, () => {}));

const tests = {
  'create and get': async () => {
    await call('create', base, Buffer.from('x'));
    const [data, stat] = await call('getData', base);
    assert.equal(data.toString(), 'x');
    assert.equal(stat.version, 0);
  },
  'ephemeral sequential': async () => {
    const [path] = await call('create', base + '/s-', null, CreateMode.EPHEMERAL_SEQUENTIAL);
    assert.equal(path, base + '/s-0000000000');
  },
  'a data watch fires': async () => {
    const event = watch('getData');
    await call('setData', base, Buffer.from('y'), 0);
    assert.equal((await event).getType(), Event.NODE_DATA_CHANGED);
  },
  'bad version': () => fails(call('setData', base, Buffer.from('z'), 7), Exception.BAD_VERSION),
  'a child watch fires': async () => {
    const event = watch('getChildren');
    await call('create', base + '/k', null);
    assert.equal((await event).getType(), Event.NODE_CHILDREN_CHANGED);
  },
  'acl of the creator': async () => {
    client.addAuthInfo('digest', Buffer.from('u:p'));
    await call('create', base + '/acl', null, ACL.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
    const [acl] = await call('getACL', base + '/acl');
    assert.equal(acl[0].id.scheme, 'digest');
  },
  'transaction': async () => {
    await commit(client.transaction().create(base + '/t1').setData(base + '/t1', Buffer.from('q'))
        .check(base, 1).remove(base + '/k'));
    const [data] = await call('getData', base + '/t1');
    assert.equal(data.toString(), 'q');
  },
  'a failing transaction changes nothing': async () => {
    await commit(client.transaction().create(base + '/t2').check(base, 99))
        .then(() => assert.fail('no error'), () => {});
    const [stat] = await call('exists', base + '/t2');
    assert.equal(stat, null);
  },
  'mkdirp': async () => {
    await call('mkdirp', base + '/a/b/c');
    const [children] = await call('getChildren', base + '/a/b');
    assert.deepEqual(children, ['c']);
  },
  'no node, not empty': async () => {
    await fails(call('remove', base + '/none'), Exception.NO_NODE);
    await fails(call('remove', base), Exception.NOT_EMPTY);
  },
};

client.once('connected', async () => {
  for (const [name, body] of Object.entries(tests)) {
    await body().then(() => console.log('ok   node: ' + name),
                      error => console.log('FAIL node: ' + name + ' -- ' + error));
  }
  client.close();
  setTimeout(() => process.exit(0), 200);
});
client.connect();
setTimeout(() => {
  console.log('FAIL node: not done after 30 s');
  process.exit(1);
}, 30000);
