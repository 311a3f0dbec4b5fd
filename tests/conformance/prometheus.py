"""A real Prometheus for a test, with scrape jobs of its own, and promtool."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request

import server

# Where scripts/setup --tests unpacks it: installed as a package, it would run as a service.
UNPACKED = os.path.join(server.CHECKOUT, "build", "tools", "usr", "bin")


def program(name="prometheus"):
    """Its path, None when it is not there."""
    return shutil.which(name) or shutil.which(name, path=UNPACKED)


class Prometheus:
    def __init__(self, listen):
        self._listen = listen

    def ask(self, what, **parameters):
        """`data` of the answer of its API; None while it does not answer."""
        url = f"http://{self._listen}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def targets(self):
        data = self.ask("targets")
        return None if data is None else data["activeTargets"]

    def value(self, expression):
        """Of an expression with one result; None if it has none."""
        data = self.ask("query", query=expression)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None


@contextlib.contextmanager
def running(scrape_configs):
    """scrape_configs: what stands under that key of its configuration, in YAML."""
    listen = f"127.0.0.1:{server.free_port()}"
    with tempfile.TemporaryDirectory(prefix="vivarium-prometheus-") as directory:
        with open(f"{directory}/prometheus.yml", "w") as f:
            f.write(f"scrape_configs:\n{scrape_configs}")
        with open(f"{directory}/log", "wb") as log:
            process = subprocess.Popen(
                [program(), f"--config.file={directory}/prometheus.yml",
                 f"--storage.tsdb.path={directory}/data", f"--web.listen-address={listen}"],
                stdout=log, stderr=log, cwd=directory)
        try:
            yield Prometheus(listen)
        finally:
            process.terminate()
            process.wait()
