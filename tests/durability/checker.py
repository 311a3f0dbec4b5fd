"""Replays a trace, and holds it to what is promised to clients and to the next start.

The rules, each of which some sync calls keep:

replies   When a reply leaves, a power cut at that moment leaves everything that the reply shows:
          from a whole snapshot on, the log goes without a hole up to the zxid in the reply; and it
          holds the write, or the session, that the reply acknowledges. So it is after each removal.
content   A file gets its final name only when all its bytes are synced: a snapshot is complete or
          absent, and a file of ours holds its old content or the new one.
names     A thread that has made a name for good (a directory, a log, a renamed file) makes it
          durable before it changes anything but that file, and before the server ends.
ends      A log that another one follows ends with its last whole record: a Java server reads no
          further than to anything else.
records   The record of what was acknowledged from a log is synced before the next log is begun, and
          some time after it changed; then its name is durable too.
"""

import collections
import dataclasses
import os

import log_format
import trace_file as trace
import wire
from disk_model import Disk


@dataclasses.dataclass
class Violation:
    rule: str
    call: trace.Call
    text: str

    def __str__(self):
        return f"{self.rule}: {self.text} (run {self.call.run}, at {self.call.place})"


AT_START = "at a start: "  # Kinds of syncs of what the run has not changed.
# Syncs of an unfinished file that another one covers before it gets its name.
PACING = "pacing: a snapshot, in portions"
# And of one that never gets its name, because the server ends.
GIVEN_UP = "content: a snapshot that is given up"


class Connection:
    """What was asked and answered on one connection."""

    def __init__(self):
        self.asked, self.told = bytearray(), bytearray()
        self.requests = {}       # xid -> (operation, body)
        self.session = None      # Its id, once it is known.
        self.new_session = None  # Whether it was to be a new one.
        self.is_word = False     # A four-letter word, not a session.

    def receive(self, data):
        self.asked += data
        if self.new_session is None and self.asked[:4].isalpha():
            self.is_word = True
        if self.is_word:
            return
        for payload in frames(self.asked):
            reader = wire.Reader(payload)
            if self.new_session is None:
                reader.i32(), reader.i64(), reader.i32()
                self.new_session = reader.i64() == 0
            else:
                xid, operation = reader.i32(), reader.i32()
                self.requests[xid] = operation, payload[8:]

    def send(self, data):
        """The replies that are whole with these bytes."""
        if self.is_word:
            return []
        self.told += data
        return list(frames(self.told))


def frames(stream):
    """Takes the whole frames from the front of a bytearray."""
    at = 0
    while len(stream) - at >= 4:
        size = int.from_bytes(stream[at:at + 4], "big")
        if len(stream) - at - 4 < size:
            break
        yield bytes(stream[at + 4:at + 4 + size])
        at += 4 + size
    del stream[:at]


