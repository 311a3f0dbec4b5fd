#!/usr/bin/python3
"""One ZooKeeper-protocol server for a test: ours, or Debian's ZooKeeper for comparison.

As a module, for the runners in the folders beside it:

    options = server.arguments(argparse.ArgumentParser()).parse_args()
    with server.started(options) as s:
        ...                         # s.address is "127.0.0.1:41233"

As a command, for anything else:

    server.py [--program PATH | --java] [--set KEY=VALUE ...] -- COMMAND ...
                                    # COMMAND finds the address in $HOSTS

The server gets a fresh data directory and a port of its own. It must end with status 0 on SIGTERM,
and its log must hold no sanitizer report; otherwise the test has failed, whatever its client saw.
The directory is kept, and named, after a failure.
"""

import argparse
import contextlib
import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
JAVA = "java"
JARS = "/usr/share/java"
# Debian's zookeeper.jar names the rest of its class path itself, but for the codecs of Netty and the
# servlets of its admin server.
SERVER_JARS = ["zookeeper", "slf4j-simple", "netty-codec", "servlet-api"]
# A small JVM that starts fast: the tests are many and short.
JVM_FLAGS = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
             "-Dfile.encoding=UTF-8", "-Djava.awt.headless=true"]
REPORT = re.compile(r"ERROR: (Address|Leak|Undefined)\w*Sanitizer|WARNING: ThreadSanitizer"
                    r"|runtime error:")
PR_SET_PDEATHSIG = 1


class Unclean(Exception):
    """The server did not start, or did not end as it should."""


def free_port():
    """A port that is free now, below the range from which the kernel serves outgoing connections.

    A client that keeps trying a port of that range while its server is down can end up connected to
    itself, and others' connections may take the port before the server is back.
    """
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def four_letter_word(address, word, timeout=5.0):
    """The answer as text, empty when there is none."""
    host, port = address.rsplit(":", 1)
    answer = b""
    try:
        with socket.create_connection((host, int(port)), timeout) as s:
            s.sendall(word.encode())
            while chunk := s.recv(65536):
                answer += chunk
    except OSError:
        pass
    return answer.decode("utf-8", "replace")


