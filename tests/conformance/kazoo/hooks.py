"""A pytest plugin that puts our server under kazoo's own test harness.

kazoo.testing starts Java by itself, in ManagedZooKeeper. This puts a class of the same interface in
its place; everything above it (ZookeeperCluster, KazooTestHarness, tests) is kazoo's, unchanged.

$VIVARIUM_TEST_PROGRAM names the server ("java" for Debian's ZooKeeper), $VIVARIUM_TEST_SETTINGS
further zoo.cfg lines, $VIVARIUM_TEST_SIZE the number of servers, $VIVARIUM_TEST_LEFT_OUT the tests not to
run.
"""

import logging
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import ensemble
import server

# kazoo reads these when its modules are loaded and when the first test wants a server.
os.environ.update(ZOOKEEPER_VERSION="3.8.0", ZOOKEEPER_CLASSPATH="unused",
                  ZOOKEEPER_CLUSTER_SIZE=os.environ["VIVARIUM_TEST_SIZE"],
                  ZOOKEEPER_PORT_OFFSET=str(server.free_port()))
import kazoo.testing.common
import kazoo.testing.harness

UNCLEAN = []
# Clients that a test leaves behind complain until the process ends.
logging.getLogger("kazoo").addHandler(logging.NullHandler())


def setting_of(flag):
    """A JVM flag as the zoo.cfg line of the same effect; reading it, ZooKeeper adds the prefix."""
    return flag.removeprefix("-D").removeprefix("zookeeper.")


class ManagedServer:
    started = []  # Those of all servers that run.

    def __init__(self, software_path, server_info, peers=(), classpath=None,
                 configuration_entries=(), java_system_properties=(), jaas_config=None):
        assert not jaas_config, "no SASL: see left-out.tsv"
        settings = [*configuration_entries, *map(setting_of, java_system_properties),
                    *os.environ.get("VIVARIUM_TEST_SETTINGS", "").split("\n")]
        my_id = None
        self._size = 1 + len(peers)
        if peers:
            members = sorted([server_info, *peers])
            settings += [*ensemble.SETTINGS, "readonlymode.enabled=true", *ensemble.member_lines(
                [(member.leader_port, member.election_port) for member in members])]
            my_id = server_info.server_id
        self.server_info = server_info
        self.host = "127.0.0.1"
        self._server = server.Server(os.environ["VIVARIUM_TEST_PROGRAM"], filter(None, settings),
                                     server_info.client_port, my_id)

    # A restarted server keeps its port: the tests' clients must find it again.
    client_port = property(lambda self: self.server_info.client_port)
    address = property(lambda self: f"{self.host}:{self.client_port}")
    running = property(lambda self: self._server.running)

    def run(self):
        """The last one waits for those before it: a new ensemble serves when all its members have come."""
        if self.running:
            return
        self._server.spawn()
        self.started.append(self._server)
        if len(self.started) == self._size:
            for each in self.started:
                each.wait_until_serving()

    def stop(self):
        if self.running:
            self.started.remove(self._server)
        try:
            self._server.stop()
        except server.Unclean as e:
            UNCLEAN.append(str(e))

    def reset(self):
        self.stop()
        self._server.erase_data()

    def destroy(self):
        self.stop()
        self._server.remove()


kazoo.testing.common.ManagedZooKeeper = ManagedServer


def pytest_collection_modifyitems(config, items):
    names = os.environ["VIVARIUM_TEST_LEFT_OUT"].split("\n")
    left_out = [item for item in items if name_of(item) in names]
    items[:] = [item for item in items if name_of(item) not in names]
    config.hook.pytest_deselected(items=left_out)


def name_of(item):
    """test_client.TestClient::test_get, as in the JUnit report less the package."""
    module, *rest = item.nodeid.rsplit("/", 1)[-1].split("::")
    return module.removesuffix(".py") + "." + "::".join(rest)


def pytest_sessionfinish(session):
    cluster, kazoo.testing.harness.CLUSTER = kazoo.testing.harness.CLUSTER, None
    if cluster is not None:
        cluster.terminate()
    if UNCLEAN:
        print("\n" + "\n".join(UNCLEAN))
        session.exitstatus = 3
