import errno
import os
import threading
from pathlib import Path

import pytest

from pretrain.watch import Watch


@pytest.mark.parametrize(("number", "printed"), [(errno.ENOSPC, 0), (errno.EDQUOT, 0), (5, 1)])
def test_a_full_disk_is_told_by_the_main_thread_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, printed: int
) -> None:
    by_threads: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", by_threads.append)
    watch = Watch(tmp_path, 0, 100, leads=True)

    def refuse(_: bytes) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(
        watch._board.file_writer.event_writer._async_writer._writer, "write", refuse
    )

    def go_on() -> None:
        for step in range(100):
            watch._record("train", step, {"loss": 0.0})
            watch._board.flush()

    with pytest.raises(OSError, match=os.strerror(number)):
        go_on()
    with pytest.raises(OSError, match=os.strerror(number)):
        watch.close()
    assert len(by_threads) == printed
    assert threading.excepthook == by_threads.append
