"""`python -m cluster` as typed, with an `ssh` that runs what it is told on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from deepspeed.launcher.runner import fetch_hostfile

from cluster.errors import UserError
from cluster.hosts import HostsConfig, _start_script, check, start
from tests.cluster.ray_nodes import free_port

ROOT = Path(__file__).resolve().parents[2]
# As the real one: options, the machine's name, what its shell shall run. Homes are apart.
SSH = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift 2; done
[ "$1" = nowhere ] && { echo 'ssh: Could not resolve hostname nowhere' >&2; exit 255; }
export HOME="$MACHINES/${1#*@}"
mkdir -p "$HOME"
exec sh -c "$2"
"""


@pytest.fixture
def machines(tmp_path, monkeypatch):
    """A folder with `ssh` on the PATH and the hosts file of two machines."""
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MACHINES", str(tmp_path / "machines"))
    (tmp_path / "hosts.yaml").write_text(
        f"head: someone@127.0.0.1\nworkers: [node2]\npython: {sys.executable}\n"
        f"port: {free_port()}\ncpus: 1\nslots: 4\n"
    )
    return tmp_path


def typed(folder, *arguments, status=0, **environ):
    done = subprocess.run(
        [sys.executable, "-m", "cluster", *arguments],
        cwd=folder,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    if status == 0:
        return done.stdout
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("nodes: ")]
    return line


def command_lines():
    for process in psutil.process_iter(["cmdline"]):
        yield " ".join(process.info["cmdline"] or ())


def test_a_cluster_comes_up_by_ssh_and_goes_down_alone(machines):
    port = (machines / "hosts.yaml").read_text().split("port: ")[1].split()[0]
    address = f"127.0.0.1:{port}"
    try:
        up = typed(machines, "up", "hosts.yaml")
        assert up.count("started") == 2
        assert "2 nodes, 2 CPUs" in up
        assert f"RAY_ADDRESS={address}" in up
        assert typed(machines, "up", "hosts.yaml").count("runs already") == 2

        status = typed(machines, "status", RAY_ADDRESS=address)
        assert [line.split()[0] for line in status.splitlines()] == ["head", "worker", "2"]
        wrong = {"RAY_ADDRESS": address, "RAY_AUTH_TOKEN": "0" * 64}
        assert "token" in typed(machines, "wait", "3", status=2, **wrong)
        unasked = {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "disabled"}
        assert "token" in typed(machines, "status", status=2, **unasked)
        few = typed(machines, "wait", "3", "--timeout=1", status=2, RAY_ADDRESS=address)
        assert "2 of 3 nodes" in few

        token = Path(typed(machines, "token").strip())
        assert token == machines / ".ray" / "auth_token"
        assert not any(token.read_text() in line for line in command_lines())
        held = [path for path in (machines / "machines").rglob("*") if path.is_file()]
        assert held
        assert not any(token.read_bytes() in path.read_bytes() for path in held)
    finally:
        down = typed(machines, "down", "hosts.yaml")
    assert down.count("ended") == 2
    assert typed(machines, "down", "hosts.yaml").count("was not running") == 2
    assert not [line for line in command_lines() if f":{port}" in line and "raylet" in line]
    assert "no Ray cluster answers" in typed(machines, "status", status=2, RAY_ADDRESS=address)


def test_the_log_of_an_earlier_start_is_not_taken_for_this_one(machines):
    hosts = machines / "hosts.yaml"
    port = hosts.read_text().split("port: ")[1].split()[0]
    (machines / "machines" / "127.0.0.1" / ".ray").mkdir(parents=True)
    log = machines / "machines" / "127.0.0.1" / ".ray" / f"cluster-{port}-127.0.0.1.log"
    hosts.write_text(hosts.read_text().replace(sys.executable, "~/no/python"))
    for _ in range(5):
        log.write_text("Ray runtime started\n")
        said = typed(machines, "up", "hosts.yaml", status=2)
        assert "machines/127.0.0.1/no/python" in said
        assert "No such file" in said


def test_a_token_that_is_turned_off_is_not_handed_on(monkeypatch):
    hosts = HostsConfig(head="a")
    assert "RAY_AUTH_MODE=token\nRAY_AUTH_TOKEN=abc\n" in _start_script(hosts, "a", "", "abc")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    asked = []
    monkeypatch.setattr(
        "cluster.hosts._ask", lambda host, script: asked.append(script) or "started"
    )
    assert list(start(hosts)) == [("a", "started")]
    assert "RAY_AUTH_MODE=disabled\n" in asked[0]


def test_a_machine_that_cannot_be_reached_is_named(machines):
    reason = "nowhere: ssh: Could not resolve hostname nowhere"
    assert reason in typed(machines, "up", "hosts.yaml", "head=nowhere", status=2)
    assert reason in typed(machines, "down", "hosts.yaml", "workers=[nowhere]", status=2)


def test_a_machine_without_ray_says_so(machines):
    message = typed(machines, "up", "hosts.yaml", "python=/no/python", status=2)
    assert message.startswith("error: someone@127.0.0.1: ")
    assert "/no/python" in message


def test_the_host_file_is_the_one_that_deepspeed_reads(machines):
    (machines / "hostfile").write_text(typed(machines, "hostfile", "hosts.yaml"))
    assert dict(fetch_hostfile(str(machines / "hostfile"))) == {"someone@127.0.0.1": 4, "node2": 4}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"head": "-oProxyCommand=x"}, "not the name of a machine"),
        ({"workers": ["a b"]}, "not the name of a machine"),
        ({"workers": ["you@node1"]}, "listed twice"),
        ({"port": 0}, "port=0"),
        ({"slots": 0}, "slots=0"),
    ],
)
def test_machines_that_cannot_be_a_cluster_are_refused(changed, message):
    with pytest.raises(UserError, match=message):
        check(HostsConfig(**{"head": "node1"} | changed))
