#!/usr/bin/python3
"""The checker is shown right histories, and histories with one thing wrong, which it must see."""

import dataclasses
import unittest

from history import History, Op, Work
from replay import Checker, Model, log_format, wire

EPOCH = 1 << 32


class Ensemble:
    """A server that does everything right, one request at a time, and writes down what it did."""

    def __init__(self):
        self.history, self.txns, self.model = History(), [], Model()
        self.now, self.zxid = 0, EPOCH
        self.xids, self.orders = {}, {}
        self.log(0, 0, wire.CREATE_SESSION, wire.i32(4000))

    def log(self, session, xid, kind, body):
        self.zxid += 1
        self.txns.append(log_format.Txn(session, xid, self.zxid, self.now, kind, body))

    def tick(self):
        self.now += 10
        return self.now

    def ask(self, session, kind, path="", **fields):
        """A request that is answered."""
        op = self.send(session, kind, path, **fields)
        self.happen(op)
        return self.answer(op)

    def send(self, session, kind, path="", **fields):
        self.xids[session] = self.xids.get(session, 0) + 1
        return self.history.add(Op(session, session, self.xids[session], 1, kind, path,
                                   invoked=self.tick(), **fields))

    def happen(self, op):
        """A write takes its place in the order."""
        if op.kind not in ("create", "delete", "set", "close"):
            return
        error = self.model.refusal(op) if op.kind != "close" else 0
        op.error = error
        zxid = self.zxid + 1
        if error:
            return self.log(op.session, op.xid, wire.ERROR, wire.i32(error))
        if op.kind == "create":
            path, owner = self.model.path_for(op), op.session * (op.flags & wire.EPHEMERAL)
            self.log(op.session, op.xid, wire.CREATE2, wire.string(path) + wire.buffer(op.data)
                     + wire.OPEN_ACL + wire.boolean(owner) + wire.i32(1))
            self.model.create(path, op.data, owner, zxid)
            op.result = path, self.model.nodes[path].stat()
        elif op.kind == "delete":
            self.log(op.session, op.xid, wire.DELETE, wire.string(op.path))
            self.model.delete(op.path, zxid)
        elif op.kind == "set":
            self.model.set(op.path, op.data, zxid)
            op.result = self.model.nodes[op.path].stat()
            self.log(op.session, op.xid, wire.SET_DATA, wire.string(op.path)
                     + wire.buffer(op.data) + wire.i32(op.result["version"]))
        else:
            self.end(op.session, op.xid)

    def end(self, session, xid=0):
        """The session expires, or is closed."""
        self.log(session, xid, wire.CLOSE_SESSION, b"")
        self.model.end(session, self.zxid)

    def answer(self, op):
        self.orders[op.session] = op.order = self.orders.get(op.session, 0) + 1
        op.zxid, op.returned = self.zxid, self.tick()
        node = self.model.nodes.get(op.path)
        if op.kind in ("get", "exists", "children"):
            op.error = 0 if node else -101
        if op.kind == "sync":
            op.error = 0
        if node and op.kind in ("get", "exists", "children"):
            op.result = {"get": (node.data, node.stat()), "exists": node.stat(),
                         "children": sorted(node.children)}[op.kind]
        return op

    def connect(self, session, result):
        op = Op(session, session, 0, 1, "connect", invoked=self.tick(), returned=self.tick(),
                zxid=0, error=0, result=result)
        return self.history.add(op)

    def shown(self):
        return {path: (node.data, node.stat()) for path, node in self.model.nodes.items()}

    def complaints(self, logs=None, dumps=None):
        logs = logs or {1: self.txns, 2: list(self.txns), 3: list(self.txns)}
        dumps = dumps if dumps is not None else {server: self.shown() for server in logs}
        return Checker(self.history, logs, dumps).check()


def story():
    """Something of everything, all of it right."""
    e = Ensemble()
    ops = {"top": e.ask(1, "create", "/q"), "set": e.ask(1, "set", "/q", data=b"one"),
           "get": e.ask(1, "get", "/q"), "other": e.ask(2, "get", "/q"),
           "bad": e.ask(2, "set", "/q", data=b"no", version=7),
           "first": e.ask(1, "create", "/q/e-", data=b"a", flags=wire.SEQUENTIAL),
           "second": e.ask(2, "create", "/q/e-", data=b"b",
                           flags=wire.SEQUENTIAL | wire.EPHEMERAL),
           "children": e.ask(1, "children", "/q"), "missing": e.ask(1, "exists", "/none"),
           "unknown": e.send(1, "set", "/q", data=b"late"), "lost": e.send(3, "create", "/lost")}
    ops["between"] = e.ask(2, "set", "/q", data=b"two")
    e.happen(ops["unknown"])
    ops["unknown"].error = None
    ops["sync"], ops["synced"] = e.ask(2, "sync", "/q"), e.ask(2, "get", "/q")
    e.end(2)
    ops["expired"] = e.connect(2, "expired")
    ops["after"] = e.ask(1, "children", "/q")
    ops["delete"] = e.ask(1, "delete", ops["first"].result[0])
    ops["close"] = e.ask(1, "close")
    return e, ops


