"""What a reply says, in a shape in which two servers' replies can be compared: zxids are taken out and
stand apart, in their order; sessions have the number in which they were created; of times only what must
be true of them is checked."""

import time

import wire

BEGIN_MS = time.time() * 1000 - 5000


class Wrong(Exception):
    """A reply that no server may send."""


class Shape:
    """Of one server's reply. `value` is compared, `zxids` are compared by their relations."""

    __slots__ = ("value", "zxids")

    def __init__(self, value, zxids):
        self.value, self.zxids = value, zxids


def _check_times(stat):
    czxid, mzxid, ctime, mtime = stat[:4]
    if czxid == mzxid and ctime != mtime:
        raise Wrong(f"never changed, but mtime {mtime} is not ctime {ctime}")
    if czxid == 0:
        return
    if not BEGIN_MS < ctime <= mtime <= time.time() * 1000 + 5000:
        raise Wrong(f"ctime {ctime} and mtime {mtime} cannot be")


class Decoder:
    """Of one server's replies. `owners` tells a session's number by its id."""

    def __init__(self, owners):
        self._owners = owners
        self._of = {
            "create": self._text, "sync": self._text, "create2": self._path_and_stat,
            "createContainer": self._path_and_stat, "createTTL": self._path_and_stat,
            "exists": self._stat, "setData": self._stat, "setACL": self._stat, "check": self._stat,
            "getData": self._data_and_stat, "getACL": self._acl_and_stat,
            "getChildren": self._texts, "getEphemerals": self._texts,
            "getChildren2": self._texts_and_stat, "getAllChildrenNumber": self._number,
            "addWatch": self._number, "whoAmI": self._identities, "multi": self._results,
            "multiRead": self._results, "sasl": self._text,
        }

    def decode(self, op, body):
        """The shape of a body of a successful reply."""
        self._zxids = []
        reader = wire.Reader(body)
        decode = self._of.get(wire.OP_NAMES.get(op))
        try:
            value = decode(reader) if decode else None
            reader.end()
        except wire.Malformed as e:
            raise Wrong(f"a reply that cannot be read, {e}: {body.hex()}") from None
        return Shape(value, self._zxids)

    def _text(self, reader):
        return reader.buffer()

    def _number(self, reader):
        return reader.number()

    def _texts(self, reader):
        return reader.vector(reader.buffer)

    def _stat(self, reader):
        stat = reader.stat()
        _check_times(stat)
        self._zxids += (stat[0], stat[1], stat[10])
        owner = stat[7]
        return ("stat", stat[4], stat[5], stat[6], self._owners.get(owner, owner), stat[8], stat[9])

    def _path_and_stat(self, reader):
        return (reader.buffer(), self._stat(reader))

    def _data_and_stat(self, reader):
        return (reader.buffer(), self._stat(reader))

    def _acl_and_stat(self, reader):
        return (reader.acl(), self._stat(reader))

    def _texts_and_stat(self, reader):
        return (self._texts(reader), self._stat(reader))

    def _identities(self, reader):
        return reader.vector(lambda: (reader.buffer(), reader.buffer()))

    def _results(self, reader):
        results = []
        while True:
            op, done, error = reader.number(), reader.flag(), reader.number()
            if done:
                return results + [(op, error)]
            if op == -1:
                results.append((op, error, reader.number()))
                continue
            decode = None if op == wire.OPS["check"] else self._of.get(wire.OP_NAMES.get(op))
            results.append((op, error, decode(reader) if decode else None))
