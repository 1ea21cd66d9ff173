import signal
import socket
import subprocess
import sys

import pytest

from cluster.connect import ClusterConfig, connected
from cluster.errors import UserError


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def refused(config, monkeypatch=None):
    with pytest.raises(UserError) as caught, connected(config, ()):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def listening():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server, f"127.0.0.1:{server.getsockname()[1]}"


def test_a_cluster_that_is_not_there_is_named():
    server, address = listening()
    server.close()
    message = refused(ClusterConfig(address=address))
    assert f"{address}: no Ray cluster answers there" in message
    assert "RAY_ADDRESS" in message


def test_something_that_is_no_cluster_is_given_up_after_the_timeout():
    server, address = listening()
    with server:
        assert f"{address}: no Ray cluster answers" in refused(
            ClusterConfig(address=address, timeout=0.5)
        )


def test_the_environment_names_a_cluster_too(monkeypatch):
    server, address = listening()
    server.close()
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert address in refused(ClusterConfig())


@pytest.mark.parametrize("address", ["auto", "ray://head:10001", "head", "head:port"])
def test_an_address_is_host_and_port(address):
    assert "HOST:6379" in refused(ClusterConfig(address=address))


def test_no_workers_do_no_work():
    assert "cluster.workers" in refused(ClusterConfig(workers=0))


# In a process of its own: Ray reads its environment once, and leaves threads behind.
PROBE = """
import os
from cluster.connect import ClusterConfig, connected

with connected(ClusterConfig(workers=2), ()) as workers:
    import ray

    @ray.remote(num_cpus=1)
    def probe():
        return os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"], os.getpid()

    one, other, own = *ray.get([probe.remote(), probe.remote()]), os.getpid()
    print(workers, one[:2], other[:2], own not in (one[2], other[2]))
    print(ray.cluster_resources()["CPU"])
print(ray.is_initialized())
"""


def test_without_an_address_ray_runs_here_for_as_long_as_it_is_needed():
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, timeout=200
    )
    assert done.stdout.splitlines() == ["2 ('1', '1') ('1', '1') True", "2.0", "False"]


def test_sigterm_ends_in_order():
    waiting = (
        "import time\nfrom cluster.connect import ClusterConfig, connected\n"
        "with connected(ClusterConfig(workers=1), ()):\n"
        "    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", waiting], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert said == "stopped by SIGTERM; the same command continues the work\n"
