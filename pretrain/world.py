"""The ranks that train together, and what DeepSpeed needs before it starts."""

import atexit
import os
import socket
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from cluster.errors import UserError

SECONDS_TO_SPEAK = 5
LONGEST_WORDS = 512


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int
    ranks: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this rank writes and speaks for all."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` over the ranks; not finite where any rank's is not."""
        if self.ranks > 1:
            dist.all_reduce(values)
        return values / self.ranks

    def gather_words(self, words: str) -> list[str]:
        """Return what each rank has to say, cut off where it is long."""
        if self.ranks == 1:
            return [words]
        own = torch.zeros(LONGEST_WORDS, dtype=torch.uint8)
        letters = words.encode()[:LONGEST_WORDS]
        own[: len(letters)] = torch.tensor(list(letters), dtype=torch.uint8)
        everyone = [torch.empty_like(own, device=self.device) for _ in range(self.ranks)]
        dist.all_gather(everyone, own.to(self.device))
        return [bytes(each.tolist()).rstrip(b"\0").decode(errors="ignore") for each in everyone]

    def wait(self) -> None:
        """Return once every rank has come here."""
        if self.ranks > 1:
            dist.barrier()


def ranks_started() -> tuple[int, int]:
    """Return this process's rank and how many the launcher has started; without one, 0 and 1."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def join_world(rank: int, ranks: int, timeout: float) -> World:
    """Meet the other ranks, each of which has `timeout` seconds to answer from then on.

    Raises UserError where their meeting point is taken, and torch's DistError where they do not
    all come.
    """
    if ranks == 1:
        # Nobody else has to know the port, so runs side by side need not quarrel about one.
        os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    if "OMP_NUM_THREADS" not in os.environ:
        local_ranks = int(os.environ.get("LOCAL_SIZE", "1"))
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // local_ranks))
    if not torch.accelerator.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed  # takes seconds, so not before the configuration is known to be right
    from deepspeed.accelerator import get_accelerator

    deepspeed.utils.set_log_level_from_string("warning")
    # DeepSpeed's ZeRO calls what torch has since renamed, at every step.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
    if ranks == 1:
        # Shared memory between ranks takes a minute to compile and serves nobody here.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    elif rank == 0 and get_accelerator().device_name() == "cpu" and not _shared_memory_built():
        print("compiling DeepSpeed's shared memory for CPU ranks: once, about a minute", flush=True)
    try:
        deepspeed.init_distributed(verbose=False, timeout=timedelta(seconds=timeout))
        atexit.register(_leave_world)
        world = World(rank, ranks, torch.device(get_accelerator().current_device_name()))
        world.wait()
    except dist.DistNetworkError as error:
        if "EADDRINUSE" not in str(error):
            raise
        port = int(os.environ["MASTER_PORT"])
        raise UserError(
            f"port {port} is taken, probably by another run; give this one another: "
            f"deepspeed --master_port={port + 1} ..."
        ) from None
    finally:
        _shared_memory(rank).unlink(missing_ok=True)
    return world


def _shared_memory(rank: int) -> Path:
    """Return where DeepSpeed shares 64 MB of a CPU rank's memory with the other ranks.

    Nobody looks for the name any more once all ranks have met, or will not meet, and DeepSpeed
    leaves it, and so the memory, behind.
    """
    meeting = f"{os.environ['MASTER_ADDR']}_{os.environ['MASTER_PORT']}"
    return Path(f"/dev/shm/deepspeed_allreduce_buffer_{os.getuid()}_{meeting}_{rank}")


def _leave_world() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _shared_memory_built() -> bool:
    default = Path.home() / ".cache" / "torch_extensions"
    folder = Path(os.environ.get("TORCH_EXTENSIONS_DIR", default))
    return any(folder.rglob("deepspeed_shm_comm.so"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OwnError(UserError):
    """What is the fault of this rank alone, so that no other speaks of it."""


def speak_in_turn(main: Callable[[], int]) -> int:
    """Run `main`; where it fails, let the leading rank say why first.

    A mistake in the configuration fails on every rank. The launcher ends the others as soon as
    one has failed, so the user reads one line, unless the fault is another rank's own, which then
    gives its number.
    """
    try:
        return main()
    except OwnError:
        raise
    except UserError as error:
        rank, _ = ranks_started()
        if rank == 0:
            raise
        time.sleep(SECONDS_TO_SPEAK)
        raise OwnError(f"rank {rank}: {error}") from None
