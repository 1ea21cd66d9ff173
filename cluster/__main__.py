"""The command `python -m cluster`: start, watch and end clusters."""

import argparse
import os
from pathlib import Path

from cluster.auth_token import make_token, token_file
from cluster.config import load_config
from cluster.errors import UserError, exit_with
from cluster.hosts import HostsConfig, deepspeed_hostfile, end, start
from cluster.nodes import Node, alive_nodes, wait_for_nodes

SECONDS_TO_JOIN, SECONDS_TO_ANSWER = 120.0, 20.0


def main() -> int:
    """Run one of the commands; returns the exit status."""
    parser = argparse.ArgumentParser("python -m cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, says in (
        ("up", _up, "start Ray on the machines of a file, by ssh"),
        ("down", _down, "end what up has started"),
        ("hostfile", _hostfile, "print the machines as deepspeed --hostfile reads them"),
    ):
        command = commands.add_parser(name, help=says)
        command.add_argument("hosts", type=Path, metavar="HOSTS.yaml")
        command.add_argument("overrides", nargs="*", metavar="key=value")
        command.set_defaults(run=run)
    status = commands.add_parser("status", help="list the nodes of the cluster at RAY_ADDRESS")
    status.set_defaults(run=_status)
    wait = commands.add_parser("wait", help="wait until that cluster has so many nodes")
    wait.add_argument("nodes", type=int)
    wait.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS")
    wait.set_defaults(run=_wait)
    token = commands.add_parser("token", help="print where the token lies; makes one if need be")
    token.set_defaults(run=_token)
    given = parser.parse_args()
    given.run(given)
    return 0


def _up(given: argparse.Namespace) -> None:
    hosts = _hosts(given)
    for host, outcome in start(hosts):
        print(f"{host:<30} {outcome}", flush=True)
    _print_nodes(wait_for_nodes(hosts.address, 1 + len(hosts.workers), SECONDS_TO_JOIN))
    print(f"next: RAY_ADDRESS={hosts.address} python -m datagen generate ...")


def _down(given: argparse.Namespace) -> None:
    for host, outcome in end(_hosts(given)):
        print(f"{host:<30} {outcome}", flush=True)


def _hostfile(given: argparse.Namespace) -> None:
    print(deepspeed_hostfile(_hosts(given)), end="")


def _status(given: argparse.Namespace) -> None:
    _print_nodes(alive_nodes(_address(), SECONDS_TO_ANSWER))


def _wait(given: argparse.Namespace) -> None:
    _print_nodes(wait_for_nodes(_address(), given.nodes, given.timeout))


def _token(given: argparse.Namespace) -> None:
    make_token()
    print(token_file())


def _hosts(given: argparse.Namespace) -> HostsConfig:
    return load_config(HostsConfig, given.hosts, given.overrides)


def _address() -> str:
    try:
        return os.environ["RAY_ADDRESS"]
    except KeyError:
        raise UserError("RAY_ADDRESS: not set; give it the head's HOST:PORT") from None


def _print_nodes(nodes: list[Node]) -> None:
    for node in nodes:
        role = "head" if node.is_head else "worker"
        print(f"{role:<8} {node.host:<30} {node.address:<16} {node.cpus} CPUs")
    print(f"{len(nodes)} nodes, {sum(node.cpus for node in nodes)} CPUs")


if __name__ == "__main__":
    exit_with(main)
