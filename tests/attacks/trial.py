"""What an attack is measured by: the server's memory and time, an honest client beside it, and checks."""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "conformance"))
import server
import client

MIB = 1 << 20
# An honest client's p99 under attack may be so many times the p99 without, and this much more: a
# machine of two cores that the attacker works on as well gives it its turn late.
SLOWDOWN, SLACK_MS = 3.0, 15.0
# While an attack begins both sides have work to do: that must end.
BEGINNING_MS = 1_500.0
# A server that, while nobody attacks, waits for a processor longer than it runs is on a machine that others
# use: what clients wait for says nothing about the attack then, and is not judged.
WAITS_MOST = 0.5
# A round of fewer replies of the bystander says nothing.
REPLIES_LEAST, LINE_BYTES = 100, 45
SETTINGS = ["tickTime=500", "minSessionTimeout=1000", "maxSessionTimeout=600000"]


def _status(pid, name):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError(name)


def p99(values):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * 0.99))]


class Trial:
    """One attack on a server of its own. Use `with`; the server and the bystander run inside."""

    def __init__(self, options, name, settings=()):
        server.check_program(options.program)
        self.name, self.full = name, options.full
        self.server = server.Server(options.program, [*SETTINGS, *settings, *options.settings])
        self.failed = []
        self.facts = []
        self.growth_mib = self.growth_bound_mib = None
        self._forget_latencies()
        self._lines = tempfile.NamedTemporaryFile(mode="r", prefix="vivarium-bystander-")

    def _forget_latencies(self):
        self.calm, self.begun, self.attacked = ({"write": [], "read": []} for _ in range(3))

    def __enter__(self):
        self.server.start()
        self.address = self.server.address
        self._bystander = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "bystander"), self.address, self._lines.name],
            stdin=subprocess.PIPE)
        self.eventually(lambda: os.path.getsize(self._lines.name) > 0, "the bystander works")
        return self

    def __exit__(self, kind, error, _):
        self._bystander.stdin.close()
        try:
            if self._bystander.wait(60) != 0:
                self.failed.append("the bystander was hurt")
        except subprocess.TimeoutExpired:
            self._bystander.kill()
            self.failed.append("the bystander is stuck")
        if error:
            self.failed.append(f"{kind.__name__}: {error}")
        try:
            self.server.stop()
        except server.Unclean as e:
            self.failed.append(str(e))
        if self.failed:
            print(f"kept: {self.server.directory}", file=sys.stderr)
        else:
            self.server.remove()

    # --- checks -----------------------------------------------------------------------------------

    def check(self, good, what):
        if not good:
            self.failed.append(what)
        print(("  ok   " if good else "  FAIL ") + what, flush=True)
        return good

    def fact(self, text):
        self.facts.append(text)
        print("       " + text, flush=True)

    def eventually(self, predicate, what, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > deadline:
                return self.check(False, f"{what} (within {seconds:.0f} s)")
            time.sleep(0.02)
        return self.check(True, what)

    # --- the server -------------------------------------------------------------------------------

    def client(self, **how):
        return client.Client(self.address, **how)

    def monitor(self, name):
        for line in server.four_letter_word(self.address, "mntr", 60).splitlines():
            if line.startswith(name + "\t"):
                return float(line.split("\t")[1])
        return None

    def settled(self, seconds=20.0):
        """Waits until the server has taken of what was sent as much as it will: the bystander's few
        requests are all that still come."""
        deadline = time.monotonic() + seconds
        count = self.monitor("zk_packets_received")
        while time.monotonic() < deadline:
            time.sleep(0.2)
            before, count = count, self.monitor("zk_packets_received")
            if count - before < 200:
                return

    def log(self):
        with open(self.server.log, errors="replace") as f:
            return f.read()

    def cpu_seconds(self):
        with open(f"/proc/{self.server.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _schedule(self):
        """For how long the server's core thread ran and waited to run, in ns."""
        with open(f"/proc/{self.server.pid}/schedstat") as f:
            ran, waited, _ = f.read().split()
        return int(ran), int(waited)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

    @contextlib.contextmanager
    def memory_bound(self, mib):
        """The server's memory grows by less than this in the block, at its highest."""
        pid = self.server.pid
        with open(f"/proc/{pid}/clear_refs", "w") as f:
            f.write("5")  # The highest figure so far is forgotten.
        before = _status(pid, "VmRSS")
        yield
        growth = (_status(pid, "VmHWM") - before) / MIB
        self.growth_mib, self.growth_bound_mib = growth, mib
        self.check(growth < mib, f"the server's memory grew by {growth:.1f} MiB, bound {mib:.0f}")

    # --- the bystander ----------------------------------------------------------------------------

    def _samples(self, begin, end):
        # What began before the end of the time counts, however late it came back.
        deadline = time.monotonic() + 60
        samples = {"write": [], "read": []}
        while True:
            line = self._lines.readline()
            if not line.endswith("\n"):
                if time.monotonic() > deadline or self._bystander.poll() is not None:
                    return samples
                self._lines.seek(self._lines.tell() - len(line))
                time.sleep(0.005)
                continue
            at, kind, took = line.split()
            if float(at) - float(took) / 1000 > end:
                return samples
            if float(at) >= begin:
                samples[kind].append(float(took))

    @contextlib.contextmanager
    def watched(self, into, least=0):
        """Notes the bystander's p99 of the time of the block, which lasts until it has had so many
        replies at least, and half a minute at most."""
        begin, written = time.monotonic(), os.path.getsize(self._lines.name)
        yield
        while (os.path.getsize(self._lines.name) - written < least * LINE_BYTES
               and time.monotonic() < begin + 30):
            time.sleep(0.02)
        samples = self._samples(begin, time.monotonic())
        for kind, values in samples.items():
            if values:
                into[kind].append(p99(values))

    def rounds(self, attack, count=3, seconds=0.7):
        """Calm and attack by turns. attack: a context manager function: it begins an attack, which then
        stands, or goes on, in the block."""
        self._forget_latencies()
        ran = waited = 0
        for _ in range(count):
            before = self._schedule()
            with self.watched(self.calm, REPLIES_LEAST):
                time.sleep(seconds)
            after = self._schedule()
            ran, waited = ran + after[0] - before[0], waited + after[1] - before[1]
            with contextlib.ExitStack() as stack:
                with self.watched(self.begun):
                    stack.enter_context(attack())
                with self.watched(self.attacked, REPLIES_LEAST):
                    time.sleep(seconds)
        judge = self.check
        if waited > WAITS_MOST * (ran + waited):
            if not any("not judged" in fact for fact in self.facts):
                self.fact(f"latencies not judged: calm, the server waited for a processor for "
                          f"{waited / (ran + waited):.0%} of its time")

            def judge(_, what):
                print("  (no) " + what, flush=True)
        for kind in ("write", "read"):
            if not self.calm[kind] or not self.attacked[kind]:
                self.check(False, f"the bystander was heard of ({kind}s)")
                continue
            calm, attacked = (statistics.median(of[kind]) for of in (self.calm, self.attacked))
            judge(attacked <= SLOWDOWN * calm + SLACK_MS,
                  f"p99 of another's {kind}s: {calm:.1f} ms calm, {attacked:.1f} ms under attack "
                  f"(bound {SLOWDOWN:.0f}x + {SLACK_MS:.0f} ms)")
            if self.begun[kind]:
                begun = statistics.median(self.begun[kind])
                judge(begun <= BEGINNING_MS,
                      f"and {begun:.1f} ms while it begins (bound {BEGINNING_MS:.0f} ms)")

    # --- the table --------------------------------------------------------------------------------

    def row(self):
        def latencies(kind):
            if not self.calm[kind] or not self.attacked[kind]:
                return "-"
            begun = f" {statistics.median(self.begun[kind]):.1f}" if self.begun[kind] else ""
            return (f"{statistics.median(self.calm[kind]):.1f} >{begun} > "
                    f"{statistics.median(self.attacked[kind]):.1f}")
        growth = ("-" if self.growth_mib is None
                  else f"{self.growth_mib:.1f} < {self.growth_bound_mib:.0f}")
        return [self.name, growth, latencies("write"), latencies("read"),
                "FAILED" if self.failed else "held", "; ".join(self.failed or self.facts)]


def raise_limit_of_files(wanted):
    """As many descriptors as this process may have; False when that is less than wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        return True
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return False
