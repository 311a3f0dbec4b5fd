"""What a server serves, read through the client protocol and kept as the bytes of its replies, so
that two servers are compared to the last bit; and the tree digest, computed from nothing else."""

import base64
import struct
import zlib

import wire

CONTAINER_OWNER = -1 << 63
TTL_OWNER = -1 << 56  # The top byte 0xff; the low 40 bits are the time.

_PERSISTED = struct.Struct(">qqqqqiiiq")  # As the digest covers them.


class Node:
    """One znode: the replies of getData and getACL, and the names of its children."""

    __slots__ = ("data", "acl", "children")

    def __init__(self, data, acl):
        self.data, self.acl, self.children = data, acl, ()

    def value(self):
        length, = struct.unpack_from(">i", self.data)
        return None if length < 0 else self.data[4:4 + length]

    def stat(self):
        return wire.STAT.unpack_from(self.data, len(self.data) - wire.STAT.size)

    def entries(self):
        """The ACL as (perms, scheme, id)."""
        count, = struct.unpack_from(">i", self.acl)
        at, found = 4, []
        for _ in range(count):
            perms, = struct.unpack_from(">i", self.acl, at)
            scheme = wire.string(self.acl[at + 4:])
            name = wire.string(self.acl[at + 8 + len(scheme.encode()):])
            at += 12 + len(scheme.encode()) + len(name.encode())
            found.append((perms, scheme, name))
        return tuple(found)

    def __eq__(self, other):
        return (self.data == other.data and self.acl == other.acl
                and self.children == other.children)


def dump(client, fleeting=()):
    """{path: Node} of everything. Nodes below `fleeting` may go while it is read."""
    nodes = {}
    below = tuple(path + "/" for path in fleeting)
    level = ["/"]
    while level:
        parents = []
        replies = client.replies(request for path in level
                                 for request in (wire.get_data(path), wire.get_acl(path)))
        for path in level:
            data, acl = next(replies), next(replies)
            if wire.NO_NODE in (data[0], acl[0]) and path.startswith(below):
                continue
            node = Node(_body(data, path), _body(acl, path))
            nodes[path] = node
            if node.stat()[9]:
                parents.append(path)
        replies = list(client.replies(map(wire.get_children, parents)))
        level = []
        for path, reply in zip(parents, replies):
            names = sorted(wire.strings(_body(reply, path)))
            nodes[path].children = tuple(names)
            prefix = "" if path == "/" else path
            level.extend(f"{prefix}/{name}" for name in names)
    return nodes


def _body(reply, path):
    error, body = reply
    if error:
        raise wire.Refused(f"{path} cannot be read: {error}")
    return body


def differences(before, after, skip=(), most=20):
    """Sentences about what is not the same in two dumps; the subtrees `skip` are left out."""
    found = []
    skipped = tuple(path + "/" for path in skip)
    for path in before.keys() | after.keys():
        if (path + "/").startswith(skipped):
            continue
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            found.append(f"{path}: {'appeared' if old is None else 'is missing'}")
        elif old != new:
            found.append(f"{path}: " + "; ".join(_node_differences(old, new)))
    found.sort()
    return found if len(found) <= most else found[:most] + [f"and {len(found) - most} more"]


def _node_differences(old, new):
    for name, was, now in zip(wire.STAT_FIELDS, old.stat(), new.stat()):
        if was != now:
            yield f"{name} {was} -> {now}"
    for name, was, now in (("data", old.value(), new.value()),
                           ("acl", old.entries(), new.entries()),
                           ("children", set(old.children), set(new.children))):
        if was != now:
            yield f"{name} {str(was)[:80]} -> {str(now)[:80]}"


def stored_owner(path, shown):
    """The owner as servers store it. The protocol does not show those of containers and TTL nodes;
    this test has them in the names that it gives."""
    name = path.rsplit("/", 1)[1]
    if name.startswith("container-"):
        return CONTAINER_OWNER
    if name.startswith("ttl-"):
        return TTL_OWNER + int(name.split("-")[1])
    return shown


def persisted_cversion(stat):
    """Servers keep the number of creates; they show creates and deletes."""
    return ((stat[5] + stat[9]) & 0xffffffff) >> 1


def persisted(path, node):
    """The stat as servers store it, in the order of a snapshot."""
    czxid, mzxid, ctime, mtime, version, _, aversion, owner, _, _, pzxid = shown = node.stat()
    return [czxid, mzxid, ctime, mtime, version, persisted_cversion(shown), aversion,
            stored_owner(path, owner), pzxid]


def digest(nodes):
    """The digest of the whole tree."""
    return digest_of((path, node.value(), persisted(path, node)) for path, node in nodes.items())


def digest_of(stored):
    """The same by its definition, from (path, data, persisted stat) of each node."""
    total = 0
    for path, value, stat in stored:
        if path.startswith("/zookeeper/"):
            continue
        czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid = stat
        crc = zlib.crc32(value or b"", zlib.crc32(b"" if path == "/" else path.encode()))
        fields = _PERSISTED.pack(czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion,
                                 owner)
        total += zlib.crc32(fields, crc)
    return total & (1 << 64) - 1


def digest_identity(user, password):
    """What the digest scheme makes of a user and a password."""
    import hashlib
    hashed = hashlib.sha1(f"{user}:{password}".encode()).digest()
    return f"{user}:{base64.b64encode(hashed).decode()}"
