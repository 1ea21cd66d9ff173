"""A Ray cluster on machines reached by ssh: started, ended, and listed for DeepSpeed.

Nothing of the project need lie on the machines but a Python with its dependencies. The token goes
through ssh's standard input, so that it stands in no command line and no file there.
"""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from omegaconf import MISSING

from cluster.auth_token import asks_for_token, make_token
from cluster.errors import UserError
from cluster.nodes import DEFAULT_PORT

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
AT_ONCE = 32

# What is under way on a machine is known by a file, so that no other process is ever ended.
_RUNS = """
umask 077
mkdir -p ~/.ray && cd ~/.ray || exit
runs() {
    [ -s "$node.pid" ] && ps -o args= -p "$(cat "$node.pid")" | grep -q 'ray.scripts.scripts start'
}
"""

_START = """
if runs; then echo 'runs already'; exit; fi
export RAY_AUTH_MODE RAY_AUTH_TOKEN RAY_USAGE_STATS_ENABLED=0
case $python in "~/"*) python=$HOME/${python#??} ;; esac
: >"$node.log"
nohup "$python" -m ray.scripts.scripts start $role --block >"$node.log" 2>&1 </dev/null &
echo $! >"$node.pid"
until grep -q 'Ray runtime started' "$node.log"; do
    if ! kill -0 "$(cat "$node.pid")" 2>/dev/null; then
        rm "$node.pid"
        grep . "$node.log" | tail -n 1 >&2
        exit 1
    fi
    sleep 0.2
done
echo started
"""

_END = """
if ! runs; then rm -f "$node.pid"; echo 'was not running'; exit; fi
kill "$(cat "$node.pid")"
for _ in $(seq 150); do runs || break; sleep 0.2; done
if runs; then echo 'does not end' >&2; exit 1; fi
rm "$node.pid"
echo ended
"""


@dataclass
class HostsConfig:
    """The machines of a cluster.

    Attributes:
        head: where the head runs, as ssh knows it; the others reach it under this name, without
            what stands before an @.
        workers: the other machines, as ssh knows them.
        python: Python with the project's dependencies, at the same path on all of them.
        port: where the head listens.
        cpus: CPUs that each machine lends; null for all it has.
        slots: processes of pre-training on each machine: its GPUs.
    """

    head: str = MISSING
    workers: list[str] = field(default_factory=list)
    python: str = "python3"
    port: int = DEFAULT_PORT
    cpus: int | None = None
    slots: int = 1

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return f"{_host(self.head)}:{self.port}"


def check(hosts: HostsConfig) -> None:
    """Raise UserError, naming the key, for machines that cannot be a cluster."""
    names = [hosts.head, *hosts.workers]
    machines = [_host(name) for name in names]
    for name, machine in zip(names, machines, strict=True):
        # ssh would read a leading dash as an option.
        if not machine or name.startswith("-") or any(sign.isspace() for sign in name):
            raise UserError(f"hosts: {name!r} is not the name of a machine")
        if machines.count(machine) > 1:
            raise UserError(f"hosts: {name} is listed twice; a machine is one node")
    if not 1 <= hosts.port <= 65535:
        raise UserError(f"port={hosts.port}: give a port from 1 to 65535")
    for key, value in (("cpus", hosts.cpus), ("slots", hosts.slots)):
        if value is not None and value < 1:
            raise UserError(f"{key}={value}: give 1 or more")


def start(hosts: HostsConfig) -> Iterator[tuple[str, str]]:
    """Start the head, then all workers at once; yield each machine and what became of it.

    A node that runs already is left alone. Raises UserError, naming the machine, when one cannot
    be reached or Ray does not start there; the others stay.
    """
    check(hosts)
    token = make_token() if asks_for_token() else ""
    join = f"--address={hosts.address}"
    lead = f"--head --port={hosts.port} --include-dashboard=false"
    yield hosts.head, _ask(hosts.head, _start_script(hosts, hosts.head, lead, token))
    yield from _all(hosts.workers, lambda host: _ask(host, _start_script(hosts, host, join, token)))


def end(hosts: HostsConfig) -> Iterator[tuple[str, str]]:
    """End the nodes that `start` started, the workers first; yield each machine and the outcome."""
    check(hosts)
    yield from _all(hosts.workers, lambda host: _ask(host, _script(hosts, host, _END)))
    yield hosts.head, _ask(hosts.head, _script(hosts, hosts.head, _END))


def deepspeed_hostfile(hosts: HostsConfig) -> str:
    """Return the machines as the file that `deepspeed --hostfile` reads."""
    check(hosts)
    return "".join(f"{name} slots={hosts.slots}\n" for name in [hosts.head, *hosts.workers])


def _start_script(hosts: HostsConfig, host: str, role: str, token: str) -> str:
    if hosts.cpus is not None:
        role += f" --num-cpus={hosts.cpus}"
    asked = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    secret = asked if token else {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": ""}
    return _script(hosts, host, _START, role=role, python=hosts.python, **secret)


def _script(hosts: HostsConfig, host: str, body: str, **values: str) -> str:
    # Homes may be shared: the name tells the machines and the clusters apart.
    values |= {"node": f"cluster-{hosts.port}-{_host(host)}"}
    given = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return given + _RUNS + body


def _ask(host: str, script: str) -> str:
    """Run a script in a machine's shell; returns the last line that it printed."""
    try:
        done = subprocess.run(
            [*SSH, host, "sh -s"], input=script, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise UserError("ssh: not found; install an OpenSSH client") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"{host}: {said}")
    return done.stdout.strip().splitlines()[-1]


def _all(names: list[str], ask: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Ask all machines at once and yield answers as they come; the first mistake is raised last."""
    mistakes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {pool.submit(ask, name): name for name in names}
        for done in as_completed(asked):
            try:
                yield asked[done], done.result()
            except UserError as error:
                mistakes.append(error)
    if mistakes:
        raise mistakes[0]


def _host(name: str) -> str:
    return name.rpartition("@")[2]
