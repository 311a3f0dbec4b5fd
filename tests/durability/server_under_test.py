"""The release binary, started, killed and started again on one data directory."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(CHECKOUT, "tests", "conformance"))

import server as conformance  # noqa: E402

_PR_SET_PDEATHSIG = 1


class Unclean(Exception):
    """The server did not start, or did not end as it should."""


def _end_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerUnderTest:
    """data_dir is made by the server itself. settings: further lines of the zoo.cfg."""

    def __init__(self, program, directory, data_dir, log_dir=None, settings=None):
        self.program, self.directory = os.path.abspath(program), directory
        self.data_dir, self.log_dir = data_dir, log_dir or data_dir
        self.settings = dict(settings or {})
        self.address = None
        self.log = os.path.join(directory, "server.log")
        self._ready = os.path.join(directory, "ready")
        self._process = None

    def spawn(self, environment=None):
        """Starts it and does not wait."""
        config = os.path.join(self.directory, "zoo.cfg")
        lines = {"tickTime": 2000, "dataDir": self.data_dir, "clientPort": "auto",
                 "clientPortAddress": "127.0.0.1", "maxClientCnxns": 0,
                 "extendedTypesEnabled": "true", "admin.enableServer": "false",
                 "maxSessionTimeout": 120_000, **self.settings}
        if self.log_dir != self.data_dir:
            lines["dataLogDir"] = self.log_dir
        with open(config, "w") as f:
            f.writelines(f"{key}={value}\n" for key, value in lines.items())
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._ready)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [self.program, "serve", config, "--ready-file", self._ready],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env={**os.environ, **(environment or {})}, preexec_fn=_end_with_parent)

    def wait_until_serving(self, timeout=60):
        deadline = time.monotonic() + timeout
        while not self._is_ready():
            status = self._process.poll()
            if status is not None:
                self._process = None
                raise Unclean(f"the server ended with status {status} before it served:\n"
                              + self.end_of_log())
            if time.monotonic() > deadline:
                raise Unclean(f"the server does not serve after {timeout} s:\n"
                              + self.end_of_log())
            time.sleep(0.002)

    def start(self, environment=None):
        self.spawn(environment)
        self.wait_until_serving()

    def _is_ready(self):
        try:
            with open(self._ready) as f:
                text = f.read()
        except FileNotFoundError:
            return False
        self.address = text.removeprefix("client=").strip()
        return text.endswith("\n")

    def stop(self, timeout=60):
        self._process.send_signal(signal.SIGTERM)
        status = self.wait(timeout)
        if status != 0:
            raise Unclean(f"the server ended with status {status}:\n" + self.end_of_log())

    def send(self, number):
        self._process.send_signal(number)

    def kill(self):
        if self._process:
            self._process.kill()
            self.wait()

    def wait(self, timeout=60):
        """Until it has ended; the status, negative for a signal."""
        status = self._process.wait(timeout)
        self._process = None
        return status

    @property
    def running(self):
        """Started and not waited for."""
        return self._process is not None

    def end_of_log(self, lines=30):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