def eventually(condition, seconds=20):
    """Whether it comes to hold within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _end_with_parent():
    """A runner that is killed (a test's time-out) takes its server with it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    def __init__(self, program, settings=(), port=None, my_id=None, properties=()):
        """program: path of vivarium, or JAVA. settings: zoo.cfg lines "key=value"; an empty value
        removes a default. port: None takes any free one at each start. my_id: of a member of an
        ensemble; ensemble.py makes those. properties: what ZooKeeper takes from its JVM's flags alone,
        and ours from zoo.cfg; it may be changed between two starts."""
        self.is_java = program == JAVA
        self.program = program if self.is_java else os.path.abspath(program)
        self.directory = tempfile.mkdtemp(prefix="vivarium-conformance-")
        self.log = os.path.join(self.directory, "server.log")
        self.address = self.secure_address = None
        self.keep = False
        self._config = os.path.join(self.directory, "zoo.cfg")
        self._ready = os.path.join(self.directory, "ready")
        self._fixed_port = port
        self._my_id = my_id
        self.properties = dict(properties)
        self._process = None
        self._settings = {
            "tickTime": "2000",
            "dataDir": os.path.join(self.directory, "data"),
            "clientPortAddress": "127.0.0.1",
            "maxClientCnxns": "0",
            "admin.enableServer": "false",
            "4lw.commands.whitelist": "*",
            "extendedTypesEnabled": "true",
        }
        for line in settings:
            key, _, value = line.partition("=")
            if value:
                self._settings[key] = value
            else:
                self._settings.pop(key, None)

    @property
    def directories(self):
        """All that is kept after a failure."""
        return [self.directory]

    @property
    def running(self):
        return self._process is not None

    @property
    def pid(self):
        return self._process.pid

    @property
    def data_directory(self):
        return self._settings["dataDir"]

    @property
    def log_directory(self):
        """Of the transaction logs."""
        return self._settings.get("dataLogDir", self.data_directory)

    def start(self, timeout=60):
        if self.running:
            return
        self.spawn()
        self.wait_until_serving(timeout)

    def spawn(self):
        """Starts it and does not wait."""
        settings = dict(self._settings)
        if self.is_java:
            settings["clientPort"] = str(self._fixed_port or free_port())
            self.address = "127.0.0.1:" + settings["clientPort"]
            if settings.get("secureClientPort") == "auto":
                settings["secureClientPort"] = str(free_port())
            if "secureClientPort" in settings:
                self.secure_address = "127.0.0.1:" + settings["secureClientPort"]
        else:
            settings["clientPort"] = str(self._fixed_port or "auto")
            settings.update(self.properties)
        os.makedirs(settings["dataDir"], exist_ok=True)
        if self._my_id is not None:
            with open(os.path.join(settings["dataDir"], "myid"), "w") as f:
                f.write(f"{self._my_id}\n")
        with open(self._config, "w") as f:
            f.writelines(f"{key}={value}\n" for key, value in settings.items())
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._ready)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, cwd=self.directory,
                                             preexec_fn=_end_with_parent)

    def wait_until_serving(self, timeout=60):
        deadline = time.monotonic() + timeout
        while not self._serves():
            if self._process.poll() is not None:
                status, self._process = self._process.returncode, None
                raise Unclean(f"the server ended with status {status} before it served"
                              + self.end_of_log())
            if time.monotonic() > deadline:
                self.kill()
                raise Unclean(f"the server does not serve after {timeout} s" + self.end_of_log())
            time.sleep(0.05)

    def _command(self):
        if self.is_java:
            # The one switch of the tests that ZooKeeper does not take from its zoo.cfg.
            read_only = self._settings.get("readonlymode.enabled", "false")
            return ["java", *JVM_FLAGS, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                    f"-Dreadonlymode.enabled={read_only}",
                    *(f"-D{key}={value}" for key, value in self.properties.items()),
                    "-cp", ":".join(f"{JARS}/{jar}.jar" for jar in SERVER_JARS),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain", self._config]
        return [self.program, "serve", self._config, "--ready-file", self._ready]

    def mode(self):
        """As srvr tells it: standalone, leader, follower, ...; None while clients are not served."""
        found = re.search(r"^Mode: (\S+)", four_letter_word(self.address, "srvr"), re.MULTILINE)
        return found and found[1]

    def _serves(self):
        """True once clients are served; the addresses are known then."""
        if self.is_java:
            return self.mode() is not None
        try:
            with open(self._ready) as f:
                text = f.read()
        except FileNotFoundError:
            return False
        # The last line must be whole: the file may be seen while it is written.
        if not text.endswith("\n"):
            return False
        addresses = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.address, self.secure_address = addresses.get("client"), addresses.get("secure")
        return self.address is not None

    def stop(self, timeout=60):
        """Ends the server as an operator would; raises Unclean when it does not end well."""
        if not self.running:
            return
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Unclean(f"the server did not end within {timeout} s of SIGTERM"
                          + self.end_of_log())
        # A JVM that ends on SIGTERM says 128 + 15.
        if status != (143 if self.is_java else 0):
            raise Unclean(f"the server ended with status {status}" + self.end_of_log())
        with open(self.log, errors="replace") as f:
            lines = f.read().splitlines()
        for number, line in enumerate(lines):
            if REPORT.search(line):
                raise Unclean("the server's log holds a report:\n"
                              + "\n".join(lines[number:number + 30]))

    def wait(self, timeout=60):
        """The status with which the server ends by itself."""
        status = self._process.wait(timeout)
        self._process = None
        return status

    def kill(self):
        if self.running:
            process, self._process = self._process, None
            process.kill()
            process.wait()

    def erase_data(self):
        self.stop()
        shutil.rmtree(self._settings["dataDir"], ignore_errors=True)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def end_of_log(self, lines=40):
        try:
            with open(self.log, errors="replace") as f:
                return f", the end of {self.log}:\n" + "".join(f.readlines()[-lines:])
        except OSError:
            return ""


def arguments(parser):
    """Adds the options that name the server."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--program", default=os.path.join(CHECKOUT, "build/release/bin/vivarium"),
                       help="the vivarium to test (default: %(default)s)")
    which.add_argument("--java", dest="program", action="store_const", const=JAVA,
                       help="test Debian's ZooKeeper instead, for comparison")
    parser.add_argument("--set", dest="settings", metavar="KEY=VALUE", action="append", default=[],
                        help="a further line of the zoo.cfg, e.g. vivarium.storage=memory")
    return parser


def check_program(program):
    if program == JAVA:
        require_files("libzookeeper-java", f"{JARS}/zookeeper.jar")
        require_files("a Java runtime", "/usr/bin/java")
    elif not os.access(program, os.X_OK):
        sys.exit(f"no program at {program}: run scripts/build, or name one with --program")


def require_files(package, *paths):
    """Ends the run with a sentence when a file that a Debian package brings is not there."""
    for path in paths:
        if not os.path.exists(path):
            sys.exit(f"{path} is missing (package {package}): run scripts/setup --tests")


def started(options, settings=(), port=None):
    """A running server for the time of a `with` block; ends this program when it was unclean."""
    check_program(options.program)
    return running(Server(options.program, [*settings, *options.settings], port))


@contextlib.contextmanager
def running(server):
    """Starts and stops a server, or an ensemble, around a `with` block.

    The block sets `keep` on it when its own checks failed.
    """
    clean = False
    try:
        server.start()
        try:
            yield server
        finally:
            server.stop()
        clean = True
    except Unclean as e:
        sys.exit(f"FAILED: {e}")
    finally:
        if clean and not server.keep:
            server.remove()
        else:
            server.kill()
            print("kept: " + " ".join(server.directories), file=sys.stderr)


def main():
    parser = arguments(argparse.ArgumentParser(
        description="Start a server, run a command with its address in $HOSTS, stop the server."))
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command")
    with started(options) as server:
        status = subprocess.call(command, env={**os.environ, "HOSTS": server.address})
        server.keep = status != 0
    return status


if __name__ == "__main__":
    sys.exit(main())