class History:
    """The history that a start would find after a power cut."""

    def __init__(self, disk, snapshots, logs):
        self._disk, self._snapshots, self._logs = disk, snapshots, logs
        self._readers = {}   # Inode -> (LogReader, the synced bytes it has seen).
        self._whole = {}     # Inode of a snapshot -> whether it is.
        self._seen = self._moments = None
        self.requests = {}   # (session, cxid) -> zxid, of what was ever found in a synced log.
        self.sessions = {}   # id -> zxid of its creation.
        self.base = self.last = None
        self.problem = None  # Why the history is not longer, when a file shows it.

    def update(self):
        """Reads what has become durable since the last time."""
        if self._disk.moments == self._moments:
            return
        self._moments = self._disk.moments
        directories = [self._disk.find(path) for path in {self._snapshots, self._logs}]
        files = [inode for directory in directories if directory
                 for inode in directory.durable_names.values() if not inode.is_directory]
        seen = ([d and d.version for d in directories], [(f.number, f.version) for f in files])
        if seen == self._seen:
            return
        self._seen = seen
        self.base = self._newest_snapshot()
        self._follow_logs()

    def _certain(self, path, zxid_of):
        """(zxid, inode) of the files with such names that a power cut leaves, in order."""
        directory = self._disk.find(path)
        if directory is None or not directory.is_durably_named():
            return []
        named = [(zxid_of(name), inode) for name, inode in directory.certain_names().items()]
        return sorted(((z, inode) for z, inode in named if z is not None), key=lambda f: f[0])

    def _newest_snapshot(self):
        for zxid, inode in reversed(self._certain(self._snapshots, log_format.snapshot_zxid)):
            if inode not in self._whole:
                self._whole[inode] = log_format.snapshot_body(inode.durable) is not None
            if self._whole[inode]:
                return zxid
        return None

    def _follow_logs(self):
        self.last, self.problem = self.base, None
        logs = self._certain(self._logs, log_format.log_zxid)
        readers = [(self._read(inode), inode) for _, inode in logs]
        for (reader, inode), follower in zip(readers, readers[1:] + [None]):
            if reader.first is None or self.last is None or reader.last <= self.last:
                continue
            begins = reader.first <= self.last or log_format.follows(self.last, reader.first)
            if not begins or reader.hole:
                self.problem = f"{inode.path} does not go on from {self.last:#x}"
                return
            self.last = reader.last
            if follower and not reader.ends_clean(inode.durable):
                self.problem = f"{inode.path} does not end behind its last record"

    def _read(self, inode):
        length = inode.certain()
        reader = self._readers.get(inode)
        if reader is None or length < reader.at:
            reader = self._readers[inode] = log_format.LogReader()
        for txn in reader.read(inode.durable, length):
            self.requests[txn.session, txn.cxid] = txn
            if txn.type == wire.CREATE_SESSION:
                self.sessions[txn.session] = txn.zxid
        return reader


