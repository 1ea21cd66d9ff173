"""The nodes of a running Ray cluster, asked of its head from anywhere that holds its token."""

import socket
import time
from dataclasses import dataclass

from cluster.auth_token import asks_for_token, read_token, token_file
from cluster.errors import UserError
from cluster.progress import Progress

DEFAULT_PORT = 6379
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Node:
    """A node that is alive."""

    host: str
    address: str
    cpus: int
    is_head: bool


def alive_nodes(address: str, timeout: float) -> list[Node]:
    """Return the nodes of the cluster at HOST:PORT, its head first.

    Raises UserError where no cluster answers within `timeout` seconds or it refuses the token.
    """
    import grpc  # type: ignore[import-untyped]
    from ray.core.generated.gcs_service_pb2 import GetAllNodeInfoRequest  # type: ignore[attr-defined]
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    check_reachable(address, timeout)
    token = read_token() if asks_for_token() else None
    shown = [("authorization", f"Bearer {token}")] if token else []
    try:
        with grpc.insecure_channel(address) as channel:
            ask = NodeInfoGcsServiceStub(channel).GetAllNodeInfo
            answer = ask(GetAllNodeInfoRequest(), timeout=timeout, metadata=shown)
    except grpc.RpcError as error:
        raise refusal(address, error.details()) from None
    nodes = [
        Node(
            info.node_manager_hostname,
            info.node_manager_address,
            int(info.resources_total["CPU"]),
            info.is_head_node,
        )
        for info in answer.node_info_list
        if info.state == info.ALIVE
    ]
    return sorted(nodes, key=lambda node: (not node.is_head, node.host, node.address))


def wait_for_nodes(address: str, count: int, timeout: float) -> list[Node]:
    """Return the nodes once `count` of them are alive; the head need not have started yet.

    Raises UserError after `timeout` seconds, and at once where the head refuses the token.
    """
    host_and_port(address)
    end = time.monotonic() + timeout
    nodes: list[Node] = []
    reason = ""
    with Progress("nodes", count, "alive") as progress:
        while time.monotonic() < end:
            try:
                check_reachable(address, SECONDS_BETWEEN_LOOKS)
            except UserError as error:
                reason = f" ({error})"
            else:
                nodes, reason = alive_nodes(address, timeout), ""
                progress.advance(max(0, len(nodes) - progress.done))
                if len(nodes) >= count:
                    return nodes
            time.sleep(SECONDS_BETWEEN_LOOKS)
    raise UserError(
        f"{address}: {len(nodes)} of {count} nodes are there after {timeout:.0f} s{reason}"
    )


def check_reachable(address: str, timeout: float) -> None:
    """Raise UserError unless something answers in Ray's protocol; Ray itself asks for minutes."""
    import grpc

    try:
        socket.create_connection(host_and_port(address), timeout=timeout).close()
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=timeout)
    except (OSError, grpc.FutureTimeoutError) as error:
        raise refusal(address, str(error) or type(error).__name__) from None


def host_and_port(address: str) -> tuple[str, int]:
    """Take HOST:PORT apart; raises UserError for anything else."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UserError(f"{address}: the address of a Ray cluster has the form HOST:{DEFAULT_PORT}")
    return host, int(port)


def refusal(address: str, reason: str) -> UserError:
    """Return what to say of a cluster that could not be had, and what to check."""
    return UserError(
        f"{address}: no Ray cluster answers there ({reason.strip().splitlines()[0]}); check "
        f"cluster.address or RAY_ADDRESS, and that {token_file()} is the token of that cluster, "
        "or leave these out to work on this machine"
    )
