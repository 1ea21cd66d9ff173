from pathlib import Path

import deepspeed
import pytest
import torch.distributed as dist

from cluster.errors import UserError
from pretrain import world


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (dist.DistNetworkError("EADDRINUSE"), UserError),
        (dist.DistNetworkError("timed out"), dist.DistNetworkError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
@pytest.mark.parametrize("where", ["connecting", "meeting"])
def test_ranks_that_do_not_meet_leave_no_shared_memory_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, told: type, where: str
) -> None:
    named = tmp_path / "buffer"

    def fail(*_: object, **__: object) -> None:
        raise failure

    def connect(**_: object) -> None:
        named.touch()
        if where == "connecting":
            fail()

    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(world, "_shared_memory", lambda _: named)
    monkeypatch.setattr(deepspeed, "init_distributed", connect)
    monkeypatch.setattr(world.World, "wait", fail)
    with pytest.raises(told):
        world.join_world(1, 2, timeout=1)
    assert not named.exists()
