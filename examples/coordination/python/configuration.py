#!/usr/bin/python3
"""Configuration that its readers see change.

    configuration.py HOSTS set VALUE     store the value
    configuration.py HOSTS watch         print it now and at each change
"""

import signal
import sys

from kazoo.client import KazooClient

PATH = "/config/app"


def main():
    hosts, command = sys.argv[1:3]
    client = KazooClient(hosts, timeout=4)
    client.start()

    if command == "set":
        client.ensure_path(PATH)
        stat = client.set(PATH, sys.argv[3].encode())
        print(f"stored as version {stat.version}", flush=True)
    else:
        # Called at once, then after each change, and again after a reconnect: what a reader sees is
        # always the newest value, though not every value in between.
        @client.DataWatch(PATH)
        def show(data, stat):
            if stat is not None:
                print(f"version {stat.version}: {data.decode()}", flush=True)

        signal.sigwait({signal.SIGTERM, signal.SIGINT})

    client.stop()
    client.close()


if __name__ == "__main__":
    # Blocked before any thread starts, so that sigwait is the one to get them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
