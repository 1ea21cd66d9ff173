"""The nodes of a running Ray cluster, asked of its head from anywhere that holds its token."""

import time
from dataclasses import dataclass

from cluster.auth_token import settle
from cluster.connect import check_reachable, refusal
from cluster.errors import UserError
from cluster.progress import Progress

SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Node:
    """A node that is alive."""

    host: str
    address: str
    cpus: int
    is_head: bool


def alive_nodes(address: str, timeout: float = 20.0) -> list[Node]:
    """Return the nodes of the cluster at HOST:PORT, its head first.

    Raises UserError where no cluster answers within `timeout` seconds or it refuses the token.
    """
    check_reachable(address, timeout)
    settle(of_one_s_own=False)
    from ray._raylet import GcsClient  # type: ignore[attr-defined]
    from ray.exceptions import RayError

    try:
        infos = GcsClient(address=address).get_all_node_info().values()
    except (RayError, RuntimeError) as error:
        raise UserError(refusal(address, error)) from None
    nodes = [
        Node(
            info.node_manager_hostname,
            info.node_manager_address,
            int(dict(info.resources_total).get("CPU", 0)),
            bool(info.is_head_node),
        )
        for info in infos
        if info.state == info.ALIVE
    ]
    return sorted(nodes, key=lambda node: (not node.is_head, node.host, node.address))


def wait_for_nodes(address: str, count: int, timeout: float) -> list[Node]:
    """Return the nodes once `count` of them are alive; raises UserError after `timeout` seconds.

    The head need not have started yet.
    """
    end = time.monotonic() + timeout
    nodes: list[Node] = []
    reason = ""
    with Progress("nodes", count, "alive") as progress:
        while time.monotonic() < end:
            try:
                found = alive_nodes(address, timeout=SECONDS_BETWEEN_LOOKS)
            except UserError as error:
                found, reason = [], f" ({error})"
            progress.advance(max(0, len(found) - progress.done))
            nodes = found
            if len(nodes) >= count:
                return nodes
            time.sleep(SECONDS_BETWEEN_LOOKS)
    raise UserError(
        f"{address}: {len(nodes)} of {count} nodes are there after {timeout:.0f} s"
        f"{reason if not nodes else ''}"
    )
