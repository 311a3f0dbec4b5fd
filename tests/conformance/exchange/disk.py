"""ZooKeeper's files, read and written by their documentation alone: neither server's code has part
in what this test believes to stand in them."""

import glob
import gzip
import os
import struct
import zlib

import tree
import wire

LOG_MAGIC, SNAPSHOT_MAGIC = 0x5a4b4c47, 0x5a4b534e
_STAT = struct.Struct(">qqqqqiiiqq")  # ACL key, then the persisted stat.


class Damaged(Exception):
    pass


def zxid_of(path):
    return int(os.path.basename(path).split(".")[1], 16)


def by_zxid(directory, kind):
    """The files of a kind ("log", "snapshot") in version-2, oldest first."""
    files = [f for f in glob.glob(os.path.join(directory, "version-2", kind + ".*"))
             if f.count(".") == 1 or f.endswith((".gz", ".snappy"))]
    return sorted(files, key=zxid_of)


class Snapshot:
    """zxid, sessions {id: timeout}, nodes {path: (data, acl entries, persisted stat)}, digest."""


def read_snapshot(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as f:
        content = f.read()
    if struct.unpack_from(">iiq", content) != (SNAPSHOT_MAGIC, 2, -1):
        raise Damaged(f"{path}: no snapshot's header")
    found = Snapshot()
    found.zxid = zxid_of(path)
    at = 16
    count, = struct.unpack_from(">i", content, at)
    at += 4
    found.sessions = {}
    for _ in range(count):
        session, timeout = struct.unpack_from(">qi", content, at)
        found.sessions[session] = timeout
        at += 12
    acls, at = _acls(content, at)
    found.nodes = {}
    while True:
        name = wire.string(content[at:at + 4 + struct.unpack_from(">i", content, at)[0]])
        at += 4 + len(name.encode())
        if name == "/":
            break
        length, = struct.unpack_from(">i", content, at)
        value = None if length < 0 else content[at + 4:at + 4 + length]
        at += 4 + max(length, 0)
        key, *stat = _STAT.unpack_from(content, at)
        at += _STAT.size
        # Nodes without a list of their own are open to all.
        found.nodes[name or "/"] = (value, wire.OPEN if key == -1 else acls[key], stat)
    at = _seal(path, content, at)
    found.digest = found.digest_zxid = None
    if at < len(content):
        found.digest_zxid, _, found.digest = struct.unpack_from(">qiQ", content, at)
        at = _seal(path, content, at + 20)
    if at < len(content):
        last, = struct.unpack_from(">q", content, at)
        if last != found.zxid:
            raise Damaged(f"{path}: its last part names zxid 0x{last:x}")
        at = _seal(path, content, at + 8)
    if at != len(content):
        raise Damaged(f"{path}: {len(content) - at} bytes after its end")
    return found


def _acls(content, at):
    count, = struct.unpack_from(">i", content, at)
    at += 4
    acls = {}
    for _ in range(count):
        key, entries = struct.unpack_from(">qi", content, at)
        at += 12
        listed = []
        for _ in range(entries):
            perms, = struct.unpack_from(">i", content, at)
            parts = []
            at += 4
            for _ in range(2):
                length, = struct.unpack_from(">i", content, at)
                parts.append(content[at + 4:at + 4 + length].decode())
                at += 4 + length
            listed.append((perms, *parts))
        acls[key] = tuple(listed)
    return acls, at


def _seal(path, content, at):
    checksum, length, slash = struct.unpack_from(">qis", content, at)
    if (length, slash) != (1, b"/") or checksum != zlib.adler32(content[:at]):
        raise Damaged(f"{path}: no seal, or not its checksum, at {at}")
    return at + 13


def log_records(path):
    """(zxid, type, digest or None) of each record."""
    with open(path, "rb") as f:
        if struct.unpack(">iiq", f.read(16))[:2] != (LOG_MAGIC, 2):
            raise Damaged(f"{path}: no log's header")
        while True:
            head = f.read(12)
            if len(head) < 12:
                return
            checksum, length = struct.unpack(">qi", head)
            if length == 0:
                return
            payload = f.read(length)
            if len(payload) < length or f.read(1) != b"B":
                return  # Written in part when the server was killed.
            if zlib.adler32(payload) != checksum:
                raise Damaged(f"{path}: a record with another checksum")
            _, _, zxid, _, kind = struct.unpack_from(">qiqqi", payload)
            version, value = struct.unpack(">iQ", payload[-12:])
            yield zxid, kind, value if version == 2 else None


def last_log_record(directory):
    for path in reversed(by_zxid(directory, "log")):
        last = None
        for last in log_records(path):
            pass
        if last:
            return last
    raise Damaged(f"no record in any log of {directory}")


def write_log(path, payloads):
    with open(path, "wb") as f:
        f.write(struct.pack(">iiq", LOG_MAGIC, 2, 0))
        for payload in payloads:
            f.write(struct.pack(">qi", zlib.adler32(payload), len(payload)) + payload + b"B")


def write_fresh_snapshot(path):
    """Of an empty tree."""
    record = struct.Struct(">qqqqqiiiqq")
    body = struct.pack(">iiq", SNAPSHOT_MAGIC, 2, -1) + struct.pack(">i", 0)
    body += struct.pack(">iq", 1, 1) + wire.acl_list(((1, "world", "anyone"),))
    for name in "", "/zookeeper", "/zookeeper/quota", "/zookeeper/config":
        key, aversion = (1, -1) if name.endswith("config") else (-1, 0)
        body += wire.text(name) + wire.data(b"")
        body += record.pack(key, 0, 0, 0, 0, 0, 0, aversion, 0, 0)
    body += wire.text("/")
    with open(path, "wb") as f:
        f.write(body + struct.pack(">q", zlib.adler32(body)) + wire.text("/"))


def digest(snapshot):
    """Of the nodes in the file."""
    return tree.digest_of((path, value, stat)
                          for path, (value, _, stat) in snapshot.nodes.items())


def snapshot_differences(snapshot, served, skip=(), most=10):
    """How a snapshot's nodes differ from those that the server serves; subtrees `skip` left out."""
    found = []
    skipped = tuple(path + "/" for path in skip)
    for path in snapshot.nodes.keys() ^ served.keys():
        if (path + "/").startswith(skipped):
            continue
        found.append(f"{path}: only {'in the snapshot' if path in snapshot.nodes else 'served'}")
    for path in snapshot.nodes.keys() & served.keys():
        if (path + "/").startswith(skipped):
            continue
        value, acl, stat = snapshot.nodes[path]
        node = served[path]
        expected = tree.persisted(path, node)
        if value != node.value() or acl != node.entries() or stat != expected:
            found.append(f"{path}: {str((value, acl, stat))[:300]} in the snapshot, served "
                         f"{str((node.value(), node.entries(), expected))[:300]}")
    return sorted(found)[:most]
