"""Reads what recorder.cpp writes, and puts it into the order in which it counts."""

import dataclasses
import mmap
import stat
import struct

_HEAD_BYTES = 64
_RECORD = struct.Struct("<IIIiQqqqQQiIII")  # struct Record

_KINDS = ["", "begin", "open", "write", "truncate", "allocate", "sync", "swallowed", "rename",
          "unlink", "mkdir", "accept", "send", "receive", "killed"]
_RETURNED = 2


@dataclasses.dataclass(slots=True)
class Call:
    place: int      # In the trace: before the call was made.
    end: int        # How far the trace was when it returned; None when a kill came before that.
    kind: str
    run: int        # Which start of the server.
    thread: int
    result: int
    a: int
    b: int
    file: tuple     # (device, inode)
    descriptor: int
    is_directory: bool
    first: bytes    # A path, or data.
    second: bytes

    @property
    def path(self):
        return self.first.decode()

    @property
    def failed(self):
        return self.end is not None and self.result < 0

    @property
    def data(self):
        """The bytes that were taken: all of them when that is not known."""
        return self.first if self.end is None else self.first[:max(self.result, 0)]


def read(path):
    """All calls in the trace, in the order of their places."""
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = int.from_bytes(data[:8], "little")
        return list(_calls(data, end))


def _calls(data, end):
    at, run = _HEAD_BYTES, -1
    while at < end:
        (size, state, what, thread, returned, result, a, b, device, inode, descriptor, mode,
         first_bytes, second_bytes) = _RECORD.unpack_from(data, at)
        if size == 0 or state == 0:
            # A place that was taken, and not written: a kill came in between, and the call was not
            # made. Where the next record begins is not known, but it can be found.
            at = _next_record(data, at + 8, end)
            continue
        kind = _KINDS[what]
        run += kind == "begin"
        begin = at + _RECORD.size
        middle = begin + first_bytes
        yield Call(at, returned if state == _RETURNED else None, kind, run, thread, result, a, b,
                   (device, inode), descriptor, stat.S_ISDIR(mode), bytes(data[begin:middle]),
                   bytes(data[middle:middle + second_bytes]))
        at += size


def _next_record(data, at, end):
    """The next `begin`, which is all that can follow a kill."""
    while at < end:
        size, state, what = struct.unpack_from("<III", data, at)
        if size == _RECORD.size and state == _RETURNED and _KINDS[what] == "begin":
            return at
        at += 8
    return end


def effects(calls):
    """[(call, finished)] in order: the beginning of each call, and its end if it has one.

    An end at the place of another call's record came before that call.
    """
    moments = [((call.place, 1, 0), call, False) for call in calls]
    moments += [((call.end, 0, call.place), call, True) for call in calls if call.end is not None]
    moments.sort(key=lambda moment: moment[0])
    return [(call, finished) for _, call, finished in moments]
