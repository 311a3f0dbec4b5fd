"""ZooKeeper's transaction logs and snapshots, read as the format says, and the tree they make."""

import dataclasses
import re
import struct
import zlib

import wire

HEADER_BYTES, RECORD_PREFIX_BYTES, RECORD_OVERHEAD_BYTES, TXN_HEADER_BYTES = 16, 12, 13, 32
LOG_MAGIC, SNAPSHOT_MAGIC = b"ZKLG", b"ZKSN"
SEAL_BYTES, DIGEST_BYTES, LAST_ZXID_BYTES = 13, 20, 8

_LOG_NAME = re.compile(r"log\.([0-9a-f]+)$")
_SNAPSHOT_NAME = re.compile(r"snapshot\.([0-9a-f]+)(?:\.gz|\.snappy)?$")


def log_zxid(name):
    match = _LOG_NAME.match(name)
    return int(match[1], 16) if match else None


def snapshot_zxid(name):
    match = _SNAPSHOT_NAME.match(name)
    return int(match[1], 16) if match else None


@dataclasses.dataclass(frozen=True)
class Txn:
    session: int
    cxid: int
    zxid: int
    time: int
    type: int
    body: bytes

    @property
    def error(self):
        """The error number with which the request was answered, 0 for none."""
        return wire.Reader(self.body).i32() if self.type == wire.ERROR else 0


class LogReader:
    """Reads the records of one log, which may grow between two calls."""

    def __init__(self):
        self.at = 0  # Behind the last good record.
        self.first = self.last = None
        self.hole = None

    def read(self, data, length=None):
        """The new records of a file of which the first `length` bytes count."""
        length, txns = len(data) if length is None else length, []
        if self.at == 0:
            if length < HEADER_BYTES or bytes(data[:4]) != LOG_MAGIC:
                return txns
            self.at = HEADER_BYTES
        while length - self.at >= RECORD_PREFIX_BYTES:
            checksum, size = struct.unpack_from(">qi", data, self.at)
            end = self.at + RECORD_OVERHEAD_BYTES + size
            if size < TXN_HEADER_BYTES or end > length or data[end - 1] != 0x42:
                break
            payload = bytes(data[self.at + RECORD_PREFIX_BYTES:end - 1])
            if zlib.adler32(payload) != checksum:
                break
            txns.append(Txn(*struct.unpack_from(">qiqqi", payload), payload[TXN_HEADER_BYTES:]))
            self._note(txns[-1].zxid)
            self.at = end
        return txns

    def _note(self, zxid):
        if self.first is None:
            self.first = zxid
        elif not follows(self.last, zxid):
            self.hole = self.hole or (self.last, zxid)
        self.last = zxid

    def ends_clean(self, data, length=None):
        """Whether only zeros follow the last good record."""
        return not any(data[self.at:length])


def follows(zxid, following):
    """Whether `following` may be the transaction right behind `zxid`."""
    if following == zxid + 1:
        return True
    return following >> 32 > zxid >> 32 and following & 0xffffffff <= 1


def snapshot_body(data):
    """The body of a whole snapshot; None when its seals do not match."""
    if len(data) < HEADER_BYTES + SEAL_BYTES or bytes(data[:4]) != SNAPSHOT_MAGIC:
        return None
    digest, last_zxid = DIGEST_BYTES + SEAL_BYTES, LAST_ZXID_BYTES + SEAL_BYTES
    for trailers in ([digest, last_zxid], [digest], [last_zxid], []):
        end = len(data) - SEAL_BYTES - sum(trailers)
        if end >= HEADER_BYTES and all(_is_seal(data, at) for at in _seals(end, trailers)):
            return bytes(data[HEADER_BYTES:end])
    return None


def _seals(end, trailers):
    """Where the seals begin: the first behind the body, each other at the end of its trailer."""
    places, at = [end], end + SEAL_BYTES
    for size in trailers:
        at += size
        places.append(at - SEAL_BYTES)
    return places


