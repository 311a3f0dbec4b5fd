"""Znodes of all kinds, and changes to them: what the servers are made to agree upon.

Everything comes from one seed. Leaves are tracked only as far as needed to aim at them; what the
tree must be is never computed here: that is what the first server says, and the second must repeat.
"""

import random

import tree
import wire

SUPER = ("super", "exchange")
ALICE = ("alice", "wonder")
IDENTITY = {user: tree.digest_identity(user, word) for user, word in (SUPER, ALICE)}

HOUR_MS = 3_600_000
TTL_MAX = (1 << 40) - 1
DIRECTORY = 200  # Leaves in each directory.

ACLS = (
    wire.OPEN,
    ((1, "world", "anyone"),),
    ((wire.ALL, "digest", IDENTITY["alice"]),),
    ((wire.ALL, "ip", "127.0.0.1"),),
    ((wire.ALL, "ip", "127.0.0.0/8"), (1, "world", "anyone")),
    ((wire.ALL, "digest", IDENTITY["alice"]), (5, "ip", "10.1.2.3"), (1, "world", "anyone")),
    tuple((1 << i % 5, "digest", tree.digest_identity(f"user{i}", "x")) for i in range(40)),
    ((wire.ALL, "auth", ""),),
)

NAMES = ("grüße", "漢字", "קשת", "with space", "a.b,c;d=e", "ж" * 60, "e\u0301", "-", "..x")

OF_ALICE = "/names/" + NAMES[2]  # With the third list.