class Checks(unittest.TestCase):
    def setUp(self):
        self.e, self.ops = story()

    def sees(self, rule, text="", **what):
        found = self.e.complaints(**what)
        self.assertTrue([sentence for sentence in found
                         if sentence.startswith(rule + ":") and text in sentence], found)

    def txn(self, op):
        return next(i for i, txn in enumerate(self.e.txns)
                    if (txn.session, txn.cxid) == (op.session, op.xid))

    def test_a_right_history_passes(self):
        self.assertEqual(self.e.complaints(), [])

    # logs

    def test_servers_whose_logs_differ_are_seen(self):
        other = list(self.e.txns)
        other[3] = dataclasses.replace(other[3], cxid=99)
        self.sees("logs", "has another transaction", logs={1: self.e.txns, 2: other})

    def test_a_hole_in_all_logs_is_seen(self):
        self.e.txns.pop(self.txn(self.ops["bad"]))
        self.sees("logs", "comes behind")

    def test_a_zxid_that_goes_down_is_seen(self):
        self.e.txns[2], self.e.txns[3] = self.e.txns[3], self.e.txns[2]
        self.sees("logs", "comes behind")

    # witness

    def test_a_lost_acknowledged_write_is_seen(self):
        self.e.txns.pop(self.txn(self.ops["delete"]))
        self.sees("witness", "acknowledged, and lost")

    def test_a_write_that_happens_twice_is_seen(self):
        again = self.e.txns[self.txn(self.ops["unknown"])]
        self.e.txns.append(dataclasses.replace(again, zxid=self.e.zxid + 1))
        self.sees("witness", "happened twice")

    def test_a_write_that_nobody_asked_for_is_seen(self):
        self.e.txns.append(dataclasses.replace(self.e.txns[2], zxid=self.e.zxid + 1, cxid=77))
        self.sees("witness", "nobody asked for it")

    def test_a_session_that_comes_to_another_server_is_nothing_that_is_asked_for(self):
        moved = dataclasses.replace(self.e.txns[2], zxid=self.e.zxid + 1, cxid=-2**31, type=wire.ERROR,
                                    body=wire.i32(-118))
        self.e.txns.append(moved)
        self.assertEqual(self.e.complaints(), [])

    def test_a_refused_write_that_happened_is_seen(self):
        self.ops["set"].error = -119
        self.sees("witness", "refused, and yet it happened")

    def test_another_outcome_than_was_told_is_seen(self):
        self.ops["bad"].error = 0
        self.sees("witness", "the log says error -103")

    def test_a_reply_with_a_zxid_before_its_write_is_seen(self):
        self.ops["set"].zxid -= 1
        self.sees("witness", "the log says error 0")

    # model

    def test_an_illegal_write_is_seen(self):
        at = self.txn(self.ops["bad"])
        self.e.txns[at] = dataclasses.replace(
            self.e.txns[at], type=wire.SET_DATA,
            body=wire.string("/q") + wire.buffer(b"no") + wire.i32(2))
        self.ops["bad"].error, self.ops["bad"].result = 0, self.ops["set"].result
        self.sees("model", "-103 would be right")

    def test_an_error_without_a_reason_is_seen(self):
        at = self.txn(self.ops["set"])
        self.e.txns[at] = dataclasses.replace(self.e.txns[at], type=wire.ERROR,
                                              body=wire.i32(-101))
        self.ops["set"].error = -101
        self.sees("model", "0 would be right")

    def test_other_data_than_was_sent_is_seen(self):
        self.ops["set"].data = b"else"
        self.sees("model", "the log sets /q")

    def test_a_wrong_version_in_a_reply_is_seen(self):
        self.ops["set"].result["version"] = 5
        self.sees("model", "told")

    def test_a_number_that_is_not_the_next_one_is_seen(self):
        at = self.txn(self.ops["second"])
        body = self.e.txns[at].body.replace(b"0000000001", b"0000000005")
        self.e.txns[at] = dataclasses.replace(self.e.txns[at], body=body)
        self.sees("model", "would be right")

    # real time

    def test_a_write_that_comes_before_an_earlier_one_is_seen(self):
        self.ops["set"].invoked = self.ops["first"].returned + 1
        self.ops["set"].returned = self.ops["first"].returned + 2
        self.sees("real time", "had returned when it was asked for")

    def test_a_read_of_the_future_is_seen(self):
        self.ops["set"].invoked = self.ops["other"].returned + 1
        self.ops["set"].returned = self.ops["other"].returned + 2
        self.sees("real time", "not asked for yet")

    # reads

    def test_a_stale_value_is_seen(self):
        self.ops["synced"].result = b"one", self.ops["get"].result[1]
        self.sees("reads", "saw b'one'")

    def test_a_wrong_stat_is_seen(self):
        self.ops["get"].result[1]["cversion"] += 1
        self.sees("reads", "cversion")

    def test_a_child_too_few_is_seen(self):
        self.ops["children"].result = self.ops["children"].result[:1]
        self.sees("reads", "would be right")

    def test_a_node_that_is_not_there_and_read_is_seen(self):
        self.ops["missing"].error, self.ops["missing"].path = -101, "/q"
        self.sees("reads", "the node is there")

    def test_a_read_at_a_zxid_that_never_was_is_seen(self):
        self.ops["after"].zxid = self.e.zxid + 7
        self.sees("reads", "no such zxid")

    # sessions

    def test_a_zxid_that_goes_down_within_a_session_is_seen(self):
        early = self.ops["top"]
        self.e.history.add(dataclasses.replace(self.ops["get"], order=99, zxid=early.zxid))
        self.sees("sessions", "was seen before")

    def test_own_writes_that_are_not_read_are_seen(self):
        self.ops["get"].zxid = self.ops["top"].zxid
        self.sees("sessions", "was seen before")

    def test_a_session_that_works_after_its_end_is_seen(self):
        late = self.e.ask(2, "set", "/q", data=b"zombie")
        self.sees("sessions", "the session ended")
        self.assertTrue(late.succeeded)

    def test_a_session_that_is_closed_again_passes(self):
        again = self.e.send(2, "close")
        self.e.end(2, again.xid)
        self.assertEqual(self.e.complaints(), [])

    def test_ephemerals_that_outlive_their_session_are_seen(self):
        at = next(i for i, txn in enumerate(self.e.txns)
                  if txn.type == wire.CLOSE_SESSION and txn.session == 2)
        path = self.ops["second"].result[0]
        shown = {**self.e.shown(), path: (b"b", {**self.ops["second"].result[1]})}
        self.sees("end", "which is not there (of session 0x2)", dumps={1: shown})
        self.assertGreater(at, 0)

    def test_a_session_that_was_told_of_an_end_that_never_was_is_seen(self):
        self.e.connect(3, "expired")
        self.sees("sessions", "it never ended")

    def test_a_session_that_was_told_of_its_end_before_it_is_seen(self):
        self.ops["expired"].returned = self.ops["between"].invoked - 1
        self.sees("sessions", "before it did")

    # sync, numbers, locks, end

    def test_a_read_behind_a_sync_that_misses_a_write_is_seen(self):
        self.ops["synced"].zxid = self.ops["second"].zxid
        self.ops["sync"].zxid = self.ops["second"].zxid
        self.sees("sync", "does not show")

    def test_a_number_that_is_given_twice_is_seen(self):
        self.ops["second"].result = self.ops["first"].result[0], self.ops["second"].result[1]
        self.sees("numbers", "behind number 0")

    def test_two_holders_of_a_lock_are_seen(self):
        for at, czxid in ((100, 5), (120, 9), (130, 5)):
            self.e.history.add_work(Work(czxid, f"/lock/n-{czxid}", czxid, at))
        self.sees("locks", "worked")

    def test_holders_that_take_turns_pass(self):
        for at, czxid in ((100, 5), (110, 5), (130, 9)):
            self.e.history.add_work(Work(czxid, f"/lock/n-{czxid}", czxid, at))
        self.assertEqual(self.e.complaints(), [])

    def test_a_server_that_lags_at_the_end_is_seen(self):
        behind = {**self.e.shown(), "/q": (b"two", self.ops["between"].result)}
        self.sees("end", "server 2 shows /q", dumps={1: self.e.shown(), 2: behind})

    def test_a_server_that_lacks_a_node_at_the_end_is_seen(self):
        shown = self.e.shown()
        del shown["/q"]
        self.sees("end", "does not show /q", dumps={3: shown})


if __name__ == "__main__":
    unittest.main()
