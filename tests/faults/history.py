"""What clients asked and were told, and when: one machine, one monotonic clock."""

import dataclasses
import threading

@dataclasses.dataclass
class Op:
    """One request. A write without `returned` may or may not have happened, once, at any time since.

    kind: create, delete, set, get, children, exists, sync, ping, close, connect.
    result: of create (path), of set and exists {stat}, of get (data, stat), of children [names],
    of connect "new", "resumed" or "expired".
    """
    client: int
    session: int
    xid: int
    server: int
    kind: str
    path: str = ""
    data: bytes = b""
    version: int = -1
    flags: int = 0
    invoked: int = 0
    returned: int | None = None
    zxid: int | None = None
    error: int | None = None
    result: object = None
    order: int = 0     # In which the replies came to the session.

    @property
    def succeeded(self):
        return self.returned is not None and self.error == 0

    def __str__(self):
        outcome = "no answer" if self.returned is None else f"error {self.error}, zxid {self.zxid:#x}"
        return (f"{self.kind} {self.path} (session {self.session:#x}, request {self.xid}, "
                f"server {self.server}, {outcome})")


@dataclasses.dataclass
class Work:
    """A lock holder was sure at this moment that it held the lock."""
    session: int
    path: str      # Of its ephemeral node.
    czxid: int
    at: int


class History:
    """Filled by many clients at a time."""

    def __init__(self):
        self.ops, self.works = [], []
        self._lock = threading.Lock()

    def add(self, op):
        with self._lock:
            self.ops.append(op)
        return op

    def add_work(self, work):
        with self._lock:
            self.works.append(work)
