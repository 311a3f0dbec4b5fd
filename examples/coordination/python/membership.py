#!/usr/bin/python3
"""A group whose members are the processes that are alive.

    membership.py HOSTS join NAME     be a member until SIGTERM, or until this process dies
    membership.py HOSTS watch         print the members now and at each change
"""

import signal
import sys

from kazoo.client import KazooClient

PATH = "/members"


def main():
    hosts, command = sys.argv[1:3]
    client = KazooClient(hosts, timeout=4)
    client.start()
    client.ensure_path(PATH)

    if command == "join":
        # The server removes an ephemeral node when its session ends: at once when the client closes
        # it, after the session's timeout when the client is gone.
        client.create(f"{PATH}/{sys.argv[3]}", ephemeral=True)
        print(f"{sys.argv[3]} joined", flush=True)
    else:
        @client.ChildrenWatch(PATH)
        def show(names):
            print("members:", *sorted(names), flush=True)

    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    client.stop()
    client.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
