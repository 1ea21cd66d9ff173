"""Connect to Ray: a cluster of one's own on this machine, or one that is already running."""

import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, ModuleType
from typing import Any

from cluster.auth_token import settle
from cluster.errors import UserError
from cluster.nodes import alive_nodes, refusal

PRESETS = Path(__file__).resolve().parents[1] / "configs"
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
def connected(config: ClusterConfig, code: Sequence[ModuleType]) -> Iterator[int]:
    """Connect to Ray while the context lasts; gives the number of workers to start.

    The packages in `code` and the presets are sent to the nodes of a running cluster, so that
    these need the project's dependencies but not the project. Raises UserError when the cluster
    cannot be reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    # An environment that cannot be built fails after minutes, and would thrice; pip tries again.
    os.environ["RUNTIME_ENV_RETRY_TIMES"] = "1"
    # Ray leaves out __pycache__; all that is sent is chosen below.
    os.environ["RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES"] = ""
    if config.workers is not None and config.workers < 1:
        raise UserError(f"cluster.workers: {config.workers} workers do no work; give 1 or more")
    address = config.address or os.environ.get("RAY_ADDRESS")
    if address:
        alive_nodes(address, config.timeout)  # else Ray asks for minutes, and gives no clear answer
    settle(of_one_s_own=not address)
    import ray  # here, because it reads its environment when it is imported

    with TemporaryDirectory() as sent:
        options = _of_cluster(address, code, Path(sent)) if address else _of_one_s_own(config)
        try:
            context: Any = ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
        except Exception as error:  # Ray raises this very class for a node that is slow to start
            reason = str(error).strip() or type(error).__name__
            if address:
                raise refusal(address, reason) from None
            raise UserError(f"Ray cannot start on this machine: {reason.splitlines()[0]}") from None
    try:
        with _ended_by_sigterm():
            yield config.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()
        if not address:
            # Ray leaves behind the environments that it built: gigabytes each, of no further use.
            session = Path(context.address_info["session_dir"])
            shutil.rmtree(session / "runtime_resources", ignore_errors=True)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the program in order, where Ray's own handler writes a stack and aborts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        print("stopped by SIGTERM; the same command continues the work", file=sys.stderr)
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _of_cluster(address: str, code: Sequence[ModuleType], sent: Path) -> dict[str, Any]:
    for folder in [PRESETS, *(Path(package.__path__[0]) for package in code)]:
        # What numba has compiled goes along, so that nodes with this processor need not compile.
        shutil.copytree(folder, sent / folder.name, ignore=shutil.ignore_patterns("*.pyc"))
    return {
        "address": address,
        "runtime_env": {"env_vars": ONE_THREAD, "working_dir": str(sent)},
    }


def _of_one_s_own(config: ClusterConfig) -> dict[str, Any]:
    return {
        "address": "local",
        "num_cpus": config.workers or len(os.sched_getaffinity(0)),
        "include_dashboard": False,
        "runtime_env": {"env_vars": ONE_THREAD},
    }
