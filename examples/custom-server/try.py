#!/usr/bin/python3
"""What a server with the scheme `token` does for kazoo.

    try.py HOST:PORT SERVER_PID TOKENS      TOKENS is the file that the server reads
"""

import os
import signal
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, NoAuthError
from kazoo.security import make_acl

address, server, tokens = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def connected(token=None):
    client = KazooClient(address, timeout=10)
    client.start(30)
    if token:
        client.add_auth("token", token)
    return client


def check(good, what):
    print("ok  " if good else "FAIL", what, flush=True)
    if not good:
        sys.exit(1)


def denied(call, *arguments):
    try:
        call(*arguments)
    except NoAuthError:
        return True
    return False


def accepted(token):
    client = KazooClient(address, timeout=10)
    client.start(30)
    try:
        client.add_auth("token", token)
        return True
    except AuthFailedError:
        return False
    finally:
        client.stop()
        client.close()


search, billing, nobody = connected("needle-4711"), connected("penny-0815"), connected()
search.create("/search", b"index", acl=[make_acl("token", "search-team", all=True)])
check(search.get("/search")[0] == b"index", "the search team reads what is its own")
check(denied(billing.get, "/search"), "the billing team does not")
check(denied(nobody.get, "/search"), "nor does a client without a token")
check(not accepted("made-up"), "a made-up token is refused")

with open(tokens, "a") as f:
    f.write("search-team thread-1234\n")
os.kill(server, signal.SIGHUP)
deadline = time.monotonic() + 30
while not accepted("thread-1234") and time.monotonic() < deadline:
    time.sleep(0.1)
check(connected("thread-1234").get("/search")[0] == b"index",
      "a token that was added to the file counts after SIGHUP, without a restart")
