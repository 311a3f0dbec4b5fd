"""Holds what clients were told to what the servers' logs say, and both to ZooKeeper's promises.

The logs give the order of all writes, the zxid of each reply its place in that order. The order itself
is not believed: it must agree between the servers, explain every answer, and fit the clock.

    logs        the servers agree on every transaction, and none is missing
    witness     each acknowledged write is a transaction, at a zxid not above that of its reply; one
                without an answer happened at most once; nobody else's are there
    model       each transaction is legal where it stands, with the result that was told
    real time   a write that was asked for after another had returned comes behind it; nobody reads
                what was not asked for yet
    reads       each read shows the state at its zxid
    sessions    zxids of a session never go down; a session that has ended has no later effect, and
                its ephemeral nodes are gone with it
    sync        a read behind a sync shows all that had returned before the sync was asked for
    numbers     of sequential nodes are unique and rise
    locks       no two holders were ever sure at the same time
    end         all servers show the state that the log makes
"""

import collections
import dataclasses
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "durability"))
import log_format
import wire

NO_NODE, NOT_EMPTY, BAD_VERSION, NODE_EXISTS = -101, -111, -103, -110
SESSION_ENDED = {-112, -118}   # SessionExpired, SessionMoved
SESSION_MOVE = -2**31           # The number of no request.
REFUSED = {-4, -119, -127}     # ConnectionLoss, NotReadOnly, Throttled: without effect.
WRITES = {"create": wire.CREATE2, "delete": wire.DELETE, "set": wire.SET_DATA,
          "close": wire.CLOSE_SESSION}
TYPES = {wire.CREATE: "create", wire.CREATE2: "create", wire.DELETE: "delete",
         wire.SET_DATA: "set", wire.CLOSE_SESSION: "close", wire.CREATE_SESSION: "begin",
         wire.ERROR: "error"}
MOST = 20  # Complaints of a kind.


@dataclasses.dataclass
class Node:
    data: bytes
    czxid: int
    mzxid: int
    pzxid: int
    owner: int = 0
    version: int = 0
    created: int = 0      # Children so far.
    children: frozenset = frozenset()

    def stat(self):
        return {"czxid": self.czxid, "mzxid": self.mzxid, "pzxid": self.pzxid,
                "version": self.version, "owner": self.owner, "bytes": len(self.data),
                "children": len(self.children),
                "cversion": 2 * self.created - len(self.children)}


class Model:
    """The tree, by ZooKeeper's rules."""

    def __init__(self):
        self.nodes = {"/": Node(b"", 0, 0, 0)}
        self.of_session = collections.defaultdict(set)

    def refusal(self, op):
        """The error that this request deserves now, 0 for none."""
        if op.kind == "create":
            parent = self.nodes.get(log_format.parent(op.path))
            if parent is None:
                return NO_NODE
            return NODE_EXISTS if self.path_for(op) in self.nodes else 0
        node = self.nodes.get(op.path)
        if node is None:
            return NO_NODE
        if op.version not in (-1, node.version):
            return BAD_VERSION
        return NOT_EMPTY if op.kind == "delete" and node.children else 0

    def path_for(self, op):
        if not op.flags & wire.SEQUENTIAL:
            return op.path
        return f"{op.path}{self.nodes[log_format.parent(op.path)].created:010d}"

    def create(self, path, data, owner, zxid):
        parent = log_format.parent(path)
        self.nodes[path] = Node(data or b"", zxid, zxid, zxid, owner)
        node = self.nodes[parent]
        self.nodes[parent] = dataclasses.replace(
            node, pzxid=zxid, created=node.created + 1,
            children=node.children | {path.rsplit("/", 1)[1]})
        if owner:
            self.of_session[owner].add(path)

    def delete(self, path, zxid):
        gone = self.nodes.pop(path)
        self.of_session[gone.owner].discard(path)
        parent = log_format.parent(path)
        node = self.nodes[parent]
        self.nodes[parent] = dataclasses.replace(
            node, pzxid=zxid, children=node.children - {path.rsplit("/", 1)[1]})

    def set(self, path, data, zxid):
        node = self.nodes[path]
        self.nodes[path] = dataclasses.replace(node, data=data or b"", mzxid=zxid,
                                               version=node.version + 1)

    def end(self, session, zxid):
        for path in sorted(self.of_session[session]):
            self.delete(path, zxid)
        del self.of_session[session]


