"""What of a directory survives a power cut, after any prefix of a trace.

Only what was synced survives for certain: a file's bytes by a sync of the file, a name by a sync of
its directory, and by that of each directory above. A sync covers what had returned when it began.
What was changed and not synced may survive or not; where that can take something away (a name that
is removed, a file that is cut), it is taken to be gone at once.
"""

import dataclasses
import os
import shutil
import subprocess

OPEN_CREATE, OPEN_TRUNCATE = os.O_CREAT, os.O_TRUNC


class Blind(Exception):
    """The trace does not explain what is on the disk: the recorder has missed something."""


@dataclasses.dataclass(eq=False)
class Change:
    """Of a file: `data` at `offset`; with no data, growth to `offset`; with None, a cut there."""
    offset: int
    data: bytes


@dataclasses.dataclass(eq=False)
class NameChange:
    name: str   # Empty: it did not happen.
    to: object  # Inode, or None when the name goes.


class Inode:
    def __init__(self, number, directory, up=None, name=""):
        self.number, self.is_directory, self.up, self.name = number, directory, up, name
        if directory:
            self.names, self.durable_names, self.changes = {}, {}, []
        else:
            self.data, self.size = bytearray(), 0
            self.durable, self.durable_size, self.changes = bytearray(), 0, []
        self.synced_changes = 0
        self.version = 0  # Counts what may have changed the certain content.

    @property
    def path(self):
        return self.name if self.up is None else self.up.path + "/" + self.name

    @property
    def synced(self):
        return not self.changes

    # --- files

    def change(self, offset, data):
        _change(self, "data", "size", offset, data)
        self.changes.append(Change(offset, data))
        self.version += 1

    @property
    def all_changes(self):
        return self.synced_changes + len(self.changes)

    def make_durable(self, count):
        """Of all changes so far, the first `count`."""
        count = max(0, count - self.synced_changes)
        self.synced_changes += count
        for change in self.changes[:count]:
            if self.is_directory:
                _set_name(self.durable_names, change.name, change.to)
            else:
                _change(self, "durable", "durable_size", change.offset, change.data)
        del self.changes[:count]
        self.version += 1

    def certain(self):
        """Up to where a file is certain to be, after a power cut, what `durable` holds."""
        end = min((c.offset for c in self.changes if c.offset < self.durable_size),
                  default=self.durable_size)
        return min(end, len(self.durable))

    # --- directories

    def certain_names(self):
        gone = {c.name for c in self.changes if c.to is None}
        return {name: inode for name, inode in self.durable_names.items() if name not in gone}

    def is_durably_named(self):
        """Whether a power cut leaves a way to this inode."""
        if self.up is None:
            return True
        return (self.up.certain_names().get(self.name) is self) and self.up.is_durably_named()


def _change(inode, content, size, offset, data):
    held = getattr(inode, content)
    if data is None:
        del held[offset:]
        setattr(inode, size, offset)
        return
    setattr(inode, size, max(getattr(inode, size), offset + len(data)))
    if not data:
        return
    if len(held) < offset:
        held.extend(bytes(offset - len(held)))
    held[offset:offset + len(data)] = data


def _set_name(names, name, inode):
    if not name:
        return
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode


class Copy:
    """What lay below a directory after a run of the server.

    settled: it had had the time to sync what it syncs in the background.
    after_power_cut: all of it is durable.
    """

    def __init__(self, root, target, killed, settled=False, after_power_cut=False):
        self._root, self._target, self.killed = root, target, killed
        self.settled, self.after_power_cut = settled, after_power_cut
        shutil.copytree(root, target, copy_function=_copy_sparsely)
        self._facts = {}  # By path.
        for directory, _, names in os.walk(root):
            for path in [directory] + [directory + "/" + name for name in names]:
                self._facts[path] = os.stat(path)

    def _copied(self, path):
        return self._target + path[len(self._root):]

    def names(self, directory):
        return os.listdir(self._copied(directory))

    def number(self, path):
        return self._facts[path].st_dev, self._facts[path].st_ino

    def is_directory(self, path):
        return os.path.isdir(self._copied(path))

    def content(self, path):
        """The bytes, and how many there are."""
        with open(self._copied(path), "rb") as f:
            content = f.read()
        return content, len(content)