class Population:
    def __init__(self, seed, size):
        self.random = random.Random(seed)
        self.size = size
        self.leaves = []  # Without children, changed and deleted at will.
        self.serial = 0
        self.requests = 0
        self.to_be_reaped = []

    # --- the first round ------------------------------------------------------------------------

    def fill(self, client):
        """About `size` nodes."""
        self._run(client, self._frame())
        directories = max(1, self.size // DIRECTORY)
        paths = [f"/tree/{i % 10}/directory-{i:05d}" for i in range(directories)]
        self._run(client, (wire.create(path, b"directory", self._acl()) for path in paths))
        creates = (self._create_leaf(path) for path in paths for _ in range(DIRECTORY))
        self._run(client, self._partly_grouped(creates))
        self._run(client, self._sequences())

    def _frame(self):
        for path in ("/tree", "/box", "/ttl", "/deep", "/live", "/quota", "/scratch", "/sequence",
                     "/big", "/mark", "/names", "/gone", "/reap"):
            yield wire.create(path, None)
        for i in range(10):
            yield wire.create(f"/tree/{i}", b"", op=wire.CREATE2)
        path = "/deep"
        for i in range(150):
            path += "/d"
            yield wire.create(path, str(i).encode())
        for i in range(3):
            yield wire.create(f"/big/{i}", self.random.randbytes(900_000 + i))
        for i, name in enumerate(NAMES):
            yield wire.create(f"/names/{name}", name.encode(), ACLS[i % 7])
            yield wire.create(f"/names/{name}/{name}", None)
        yield from self._quotas()

    def _quotas(self):
        limits = (b"count=5,bytes=1000", b"count=-1,bytes=100000",
                  b"count=1000,bytes=-1=;byteHardLimit=500000;countHardLimit=2000")
        for i, limit in enumerate(limits):
            yield wire.create(f"/quota/q{i}", b"12345")
            yield wire.create(f"/quota/q{i}/before", b"123")
            yield wire.create(f"/zookeeper/quota/quota{i}", None)  # Of a node that is not there.
            path = "/zookeeper/quota"
            for name in ("quota", f"q{i}"):
                path += "/" + name
                if name != "quota" or i == 0:
                    yield wire.create(path, b"")
            yield wire.create(path + "/zookeeper_limits", limit)
            yield wire.create(path + "/zookeeper_stats", b"count=0,bytes=0")

    def _sequences(self):
        for i in range(40):
            yield wire.create("/sequence/plain-", b"%d" % i, flags=wire.SEQUENTIAL,
                              op=self.random.choice((wire.CREATE, wire.CREATE2)))
            yield wire.create_ttl("/ttl/ttl-%d-" % (HOUR_MS + i), b"", HOUR_MS + i,
                                  flags=wire.TTL_SEQUENTIAL)

    def _create_leaf(self, directory):
        self.serial += 1
        kind = self.random.randrange(20)
        value, acl = self._value(), self._acl()
        if kind == 0:
            ttl = self.random.choice((HOUR_MS, 10 * HOUR_MS + self.serial, TTL_MAX))
            path = f"{directory}/ttl-{ttl}-{self.serial}"
            self.leaves.append(path)
            return wire.create_ttl(path, value, ttl, acl)
        if kind == 1:
            return wire.create_container(f"{directory}/container-{self.serial}", value, acl)
        path = f"{directory}/node-{self.serial:07d}"
        self.leaves.append(path)
        return wire.create(path, value, acl, op=wire.CREATE2 if kind < 5 else wire.CREATE)

    def _value(self):
        kind = self.random.randrange(10)
        if kind == 0:
            return None
        if kind == 1:
            return b""
        return self.random.randbytes(1000 if kind == 2 else 10 + self.random.randrange(90))

    def _acl(self):
        return self.random.choice(ACLS) if self.random.randrange(5) == 0 else wire.OPEN

    def _partly_grouped(self, requests):
        """Most requests in multis of up to 50, the rest as they are."""
        group = []
        for request in requests:
            if self.random.randrange(4) == 0:
                yield request
                continue
            group.append(request)
            if len(group) == 50:
                yield wire.multi(*group)
                group = []
        if group:
            yield wire.multi(*group)

    # --- later rounds ---------------------------------------------------------------------------

    def change(self, client, part=0.1):
        """Changes, deletions and creations, together about `part` of the population."""
        count = int(self.size * part) // 4
        self.random.shuffle(self.leaves)
        gone, self.leaves = self.leaves[:count], self.leaves[count:]
        live = self.leaves[:count]
        self._run(client, self._partly_grouped(
            wire.set_data(path, self._value()) for path in live for _ in range(2)))
        self._run(client, (wire.set_acl(path, self.random.choice(ACLS)) for path in live[::4]))
        self._run(client, self._partly_grouped(wire.delete(path) for path in gone))
        again = gone[::3]
        self._run(client, (wire.create(path, self._value()) for path in again
                           if "/ttl-" not in path))
        self.leaves.extend(path for path in again if "/ttl-" not in path)
        directories = [path.rsplit("/", 1)[0] for path in gone]
        self._run(client, self._partly_grouped(map(self._create_leaf, directories)))
        self._run(client, self._sequences())
        self._run(client, self._containers())
        self._run(client, self._reapable())
        self._run(client, self._below_quotas())
        self._run(client, self._empty_directory())
        self._fail(client, live[0])

    def _containers(self):
        """Containers in use: one that loses its last child would be removed at any time."""
        for _ in range(5):
            self.serial += 1
            path = f"/box/container-{self.serial}"
            yield wire.create_container(path, self._value(), self._acl())
            yield wire.create(path + "/stays", self._value())
            yield wire.create(path + "/goes", self._value())
            yield wire.delete(path + "/goes")

    def _reapable(self):
        """An empty container that was used, and a TTL node whose time is over."""
        self.serial += 1
        container, ttl = f"/reap/container-{self.serial}", f"/reap/ttl-1-{self.serial}"
        yield wire.create_container(container, b"")
        yield wire.create(container + "/child", b"")
        yield wire.delete(container + "/child")
        yield wire.create_ttl(ttl, b"", 1)
        self.to_be_reaped += [container, ttl]

    def _below_quotas(self):
        for i in range(3):
            for _ in range(4):
                self.serial += 1
                path = f"/quota/q{i}/n{self.serial}"
                yield wire.create(path, self.random.randbytes(self.random.randrange(200)))
                yield wire.set_data(path, self._value())
                yield wire.create(path + "/child", self._value())
                yield wire.delete(path + "/child")
            yield wire.multi(wire.delete(path),
                             wire.set_data(f"/quota/q{i}", self._value()),
                             wire.set_data(f"/quota/q{i}/before", self._value()))

    def _empty_directory(self):
        """All of a directory's nodes go, which leaves their traces in its cversion and pzxid."""
        self.serial += 1
        path = f"/gone/{self.serial}"
        children = [f"{path}/{i}" for i in range(7)]
        yield wire.create(path, b"")
        yield wire.multi(*(wire.create(child, b"x") for child in children))
        yield from (wire.delete(child) for child in reversed(children))

    def _fail(self, client, live):
        """Failures: each is a transaction too."""
        client.ask(wire.delete("/not/there"), wire.NO_NODE)
        client.ask(wire.set_data(live, b"", 1_000_000), wire.BAD_VERSION)
        client.ask(wire.create("/tree", b""), wire.NODE_EXISTS)
        client.ask(wire.delete("/tree"), wire.NOT_EMPTY)
        for bad in (wire.check("/tree", 99), wire.create("/tree", b""), wire.delete("/not/there")):
            failed = wire.multi(wire.create(f"/gone/never-{self.serial}", b""),
                                wire.set_data(live, b"never"), bad, wire.delete(live))
            list(client.replies([failed]))

    def _run(self, client, requests):
        counted = []

        def tee():
            for request in requests:
                counted.append(request)
                yield request

        for number, (error, body) in enumerate(client.replies(tee())):
            if error or counted[number][0] == wire.MULTI and wire.failed_multi(body):
                raise wire.Refused(f"{counted[number][1][:200]!r} ended with {error} {body[:40]!r}")
        self.requests += len(counted)

    # --- sessions -------------------------------------------------------------------------------

    def ephemerals(self, client, name):
        """What a session's end deletes: plain, sequential, and in a multi."""
        self.serial += 1
        prefix = f"/live/{name}-{self.serial}"
        self._run(client, [
            wire.create(prefix, self._value(), flags=wire.EPHEMERAL),
            wire.create(prefix + "-", b"", ACLS[2], wire.EPHEMERAL | wire.SEQUENTIAL, wire.CREATE2),
            wire.multi(wire.create(prefix + "-multi", None, flags=wire.EPHEMERAL),
                       wire.create(prefix + "-multi-", b"1", flags=3)),
        ])
        return prefix
