#!/usr/bin/python3
"""What a policy does for kazoo, and what changing it under the running server does.

    try.py HOST:PORT SERVER_PID POLICY CHANGED LOG
        POLICY is the file that the server reads, CHANGED what it is to read next, LOG the server's log
"""

import os
import signal
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError

address, server, policy, changed, log = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]


def connected(credential=None):
    client = KazooClient(address, timeout=10)
    client.start(30)
    if credential:
        client.add_auth("digest", credential)
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


def eventually(condition, what):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    check(condition(), what)


def replace_policy(text):
    """As an editor does: the server never sees half a file."""
    with open(policy + ".new", "w") as f:
        f.write(text)
    os.replace(policy + ".new", policy)
    os.kill(server, signal.SIGHUP)


def logged(part):
    with open(log) as f:
        return part in f.read()


payments, search, guest = connected("payments:pay-secret"), connected("search:search-secret"), connected()
impostor = connected("payments:another password")

payments.create("/teams/payments/limits", b"100", makepath=True)
search.create("/teams/search/index", b"a", makepath=True)
check(search.get("/teams/payments/limits")[0] == b"100", "a team reads what another wrote")
check(denied(search.set, "/teams/payments/limits", b"0"), "it does not write there, though the ACL is open")
check(denied(impostor.set, "/teams/payments/limits", b"0"), "nor does who only calls himself payments")
check(denied(guest.delete, "/teams/payments/limits"), "nothing of a team is deleted by others")
transaction = search.transaction()
transaction.set_data("/teams/search/index", b"b")
transaction.set_data("/teams/payments/limits", b"0")
transaction.commit()
check(search.get("/teams/search/index")[0] == b"a", "a transaction that contains such a write does nothing")
check(guest.get("/teams/search/index")[0] == b"a", "a guest reads what the search team wrote")

with open(changed) as f:
    replace_policy(f.read())
eventually(lambda: denied(guest.get, "/teams/search/index"),
           "after a change of the policy and SIGHUP he does not any more, without a restart")
check(denied(guest.get_children, "/teams/search"), "nor does he see its children")
check(denied(guest.exists, "/teams/search/index"), "nor whether it is there")
check(search.get("/teams/search/index")[0] == b"a", "the search team does")

replace_policy("function decide(access) return allow(")
eventually(lambda: logged("policy.lua:1: unexpected symbol near <eof>"),
           "a policy with a mistake is refused, with file, line and reason")
check(denied(guest.get, "/teams/search/index") and search.exists("/teams/search/index"),
      "the one before stays in force")

replace_policy("function decide(access) while true do end end")
eventually(lambda: denied(search.get, "/teams/search/index"), "a policy that never ends denies")
check(logged("out of instructions (instruction_budget)"), "and the log says why")

with open(changed) as f:
    replace_policy(f.read())
eventually(lambda: not denied(search.get, "/teams/search/index"), "the server serves on, and takes a good one")