def _copy_sparsely(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


class Disk:
    """Follows the calls of a trace that concern what lies below one directory."""

    def __init__(self, root):
        facts = os.stat(root)
        self.root = Inode((facts.st_dev, facts.st_ino), True, name=root)
        self._inodes = {self.root.number: self.root}
        self._elsewhere = set()
        self.moments = 0  # Counts the effects of calls.
        self._covered = {}   # Place of a sync: how many changes it covers.
        self._removing = {}  # Place of a call: the removal with which it has begun.

    def find(self, path):
        """The inode that a path leads to now, or None."""
        if path == self.root.name:
            return self.root
        if not path.startswith(self.root.name + "/"):
            return None
        inode = self.root
        for name in path[len(self.root.name) + 1:].split("/"):
            inode = inode.names.get(name) if inode and inode.is_directory else None
        return inode

    def inode(self, call):
        """That which a call is about; None when it lies elsewhere."""
        inode = self._inodes.get(call.file)
        # Directories are opened to be synced only, which the recorder lets pass.
        if inode is None and call.file not in self._elsewhere and not call.is_directory:
            raise Blind(f"a call on file {call.file}, which nothing has opened")
        return inode

    def directory_of(self, path):
        return self.find(os.path.dirname(path))

    # --- effects of calls. What takes away counts from the beginning of a call.

    def begin(self, call):
        self.moments += call.kind not in ("send", "receive", "accept")
        if call.kind in ("unlink", "rename"):
            self._begin_to_remove(call)
        elif call.kind == "sync" and self.inode(call):
            self._covered[call.place] = self.inode(call).all_changes

    def _begin_to_remove(self, call):
        directory = self.directory_of(call.path)
        if directory:
            removal = NameChange(os.path.basename(call.path), None)
            directory.changes.append(removal)
            directory.version += 1
            self._removing[call.place] = directory, removal

    def finish(self, call):
        self.moments += call.kind not in ("send", "receive", "accept")
        directory, removal = self._removing.pop(call.place, (None, None))
        if call.failed and removal:
            removal.name = ""
            directory.version += 1
        elif not call.failed:
            getattr(self, "_" + call.kind, lambda _: None)(call)

    def _add(self, path, number, is_directory):
        directory = self.directory_of(path)
        if directory is None:
            self._elsewhere.add(number)
            return None
        inode = Inode(number, is_directory, directory, os.path.basename(path))
        self._inodes[number] = inode
        self._elsewhere.discard(number)
        self._name(directory, inode.name, inode)
        return inode

    def _name(self, directory, name, inode):
        _set_name(directory.names, name, inode)
        if inode:
            inode.up, inode.name = directory, name
        directory.changes.append(NameChange(name, inode))
        directory.version += 1

    def _open(self, call):
        inode = self.find(call.path)
        if inode is None and call.a & OPEN_CREATE:
            inode = self._add(call.path, call.file, False)
        elif inode is None:
            self._elsewhere.add(call.file)
        elif inode.number != call.file:
            raise Blind(f"{call.path} is another file than the one that was created there")
        if inode and call.a & OPEN_TRUNCATE and inode.size:
            inode.change(0, None)

    def _write(self, call):
        inode = self.inode(call)
        if inode and call.data:
            inode.change(call.a, call.data)

    def _truncate(self, call):
        inode = self.inode(call)
        if inode:
            self._resize(inode, call.b)

    def _allocate(self, call):
        inode = self.inode(call)
        if inode and call.a + call.b > inode.size:
            self._resize(inode, call.a + call.b)

    @staticmethod
    def _resize(inode, size):
        """Growth is by zeros, which are not kept."""
        if size < len(inode.data):
            inode.change(size, None)
        else:
            inode.size = size
            inode.changes.append(Change(size, b""))

    def _sync(self, call):
        inode = self.inode(call)
        if inode:
            inode.make_durable(self._covered.pop(call.place))

    def _mkdir(self, call):
        self._add(call.path, call.file, True)

    def _unlink(self, call):
        directory = self.directory_of(call.path)
        if directory:
            directory.names.pop(os.path.basename(call.path), None)

    def _rename(self, call):
        source, target = self.directory_of(call.path), call.second.decode()
        if source is None:
            return
        inode = source.names.pop(os.path.basename(call.path))
        self._name(self.directory_of(target), os.path.basename(target), inode)

    # --- comparing with the real disk

    def find_unsynced(self, copy, *durable):
        """Before the first run: everything is there, and only some names are durable."""
        self._adopt(self.root, copy)
        for path in set(durable):
            inode = self.find(path)
            inode.up.durable_names[inode.name] = inode
            inode.up.changes = [c for c in inode.up.changes if c.to is not inode]

    def adopt(self, copy):
        """Compares with what really lay there after a run of the server.

        When it was killed, perhaps in the middle of a call, the outcome of that is taken from the
        disk. Otherwise any difference shows that the recorder is blind.
        """
        for directory, removal in self._removing.values():
            if removal.name in copy.names(directory.path):
                removal.name = ""
        self._removing.clear()
        self._covered.clear()
        self._adopt(self.root, copy)
        if copy.after_power_cut:
            self._make_all_durable(self.root)
        self.moments += 1

    def _make_all_durable(self, inode):
        inode.make_durable(inode.all_changes)
        if inode.is_directory:
            for child in inode.names.values():
                self._make_all_durable(child)

    def _adopt(self, directory, copy):
        real = set(copy.names(directory.path))
        if real != set(directory.names) and not copy.killed:
            raise Blind(f"{directory.path} holds {sorted(real ^ set(directory.names))} otherwise "
                        "than the trace says")
        for name in set(directory.names) - real:
            self._name(directory, name, None)
        for name in sorted(real):
            inode = directory.names.get(name) or self._adopt_name(directory, name, copy)
            if inode.is_directory:
                self._adopt(inode, copy)
            else:
                self._adopt_content(inode, copy)

    def _adopt_name(self, directory, name, copy):
        """A call that created or renamed it was under way."""
        path = directory.path + "/" + name
        number = copy.number(path)
        known = self._inodes.get(number)
        if known is None:
            return self._add(path, number, copy.is_directory(path))
        self._name(directory, name, known)
        return known

    @staticmethod
    def _adopt_content(inode, copy):
        content, size = copy.content(inode.path)
        kept = bytes(inode.data) + bytes(max(0, size - len(inode.data)))
        if size == inode.size and content == kept:
            return
        if not copy.killed:
            raise Blind(f"{inode.path} has other bytes than the trace says")
        # The call that was under way wrote from somewhere on; what was there before stays.
        same = len(os.path.commonprefix([content, kept]))
        inode.change(same, content[same:].rstrip(b"\0"))
        inode.size = size

    # --- making it real

    def write_out(self, target, removals_kept):
        """Puts the state after a power cut into an empty directory of the real disk.

        removals_kept: whether names that were removed, without a sync, are gone.
        """
        self._write_out(self.root, target, removals_kept)

    def _write_out(self, directory, target, removals_kept):
        names = directory.certain_names() if removals_kept else directory.durable_names
        for name, inode in names.items():
            path = target + "/" + name
            if inode.is_directory:
                os.mkdir(path, 0o700)
                self._write_out(inode, path, removals_kept)
                continue
            with open(path, "wb") as f:
                f.write(inode.durable)
                f.truncate(inode.durable_size)
