"""The table of differences that are allowed, and what its conditions mean."""

import csv
import os
import re

import wire

ANY_WATCH = 3  # A type of watch to check or remove.
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "allowed.tsv")


class Row:
    def __init__(self, op, condition, section, rare, reason):
        self.op, self.condition, self.section, self.reason = op, condition, section, reason
        self.rare = rare == "rare"
        self.holds, self.goes_on = CONDITIONS[condition]
        self.hits = 0

    def __str__(self):
        return f"{self.op} {self.condition}"


class Table:
    def __init__(self):
        with open(TABLE, newline="") as f:
            lines = (line for line in f if not line.startswith("#"))
            self.rows = [Row(*fields) for fields in csv.reader(lines, delimiter="\t")]
        unused = CONDITIONS.keys() - {row.condition for row in self.rows}
        if unused:
            raise SystemExit(f"{TABLE}: no row has the condition {', '.join(sorted(unused))}")

    def find(self, case):
        """The row that allows this difference, counted; None if there is none."""
        for row in self.rows:
            if row.op == case.op and row.holds(case):
                row.hits += 1
                return row
        return None

    def never_hit(self, full):
        return [row for row in self.rows if not row.hits and (full or not row.rare)]


# --- conditions -----------------------------------------------------------------------------------

def _both(case):
    """There are two replies."""
    return hasattr(case.java, "error") and hasattr(case.ours, "error")


def _zxid_of_transaction(case):
    """Ours names the transaction of each event, in their order; ZooKeeper says -1 always."""
    zxids = [event.zxid for event in case.ours if event.zxid != -1]
    return (all(event.zxid == -1 for event in case.java)
            and [event.key for event in case.java] == [event.key for event in case.ours]
            and all(zxid > 0 for zxid in zxids) and zxids == sorted(zxids))


def _order_of_a_sessions_end(case):
    """The ephemerals of a session that ends are one transaction's, deleted in any order."""
    if len(case.java) != len(case.ours):
        return False
    at = 0
    while at < len(case.ours):
        end = at + 1
        while end < len(case.ours) and case.ours[end].zxid == case.ours[at].zxid:
            end += 1
        java = [event.key for event in case.java[at:end]]
        ours = [event.key for event in case.ours[at:end]]
        if java != ours and (case.ours[at].zxid not in case.player.session_ends
                             or sorted(java) != sorted(ours)):
            return False
        at = end
    return True


def _left_over(these, those):
    """Keys of events of one list that the other lacks."""
    there = [_as_java_reads(event.key) for event in those]
    left = []
    for event in these:
        if (key := _as_java_reads(event.key)) in there:
            there.remove(key)
        else:
            left.append(event.key)
    return left


def _has_several_modes(client, path):
    """At the path or at one above it, whose watch may be recursive."""
    while True:
        if len(client.modes.get(path, ())) > 1:
            return True
        if not path or path == b"/":
            return False
        path = path.rpartition(b"/")[0] or b"/"


def _several_modes(case):
    if isinstance(case.java, list):
        left = _left_over(case.java, case.ours) + _left_over(case.ours, case.java)
        return bool(left) and all(_has_several_modes(case.client, key[2]) for key in left)
    return (_both(case) and {case.java.error, case.ours.error} == {0, wire.NO_WATCHER}
            and _has_several_modes(case.client, case.fields.get("path")))


def _persistent_types(case):
    return (_both(case) and case.java.error == wire.MARSHALLING
            and case.ours.error in (0, wire.NO_WATCHER) and case.fields.get("type") in (4, 5)
            and case.player.same_zxids(case.java, case.ours))


def _one_shot_types(case):
    """The types of one-shot watches are asked for where there is a persistent one only."""
    modes = set(case.client.modes.get(case.fields.get("path"), ()))
    return (_both(case) and case.fields.get("type") in (1, 2) and case.java.error == 0
            and case.ours.error == wire.NO_WATCHER and not modes.isdisjoint(("persistent", "recursive"))
            and case.player.same_zxids(case.java, case.ours))


def _not_readable(case):
    if case.op == "exists":
        return (_both(case) and case.java.error == 0 and case.ours.error == wire.NO_AUTH
                and case.player.zxids.same(case.java.zxid, case.ours.zxid))
    if not isinstance(case.java, list) or _left_over(case.ours, case.java):
        return False
    more = _left_over(case.java, case.ours)
    return bool(more) and all(case.player.is_hidden(case.client, path) for _, _, path in more)


def _create2_result(case):
    """Ours has what was asked for, a Stat; ZooKeeper has the result of create."""
    if not _both(case) or case.java.error or case.ours.error or not case.player.zxids.same(
            case.java.zxid, case.ours.zxid):
        return False
    results = zip(wire.parts(case.ask.body), case.java.shape.value, case.ours.shape.value)
    asked_for_it = False
    for (op, _), java, ours in results:
        if op == wire.OPS["create2"] and java[0] == wire.OPS["create"] and ours[0] == op:
            asked_for_it = True
            ours = (java[0], ours[1], ours[2][0])
        if java != ours:
            return False
    return asked_for_it