class Checker:
    def __init__(self, history, logs, dumps=()):
        """logs: server -> its transactions. dumps: server -> path -> (data, stat), at the end."""
        self.history, self.logs, self.dumps = history, logs, dict(dumps)
        self.found = []
        self._counts = collections.Counter()

    def check(self):
        """The complaints."""
        self.txns = self._merged()
        self._witness()
        self._model_and_reads()
        self._real_time()
        self._sessions()
        self._syncs()
        self._numbers()
        self._locks()
        return self.found

    def _complain(self, rule, sentence):
        self._counts[rule] += 1
        if self._counts[rule] <= MOST:
            self.found.append(f"{rule}: {sentence}")

    # --- logs

    def _merged(self):
        merged = {}
        for server, txns in self.logs.items():
            last = 0
            for txn in txns:
                if txn.zxid <= last:
                    self._complain("logs", f"server {server}: {txn.zxid:#x} comes behind {last:#x}")
                last = txn.zxid
                known = merged.setdefault(txn.zxid, txn)
                if known != txn:
                    self._complain("logs", f"server {server} has another transaction "
                                           f"{txn.zxid:#x}: {txn}, and not {known}")
        txns = [merged[zxid] for zxid in sorted(merged)]
        for before, behind in zip(txns, txns[1:]):
            if not log_format.follows(before.zxid, behind.zxid):
                self._complain("logs", f"{behind.zxid:#x} comes behind {before.zxid:#x}")
        return txns

    # --- witness

    def _witness(self):
        asked = {(op.session, op.xid): op for op in self.history.ops if op.kind in WRITES}
        sessions = {op.session for op in self.history.ops}
        self.op_of, txn_of = {}, {}
        for txn in self.txns:
            op = asked.get((txn.session, txn.cxid))
            kind = TYPES.get(txn.type, str(txn.type))
            moved = kind == "error" and txn.cxid == SESSION_MOVE
            if txn.session not in sessions or kind == "begin" or moved or kind == "close" and op is None:
                continue  # The runner's own; that it came to another server; the end of one that expired.
            if op is None or kind not in ("error", op.kind):
                self._complain("witness", f"{txn.zxid:#x}, {kind} of session {txn.session:#x}, "
                                          f"request {txn.cxid}: nobody asked for it")
            elif op.xid in txn_of.setdefault(op.session, {}):
                self._complain("witness", f"{op} happened twice, at {txn.zxid:#x} and "
                                          f"{txn_of[op.session][op.xid].zxid:#x}")
            else:
                txn_of[op.session][op.xid] = txn
                self.op_of[txn.zxid] = op
        for op in asked.values():
            self._acknowledged(op, txn_of.get(op.session, {}).get(op.xid))

    def _acknowledged(self, op, txn):
        if op.returned is None:
            return
        if op.error in REFUSED | SESSION_ENDED:
            if txn is not None and txn.error == 0:
                self._complain("witness", f"{op}: refused, and yet it happened at {txn.zxid:#x}")
        elif txn is None:
            self._complain("witness", f"{op}: acknowledged, and lost")
        elif txn.error != op.error or txn.zxid > op.zxid:
            # A write that waits for the next leader to confirm its session is answered later, with
            # the zxid of the state then.
            self._complain("witness", f"{op}: the log says error {txn.error}, zxid {txn.zxid:#x}")

    # --- model and reads: one walk over the transactions, with the reads in their places

    def _model_and_reads(self):
        self.model = Model()
        reads = collections.defaultdict(list)
        for op in self.history.ops:
            if op.returned is not None and op.kind in ("get", "exists", "children"):
                if op.error == 0 or op.error == NO_NODE:
                    reads[op.zxid].append(op)
        places = sorted(set(reads) | {txn.zxid for txn in self.txns})
        by_zxid = {txn.zxid: txn for txn in self.txns}
        for zxid in places:
            if zxid in by_zxid:
                try:
                    self._apply(by_zxid[zxid])
                except (KeyError, ValueError) as e:
                    self._complain("model", f"{by_zxid[zxid]} cannot be applied: {e!r}")
            elif zxid & 0xffffffff:  # Else the beginning of an epoch.
                self._complain("reads", f"{reads[zxid][0]}: there is no such zxid")
            for op in reads[zxid]:
                self._read(op)
        for server, shown in self.dumps.items():
            self._end(server, shown)

    def _apply(self, txn):
        op, reader = self.op_of.get(txn.zxid), wire.Reader(txn.body)
        kind = TYPES.get(txn.type)
        deserved = self.model.refusal(op) if op and op.kind != "close" else None
        if deserved is not None and txn.error not in {deserved, *SESSION_ENDED}:
            self._complain("model", f"{op}: error {txn.error} in the log, and {deserved} would be "
                                    "right")
        if kind == "create":
            path, data, _, ephemeral = reader.string(), reader.buffer(), reader.acl(), \
                reader.boolean()
            if op and (path != self.model.path_for(op) or (data or b"") != op.data
                       or ephemeral != bool(op.flags & wire.EPHEMERAL)):
                self._complain("model", f"{op}: the log creates {path} with {data}, and "
                                        f"{self.model.path_for(op)} would be right")
            self.model.create(path, data, txn.session if ephemeral else 0, txn.zxid)
        elif kind == "delete":
            path = reader.string()
            if op and path != op.path:
                self._complain("model", f"{op}: the log deletes {path}")
            self.model.delete(path, txn.zxid)
        elif kind == "set":
            path, data, version = reader.string(), reader.buffer(), reader.i32()
            self.model.set(path, data, txn.zxid)
            if op and (path != op.path or (data or b"") != op.data):
                self._complain("model", f"{op}: the log sets {path} to {data}")
            if version != self.model.nodes[path].version:
                self._complain("model", f"{txn.zxid:#x} makes version {version} of {path}, and "
                                        f"{self.model.nodes[path].version} would be right")
        elif kind == "close":
            self.model.end(txn.session, txn.zxid)
        if op and op.succeeded and txn.error == 0:
            self._told(op)

    def _told(self, op):
        """The result of a write is the state right behind it."""
        if op.kind == "create":
            path, stat = op.result
        elif op.kind == "set":
            path, stat = op.path, op.result
        else:
            return
        node = self.model.nodes.get(path)
        if node is None:
            self._complain("model", f"{op}: told of {path}, which is not there")
        elif wrong := differences(node.stat(), stat):
            self._complain("model", f"{op}: told {wrong}")

    def _read(self, op):
        node = self.model.nodes.get(op.path)
        if (node is None) != (op.error == NO_NODE):
            return self._complain("reads", f"{op}: the node is {'not ' * (node is None)}there")
        if node is None:
            return
        if op.kind == "children":
            if op.result != sorted(node.children):
                self._complain("reads", f"{op}: saw {op.result}, and {sorted(node.children)} "
                                        "would be right")
            return
        data, stat = op.result if op.kind == "get" else (node.data, op.result)
        if data != node.data:
            self._complain("reads", f"{op}: saw {data}, and {node.data} would be right")
        if wrong := differences(node.stat(), stat):
            self._complain("reads", f"{op}: saw {wrong}")

    def _end(self, server, shown):
        for path in sorted(set(self.model.nodes) | set(shown)):
            if path == "/" or path.startswith("/zookeeper"):
                continue
            node, there = self.model.nodes.get(path), shown.get(path)
            if node is None:
                owner = there[1]["owner"]
                self._complain("end", f"server {server} shows {path}, which is not there"
                                      + f" (of session {owner:#x})" * (owner != 0))
            elif there is None:
                self._complain("end", f"server {server} does not show {path}")
            elif (there[0] or b"") != node.data or differences(node.stat(), there[1]):
                self._complain("end", f"server {server} shows {path} with {there[0]} "
                                      f"{differences(node.stat(), there[1])}")

    # --- real time

    def _real_time(self):
        returned = None  # The earliest return of a write with a higher zxid.
        for txn in reversed(self.txns):
            op = self.op_of.get(txn.zxid)
            if op is None:
                continue
            if returned is not None and op.invoked > returned.returned:
                self._complain("real time", f"{op} at {txn.zxid:#x} comes before {returned}, which "
                                            "had returned when it was asked for")
            if op.returned is not None and (returned is None or op.returned < returned.returned):
                returned = op
        latest, txns = None, iter(self.txns)
        txn = next(txns, None)
        for op in sorted((op for op in self.history.ops if op.returned is not None and op.zxid),
                         key=lambda op: op.zxid):
            while txn is not None and txn.zxid <= op.zxid:
                write = self.op_of.get(txn.zxid)
                if write and (latest is None or write.invoked > latest.invoked):
                    latest = write
                txn = next(txns, None)
            if latest is not None and latest.invoked > op.returned:
                self._complain("real time", f"{op} shows {latest}, which was not asked for yet")

    # --- sessions

    def _sessions(self):
        by_session = collections.defaultdict(list)
        for op in self.history.ops:
            if op.returned is not None and op.kind not in ("connect", "ping"):
                by_session[op.session].append(op)
        ends = {txn.session: txn.zxid for txn in reversed(self.txns)
                if txn.type == wire.CLOSE_SESSION}
        for session, ops in by_session.items():
            last = 0
            for op in sorted(ops, key=lambda op: op.order):
                if op.error in SESSION_ENDED | REFUSED:
                    continue
                if op.zxid < last:
                    self._complain("sessions", f"{op}: zxid {last:#x} was seen before")
                last = max(last, op.zxid)
                if session in ends and op.zxid > ends[session]:
                    self._complain("sessions", f"{op}: the session ended at {ends[session]:#x}")
        for txn in self.txns:
            # Closing it once more has no effect, and happens: it is sent again to the next leader.
            if (txn.session in ends and txn.zxid > ends[txn.session] and txn.error == 0
                    and txn.type != wire.CLOSE_SESSION):
                self._complain("sessions", f"{txn.zxid:#x} is of session {txn.session:#x}, which "
                                           f"ended at {ends[txn.session]:#x}")
        self._expired(ends)
        for path, node in self.model.nodes.items():
            if node.owner in ends:
                self._complain("sessions", f"{path} is left of session {node.owner:#x}")

    def _expired(self, ends):
        """Who was told that its session has ended: it had."""
        writes = [op for op in self.history.ops if op.kind in WRITES and op.succeeded]
        for told in self.history.ops:
            if told.kind != "connect" or told.result != "expired":
                continue
            if told.session not in ends:
                self._complain("sessions", f"session {told.session:#x} was told that it had "
                                           "expired, and it never ended")
                continue
            early = [op for op in writes if op.invoked > told.returned
                     and op.zxid < ends[told.session]]
            if early:
                self._complain("sessions", f"session {told.session:#x} was told that it had "
                                           f"expired before it did: {early[0]} came in between")

    # --- sync

    def _syncs(self):
        writes = sorted((op for op in self.history.ops if op.kind in WRITES and op.succeeded),
                        key=lambda op: op.returned)
        by_session = collections.defaultdict(list)
        for op in self.history.ops:
            if op.returned is not None and op.order:
                by_session[op.session].append(op)
        pairs = []
        for ops in by_session.values():
            ops.sort(key=lambda op: op.order)
            pairs += [(sync, read) for sync, read in zip(ops, ops[1:])
                      if sync.kind == "sync" and sync.error == 0 and read.kind == "get"]
        pairs.sort(key=lambda pair: pair[0].invoked)
        newest, at = None, 0
        for sync, read in pairs:
            while at < len(writes) and writes[at].returned < sync.invoked:
                if newest is None or writes[at].zxid > newest.zxid:
                    newest = writes[at]
                at += 1
            if newest is not None and read.zxid < newest.zxid:
                self._complain("sync", f"{read}, behind a sync, does not show {newest}, which had "
                                       "returned before the sync was asked for")

    # --- numbers, without the logs

    def _numbers(self):
        last = {}
        for op in sorted((op for op in self.history.ops if op.kind == "create" and op.succeeded
                          and op.flags & wire.SEQUENTIAL),
                         key=lambda op: op.result[1]["czxid"]):
            parent, number = log_format.parent(op.path), op.result[0][-10:]
            if not number.isdigit() or int(number) <= last.get(parent, -1):
                self._complain("numbers", f"{op}: got {op.result[0]} behind number "
                                          f"{last.get(parent)}")
            else:
                last[parent] = int(number)

    # --- locks

    def _locks(self):
        """Holders take turns in the order in which their nodes were made."""
        latest = None
        for work in sorted(self.history.works, key=lambda work: work.at):
            if latest is not None and work.czxid < latest.czxid:
                late = (work.at - latest.at) / 1e6
                self._complain("locks", f"{work.path} (session {work.session:#x}) worked {late:.0f} "
                                        f"ms after {latest.path} had begun")
            elif latest is None or work.czxid > latest.czxid:
                latest = work


def differences(right, told):
    return {name: f"{told[name]} instead of {value}" for name, value in right.items()
            if told[name] != value}