def _is_seal(data, at):
    if at < 0 or bytes(data[at + 8:at + SEAL_BYTES]) != b"\0\0\0\1/":
        return False
    return struct.unpack_from(">q", data, at)[0] == zlib.adler32(bytes(data[:at]))


@dataclasses.dataclass
class Node:
    data: bytes
    czxid: int
    mzxid: int
    pzxid: int
    version: int
    aversion: int
    owner: int

    def shown(self):
        """Data and stat fields as a client sees them, but for owners, times and cversion."""
        return (self.data or b"", self.czxid, self.mzxid, self.pzxid, self.version, self.aversion)


class Tree:
    """What snapshots and logs say the tree is. The values of built-in nodes are left out."""

    def __init__(self):
        self.nodes = {}

    def load(self, body):
        self.nodes = {}
        reader = wire.Reader(body)
        for _ in range(reader.i32()):
            reader.i64(), reader.i32()
        for _ in range(reader.i32()):
            reader.i64(), reader.acl()
        while True:
            path = reader.string()
            if path == "/":
                return
            data, _ = reader.buffer(), reader.i64()
            czxid, mzxid, _, _ = (reader.i64() for _ in range(4))
            version, _, aversion = (reader.i32() for _ in range(3))
            owner, pzxid = reader.i64(), reader.i64()
            self.nodes[path or "/"] = Node(data, czxid, mzxid, pzxid, version, aversion, owner)

    def apply(self, txn):
        if txn.type == wire.MULTI:
            self._apply_multi(txn)
        else:
            self._apply_one(txn, txn.type, wire.Reader(txn.body))

    def _apply_multi(self, txn):
        reader = wire.Reader(txn.body)
        parts = [(reader.i32(), reader.buffer()) for _ in range(reader.i32())]
        if any(kind == wire.ERROR for kind, _ in parts):
            return
        for kind, body in parts:
            self._apply_one(txn, kind, wire.Reader(body))

    def _apply_one(self, txn, kind, reader):
        if kind in (wire.CREATE, wire.CREATE2, wire.CREATE_CONTAINER, wire.CREATE_TTL):
            path, data, _ = reader.string(), reader.buffer(), reader.acl()
            ephemeral = kind in (wire.CREATE, wire.CREATE2) and reader.boolean()
            owner = txn.session if ephemeral else 0
            self.nodes[path] = Node(data, txn.zxid, txn.zxid, txn.zxid, 0, 0, owner)
            self.nodes[parent(path)].pzxid = txn.zxid
        elif kind in (wire.DELETE, 20):
            self._remove(reader.string(), txn.zxid)
        elif kind == wire.SET_DATA:
            node = self.nodes[reader.string()]
            node.data, node.version, node.mzxid = reader.buffer(), reader.i32(), txn.zxid
        elif kind == wire.SET_ACL:
            node, _, version = self.nodes[reader.string()], reader.acl(), reader.i32()
            node.aversion = version
        elif kind == wire.CLOSE_SESSION:
            for path in [reader.string() for _ in range(reader.i32())]:
                self._remove(path, txn.zxid)

    def _remove(self, path, zxid):
        if self.nodes.pop(path, None):
            self.nodes[parent(path)].pzxid = zxid

    def differences(self, shown):
        """Sentences about what a server's dump has otherwise."""
        found = []
        seen = {path: (data or b"", stat["czxid"], stat["mzxid"], stat["pzxid"], stat["version"],
                       stat["aversion"]) for path, (data, stat) in shown.items()}
        for path in sorted(set(self.nodes) | set(seen)):
            if path == "/" or path.startswith("/zookeeper"):
                continue
            wanted = self.nodes[path].shown() if path in self.nodes else None
            if wanted != seen.get(path):
                found.append(f"{path}: the log says {wanted}, the server {seen.get(path)}")
        return found


def parent(path):
    return path[:path.rindex("/")] or "/"
