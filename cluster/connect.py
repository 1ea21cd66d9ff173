"""Connect to Ray: a cluster of one's own on this machine, or one that is already running."""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cluster.errors import UserError

DEFAULT_PORT = 6379
# One process per core already uses every core; BLAS threads would only get in each other's way.
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}


@dataclass
class ClusterConfig:
    """Where work runs.

    Attributes:
        address: HOST:PORT of a running Ray cluster; without it RAY_ADDRESS counts, and without
            that Ray is started on this machine for the time of the run.
        workers: how many processes work at once; null for one on each CPU of the cluster.
        timeout: seconds after which a cluster that does not answer is given up.
    """

    address: str | None = None
    workers: int | None = None
    timeout: float = 20.0


@contextmanager
def connected(config: ClusterConfig, code: tuple[ModuleType, ...]) -> Iterator[int]:
    """Connect to Ray while the context lasts; gives the number of workers to start.

    The packages in `code` are sent to the nodes of a running cluster, so that these need the
    project's dependencies but not the project. Raises UserError when the cluster cannot be
    reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray  # imported here: it takes a second, and reads its environment on import

    if config.workers is not None and config.workers < 1:
        raise UserError(f"cluster.workers: {config.workers} workers do no work; give 1 or more")
    address = config.address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address:
        _check_reachable(address, config.timeout)
        options |= {"address": address, "runtime_env": _environment(code)}
    else:
        options |= {
            "address": "local",
            "num_cpus": config.workers or len(os.sched_getaffinity(0)),
            "include_dashboard": False,
            "runtime_env": {"env_vars": ONE_THREAD},
        }
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(_refusal(address, error)) from None
    try:
        yield config.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _environment(code: tuple[ModuleType, ...]) -> Mapping[str, Any]:
    return {"env_vars": ONE_THREAD, "py_modules": list(code)}


def _check_reachable(address: str, timeout: float) -> None:
    """Ray itself waits for minutes for a cluster that does not answer."""
    if address in ("auto", "local") or "://" in address:
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{address}: the address of a Ray cluster has the form HOST:{DEFAULT_PORT}")
    try:
        socket.create_connection((host, int(port)), timeout=timeout).close()
    except OSError as error:
        raise UserError(_refusal(address, error)) from None


def _refusal(address: str | None, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if not address:
        return f"Ray cannot start on this machine: {reason}"
    return (
        f"{address}: no Ray cluster answers there ({reason}); check cluster.address or "
        "RAY_ADDRESS, or leave both out to work on this machine"
    )
