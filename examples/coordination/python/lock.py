#!/usr/bin/python3
"""A distributed lock around something that cannot guard itself: a number in a file.

    lock.py HOSTS FILE TIMES     add one to the number, TIMES times, each time under the lock
"""

import sys
import time

from kazoo.client import KazooClient


def main():
    hosts, path, times = sys.argv[1:4]
    client = KazooClient(hosts, timeout=4)
    client.start()
    lock = client.Lock("/lock/counter")

    for _ in range(int(times)):
        with lock:
            with open(path) as f:
                number = int(f.read())
            time.sleep(0.01)  # Whoever came in between now would make us write a stale number.
            with open(path, "w") as f:
                f.write(str(number + 1))

    print(f"added {times}", flush=True)
    client.stop()
    client.close()


if __name__ == "__main__":
    main()