def _refused_by_us(case):
    """Ours answers Unimplemented and ends the connection; ZooKeeper does what it says."""
    if isinstance(case.java, str):
        return case.java == "the connection stays"
    return case.ours is not None and case.ours.error == wire.UNIMPLEMENTED


def _flags_of_another_opcode(case):
    if not _both(case):
        return False
    errors = case.java.error, case.ours.error
    if case.op == "multi" and errors == (0, 0):
        errors = case.java.shape.value[0][1], case.ours.shape.value[0][1]
    return errors == (wire.NO_NODE, wire.BAD_ARGUMENTS)


def _order(case):
    """Of children, of a session's ephemerals."""
    return (_both(case) and case.java.error == case.ours.error == 0
            and case.player.same_zxids(case.java, case.ours)
            and sorted_sets(case.java.shape.value) == sorted_sets(case.ours.shape.value))


def _as_java_reads(value):
    """Texts as they become in Java: what is no UTF-8 is replaced when it is read, and what is above
    U+FFFF is no UTF-8 any more when it is written."""
    if isinstance(value, bytes):
        return re.sub("[\ufffd\U00010000-\U0010ffff]+", "\ufffd", value.decode("utf-8", "replace"))
    if isinstance(value, (list, tuple)):
        return tuple(map(_as_java_reads, value))
    return value


def _changed_by_java(case):
    if isinstance(case.java, list):
        return (_as_java_reads([event.key for event in case.java])
                == _as_java_reads([event.key for event in case.ours]))
    return (_both(case) and case.java.error == case.ours.error == 0
            and case.player.same_zxids(case.java, case.ours)
            and _as_java_reads(case.java.shape.value) == _as_java_reads(case.ours.shape.value))


def _malformed(case):
    return _both(case) and case.java.error == case.ours.error == wire.MARSHALLING


def _no_path(case):
    """Looking for recursive watches above it, ZooKeeper fails where there is no slash."""
    path = case.fields.get("path", b"")
    return (_both(case) and (case.java.error, case.ours.error) == (wire.MARSHALLING, wire.NO_WATCHER)
            and not (path or b"").startswith(b"/"))


def _watch_of_somebody_else(case):
    """But a persistent watch of its own has to be found."""
    path = case.fields.get("path")
    own = path in case.client.standing and case.fields.get("type") == ANY_WATCH
    return (_both(case) and (case.java.error, case.ours.error) == (0, wire.NO_WATCHER)
            and path in case.player.watched and not own)


def sorted_sets(value):
    """With what has no order brought into one."""
    if isinstance(value, list):
        items = [sorted_sets(item) for item in value]
        return items if any(map(_is_result, items)) else sorted(items)
    return tuple(map(sorted_sets, value)) if isinstance(value, tuple) else value


def _is_result(item):
    """Of a multiRead: those have an order, which names, identities and entries of ACLs have not."""
    return isinstance(item, tuple) and isinstance(item[0], int) and item[0] in (-1, 4, 8) and (
        len(item) != 3 or not isinstance(item[2], bytes))


def _no_sasl(case):
    if isinstance(case.java, str):
        return case.java == "the connection stays"
    if case.java is None:  # It stumbles over a token that is null.
        return case.fields.get("token", b"") is None and case.ours.error == wire.AUTH_FAILED
    return _both(case) and case.java.error == 0 and case.ours.error == wire.AUTH_FAILED


def _never_ended(case):
    return (case.java, case.ours) == ("waits", "ends the connection")


def _claimed_in_vain(case):
    """Of the connection that holds a session, when somebody else names that with another password."""
    return (case.java is None and case.ours is not None and case.ours.error == 0
            and case.client.session is not None and case.player.claimed_in_vain is case.client.session)


def _long_first_frame(case):
    return case.java is not None and case.ours is None and len(case.ask.tail) > 8000


# Name: what it means, and whether the connection goes on. Otherwise it is ended at both servers, which
# would not stay the same from there on.
CONDITIONS = {
    "zxid of the transaction": (_zxid_of_transaction, True),
    "order of a session's ephemerals": (_order_of_a_sessions_end, True),
    "several modes on one path": (_several_modes, False),
    "types of persistent watches": (_persistent_types, False),
    "types of one-shot watches": (_one_shot_types, False),
    "node not readable": (_not_readable, False),
    "create2 as a part": (_create2_result, True),
    "refused by us": (_refused_by_us, False),
    "flags of another opcode": (_flags_of_another_opcode, True),
    "order of a set": (_order, True),
    "text that Java changes": (_changed_by_java, True),
    "watch of another connection": (_watch_of_somebody_else, True),
    "path without a slash": (_no_path, True),
    "malformed": (_malformed, False),
    "no SASL configured": (_no_sasl, False),
    "never ended": (_never_ended, False),
    "first frame above 8 KiB": (_long_first_frame, False),
    "session claimed in vain": (_claimed_in_vain, False),
}
