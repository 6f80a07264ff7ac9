"""A cluster of one node that serves all slots: the client, scripts and key slots behave as on any cluster."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tools.embedded import ValkeyServer, free_port

READY_SECONDS = 20


class ClusterNode(ValkeyServer):
    """A Valkey node in cluster mode."""

    def command(self) -> list[str]:
        """Turn cluster mode on."""
        command = super().command()
        with self._configuration.open("a") as configuration:
            configuration.write(f"cluster-enabled yes\ncluster-port {free_port()}\ncluster-announce-ip 127.0.0.1\n")
        return command


@contextmanager
def valkey_cluster(password: str | None = None) -> Iterator[ClusterNode]:
    """Run the node, and give it all slots."""
    with tempfile.TemporaryDirectory(prefix="scheduler-cluster-") as folder:
        node = ClusterNode(Path(folder), password=password)
        node.start()
        try:
            with redis.Redis(port=node.port, password=password) as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                deadline = time.monotonic() + READY_SECONDS
                while "cluster_state:ok" not in str(client.execute_command("CLUSTER", "INFO")):
                    assert time.monotonic() < deadline, "the cluster does not become ready"
                    time.sleep(0.01)
            yield node
        finally:
            node.stop()