class Checker:
    """copies: what lay in `root` after each run.
    found: what lay there before the first, and nobody has synced.
    on_pause: called after each run, and at each `pause_every`th reply.
    recorded_ends: runs that are known to have ended with durable records. A stop does not wait for
    that sync, and so it may be missing; but the checker must notice when it is taken out.
    drop: places of syncs that are taken not to have happened."""

    def __init__(self, calls, root, data_dir, log_dir, copies, found=None, drop=(),
                 on_pause=None, pause_every=0, recorded_ends=()):
        self._copies = copies
        self._moments = trace.effects(calls)
        self._drop, self._on_pause = frozenset(drop), on_pause
        self._pause_every = pause_every
        self._recorded_ends_expected = frozenset(recorded_ends)
        self.recorded_ends = set()
        self.disk = Disk(root)
        if found:
            self.disk.find_unsynced(found, data_dir, log_dir)
        self._data, self._log = data_dir, log_dir
        self._records = log_dir + "/vivarium/acknowledged"
        self.history = History(self.disk, data_dir + "/version-2", log_dir + "/version-2")
        self._connections, self._new_names = {}, collections.defaultdict(list)
        self.violations = []
        self.replies = self.acknowledged = 0
        self.kinds = {}        # Place of a sync -> what it is for.
        self._portions = collections.defaultdict(list)  # Inode -> places of its syncs.
        self._last_name = {}   # (thread, directory) -> the last change of a name there.
        self._written = set()  # Inodes that the present run has written.
        self._run = -1

    def run(self, first_only=False):
        for call, finished in self._moments:
            (self._finish if finished else self._begin)(call)
            if first_only and self.violations:
                return self.violations
        self._end_run(self._moments[-1][0])
        return self.violations

    def _violation(self, rule, call, text):
        self.violations.append(Violation(rule, call, text))

    # --- effects

    def _begin(self, call):
        if call.kind == "begin":
            self._begin_run(call)
        elif call.kind == "send":
            self._check_send(call)
        elif call.kind == "sync" and not call.failed:
            self._classify(call)
        if call.kind == "rename":
            self._check_content(call)
        if call.kind in ("rename", "mkdir", "unlink", "write") or self._creates(call):
            self._check_names(call)
        if self._creates(call):
            self._check_records(call)
        if call.place not in self._drop:
            self.disk.begin(call)
        if call.kind == "unlink" and self.disk.directory_of(call.path) and self.history.last:
            self._check_removal(call)

    def _finish(self, call):
        new_log = self._creates(call)
        new_record = call.kind == "open" and call.path.startswith(self._records + "/") \
            and not self.disk.find(call.path)
        if call.place not in self._drop:
            self.disk.finish(call)
        if call.failed:
            return
        if call.kind == "accept":
            self._connections[call.descriptor] = Connection()
        elif call.kind == "receive":
            self._connections[call.descriptor].receive(call.data)
        elif call.kind == "write":
            self._written.add(call.file)
        elif call.kind in ("mkdir", "rename") or new_log:
            self._note_name(call)
        elif new_record:
            self._last_name[None, self._records] = "a record"

    def _begin_run(self, call):
        if call.run > 0:
            self._end_run(call)
        self._run = call.run
        self._connections.clear()
        self._new_names.clear()
        self._last_name.clear()
        self._written.clear()

    # --- rule: replies

    def _check_send(self, call):
        connection = self._connections.get(call.descriptor)
        if connection is None:
            return
        for payload in connection.send(call.data):
            self.replies += 1
            self.history.update()
            self._check_reply(call, connection, wire.Reader(payload))
            if self._pause_every and self.replies % self._pause_every == 0:
                self._on_pause(self)

    def _check_reply(self, call, connection, reply):
        if connection.session is None:
            reply.i32()
            valid, connection.session = reply.i32() > 0, reply.i64()
            if valid and connection.new_session:
                self._require(call, self.history.sessions.get(connection.session),
                              f"session 0x{connection.session:x}")
            return
        xid, zxid, error = reply.i32(), reply.i64(), reply.i32()
        if zxid > 0 and not self._reaches(zxid):
            self._violation("replies", call, f"the reply to {xid} shows zxid {zxid:#x}; "
                            + self._what_is_left())
        if xid <= 0:
            return
        operation, _ = connection.requests.pop(xid)
        if operation in wire.WRITES and error == 0:
            txn = self.history.requests.get((connection.session, xid))
            self._require(call, txn and txn.zxid,
                          f"request {xid} of session 0x{connection.session:x}")

    def _reaches(self, zxid):
        return self.history.last is not None and zxid <= self.history.last \
            and self.history.problem is None

    def _require(self, call, zxid, what):
        self.acknowledged += 1
        if zxid is None or not self._reaches(zxid):
            self._violation("replies", call, f"{what} is acknowledged; {self._what_is_left()}")

    def _what_is_left(self):
        history = self.history
        if history.base is None:
            return "a power cut now leaves no whole snapshot"
        return (f"a power cut now leaves snapshot {history.base:#x} and the log up to "
                f"{history.last:#x}" + (f"; {history.problem}" if history.problem else ""))

    def _check_removal(self, call):
        before = self.history.last
        self.history.update()
        if not self._reaches(before):
            self._violation("replies", call, f"{call.path} is removed; {self._what_is_left()}")

    # --- rule: content

    def _check_content(self, call):
        inode = self.disk.find(call.path)
        for place in self._portions.pop(inode, [])[:-1]:
            self.kinds[place] = PACING
        if inode and not inode.synced:
            self._violation("content", call, f"{call.path} gets its name, "
                            f"{call.second.decode()}, before its content is synced")

    # --- rule: names

    def _creates(self, call):
        """Whether this is the creation of a file whose name is to last."""
        if call.kind != "open" or call.failed or not call.a & os.O_CREAT:
            return False
        directory, name = os.path.split(call.path)
        return (log_format.log_zxid(name) is not None and directory == self._log + "/version-2"
                and not self.disk.find(call.path))

    def _note_name(self, call):
        path = call.second.decode() if call.kind == "rename" else call.path
        inode = self.disk.find(path)
        if inode:
            self._new_names[call.thread].append(inode)
            self._last_name[call.thread, os.path.dirname(path)] = _kind_of_name(path)

    def _check_names(self, call):
        """Before a thread changes something, the names that it made are durable."""
        changed = self.disk.inode(call) if call.kind == "write" else None
        if call.kind == "write" and changed is None or call.kind != "write" and \
                self.disk.directory_of(call.path) is None:
            return
        names = self._new_names[call.thread]
        for inode in names:
            if inode is not changed and not inode.is_durably_named():
                self._violation("names", call,
                                f"{inode.path} is not durable, and its maker goes on")
        self._new_names[call.thread] = [inode for inode in names if inode is changed]

    def _end_run(self, call):
        """The disk of the model and the one that the server really left must be the same."""
        copy = self._copies[self._run]
        if not copy.killed:
            self._check_end(call)
        self._check_all_records(call, copy)
        for inode, places in self._portions.items():
            if inode.name.startswith("unfinished."):
                self.kinds.update((place, GIVEN_UP) for place in places)
        self._portions.clear()
        self.disk.adopt(copy)
        if self._on_pause:
            self._on_pause(self)

    def _check_end(self, call):
        for inodes in self._new_names.values():
            for inode in inodes:
                if not inode.is_durably_named():
                    self._violation("names", call, f"{inode.path} is not durable at the end")

    # --- rule: records

    def _record_files(self):
        """Those of logs that a start would read."""
        directory = self.disk.find(self._records)
        if directory is None:
            return []
        self.history.update()
        records = [(log_format.log_zxid(name), inode) for name, inode in directory.names.items()]
        records = sorted((r for r in records if r[0] is not None), key=lambda r: r[0])
        below = [zxid for zxid, _ in records if zxid <= (self.history.base or 0) + 1]
        return [inode for zxid, inode in records if not below or zxid >= below[-1]]

    def _check_records(self, call):
        """A log is begun."""
        for inode in self._record_files():
            if inode.name != os.path.basename(call.path) and not inode.synced:
                self._violation("records", call,
                                f"{inode.path} is not synced, and {call.path} begins")

    def _check_all_records(self, call, copy):
        lagging = [inode.path for inode in self._record_files()
                   if not inode.synced or not inode.is_durably_named()]
        if not lagging:
            self.recorded_ends.add(self._run)
        elif copy.settled or self._run in self._recorded_ends_expected:
            self._violation("records", call, f"{lagging} are not durable at the end")

    # --- what syncs are for

    def _classify(self, call):
        inode = self.disk.inode(call)
        if inode is None:
            return
        if inode.is_directory:
            last = (self._last_name.pop((call.thread, inode.path), None)
                    or self._last_name.pop((None, inode.path), None))
            self.kinds[call.place] = "directory: " + last if last else AT_START + self._role(inode)
        else:
            self._portions[inode].append(call.place)
            where = "content: " if call.file in self._written else AT_START
            self.kinds[call.place] = where + _kind_of_name(inode.path)

    def _role(self, directory):
        place = os.path.dirname(directory.path)
        if os.path.basename(directory.path) != "version-2":
            return "a directory with directories"
        if self._data == self._log:
            return "the directory of logs and snapshots"
        return "the logs' directory" if place == self._log else "the snapshots' directory"


def _kind_of_name(path):
    directory, name = os.path.split(path)
    if os.path.basename(directory) == "acknowledged":
        return "a record"
    if log_format.log_zxid(name) is not None:
        return "a log"
    if log_format.snapshot_zxid(name) is not None or name.startswith("unfinished."):
        return "a snapshot"
    if os.path.basename(directory) in ("version-2", "vivarium") and name != "acknowledged":
        return name.removesuffix(".tmp")
    return "a directory"
