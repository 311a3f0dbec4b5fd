"""A headless Chromium, driven over the WebDriver protocol by plain HTTP, without a library.

    with Browser() as page:
        page.open("http://127.0.0.1:8080/")
        page.wait("return document.title")
        page.keys(TAB, ENTER)
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DRIVER = "/usr/bin/chromedriver"
BROWSER = "/usr/bin/chromium"
TAB, ENTER, ESCAPE, SPACE = "\ue004", "\ue007", "\ue00c", " "
LEFT, UP, RIGHT, DOWN, END, HOME, SHIFT = "\ue012", "\ue013", "\ue014", "\ue015", "\ue010", "\ue011", "\ue008"

ARGUMENTS = [
    "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--no-first-run", "--hide-scrollbars",
    "--force-color-profile=srgb", "--lang=en",
    "--no-sandbox",  # Which needs rights that a build machine's containers lack; the one page is ours.
]


class WebDriverError(Exception):
    pass


class Browser:
    def __init__(self, width=1280, height=900):
        for path, package in ((DRIVER, "chromium-driver"), (BROWSER, "chromium")):
            if not os.path.exists(path):
                sys.exit(f"{path} is missing (package {package}): run scripts/setup --tests")
        self.directory = tempfile.mkdtemp(prefix="vivarium-browser-")
        self.driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, cwd=self.directory)
        try:
            self.session = None
            self.url = f"http://127.0.0.1:{self._port()}"
            options = {"binary": BROWSER, "args": [*ARGUMENTS, f"--user-data-dir={self.directory}/profile",
                                                  f"--window-size={width},{height}"]}
            answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self.session = answer["sessionId"]
            self.open("about:blank")
            self.requests()  # Those of the browser's own first page.
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return int(found[1])
        sys.exit("chromedriver does not start")

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise WebDriverError(json.load(e)["value"]["message"].split("\n")[0]) from None

    def _ask(self, method, path, body=None):
        return self._send(method, f"/session/{self.session}{path}", body)

    def close(self):
        if self.session:
            try:
                self._ask("DELETE", "")
            except (WebDriverError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- what a user does -----------------------------------------------------------------------

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def keys(self, *keys):
        """Presses and releases each key, at whatever has the focus. A list of keys: held together."""
        actions = []
        for key in keys:
            chord = [key] if isinstance(key, str) else key
            actions += [{"type": "keyDown", "value": one} for one in chord]
            actions += [{"type": "keyUp", "value": one} for one in reversed(chord)]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def type(self, text):
        self.keys(*text)

    def click(self, selector):
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{next(iter(found.values()))}/click", {})

    # --- what a user sees -----------------------------------------------------------------------

    def run(self, script, *arguments):
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments, seconds=15):
        """Until the script returns something true; None when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.run(script, *arguments):
                return found
            time.sleep(0.05)
        return None

    def devtools(self, command, **arguments):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": arguments})

    def size(self, width, height, scale=1, mobile=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                      mobile=mobile)

    def colours(self, scheme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self._ask("GET", "/screenshot")))

    # --- what happened ---------------------------------------------------------------------------

    def console(self):
        """Since the last call: warnings, errors, what was refused to the page."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """URLs that were asked for since the last call."""
        messages = [json.loads(entry["message"])["message"]
                    for entry in self._ask("POST", "/se/log", {"type": "performance"})]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]
