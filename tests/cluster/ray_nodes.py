"""A Ray cluster of several nodes on this machine, whose nodes can be ended one by one."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return every process that `process` has started, and what they have started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


class RayNodes:
    """Nodes of one CPU each that ask for the token of `environ`; the first one is the head."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ | {"RAY_AUTH_MODE": "token"}
        self.address = f"127.0.0.1:{free_port()}"
        self.nodes: list[subprocess.Popen[str]] = []

    def add(self) -> subprocess.Popen[str]:
        """Start one more node and wait until it has joined."""
        port = self.address.rpartition(":")[2]
        lead = f"--head --port={port} --include-dashboard=false"
        role = f"--address={self.address}" if self.nodes else lead
        ray = str(Path(sys.executable).with_name("ray"))
        node = subprocess.Popen(
            [ray, "start", *role.split(), "--num-cpus=1", "--disable-usage-stats", "--block"],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.nodes.append(node)
        assert node.stdout
        said = []
        for line in node.stdout:
            said.append(line)
            if "Ray runtime started" in line:
                return node
        raise AssertionError(f"Ray did not start: {''.join(said)}")

    @staticmethod
    def kill(node: subprocess.Popen[str]) -> None:
        """End a node and everything it has started, as a power failure would."""
        for part in below(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(part.pid, signal.SIGKILL)
        node.kill()
        node.wait()


@contextlib.contextmanager
def ray_nodes(environ: dict[str, str], count: int) -> Iterator[RayNodes]:
    """Start a head and `count` - 1 workers for as long as the context lasts."""
    cluster = RayNodes(environ)
    try:
        for _ in range(count):
            cluster.add()
        yield cluster
    finally:
        for node in reversed(cluster.nodes):
            cluster.kill(node)
