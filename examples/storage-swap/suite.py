#!/usr/bin/python3
"""An application's tests, which do not care what stores their data:  suite.py HOST:PORT"""

import sys
import unittest

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NodeExistsError


class Inventory:
    """A toy application: stock of items, one znode each."""

    def __init__(self, client):
        self.client = client
        client.ensure_path("/stock")

    def add(self, item, count):
        self.client.create(f"/stock/{item}", str(count).encode())

    def take(self, item):
        data, stat = self.client.get(f"/stock/{item}")
        if int(data) == 0:
            return False
        self.client.set(f"/stock/{item}", str(int(data) - 1).encode(), version=stat.version)
        return True

    def items(self):
        return sorted(self.client.get_children("/stock"))


class InventoryTest(unittest.TestCase):
    def setUp(self):
        self.client = KazooClient(HOSTS)
        self.client.start()
        self.addCleanup(self.client.stop)
        self.client.delete("/stock", recursive=True)
        self.stock = Inventory(self.client)

    def test_what_was_added_can_be_taken_until_it_is_gone(self):
        self.stock.add("pear", 2)
        self.assertTrue(self.stock.take("pear"))
        self.assertTrue(self.stock.take("pear"))
        self.assertFalse(self.stock.take("pear"))

    def test_an_item_is_added_once(self):
        self.stock.add("pear", 1)
        with self.assertRaises(NodeExistsError):
            self.stock.add("pear", 5)

    def test_two_takers_cannot_take_the_same_piece(self):
        self.stock.add("plum", 1)
        _, stat = self.client.get("/stock/plum")
        self.assertTrue(self.stock.take("plum"))
        with self.assertRaises(BadVersionError):
            self.client.set("/stock/plum", b"0", version=stat.version)

    def test_items_are_listed(self):
        for item in ("b", "a", "c"):
            self.stock.add(item, 1)
        self.assertEqual(self.stock.items(), ["a", "b", "c"])


if __name__ == "__main__":
    HOSTS = sys.argv.pop(1)
    unittest.main()
