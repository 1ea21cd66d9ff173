"""What a run says while it runs: a line a step, a record a step, TensorBoard.

`losses.jsonl` holds one record for each step and each validation, with exact numbers. A continued
run drops what was recorded after its checkpoint, since it goes through these steps again.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from cluster.runs import replace_when_whole
from cluster.stores import FULL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS_BETWEEN_LINES = 5.0
SECONDS_TO_END = 1.0
RECORDS = "losses.jsonl"


class Watch:
    """Speaks and writes for the leading rank; the others hold one that is silent."""

    def __init__(self, run: Path, step: int, steps: int, leads: bool) -> None:
        """Open the records of a run that stands after `step` of `steps`."""
        self.steps, self.leads = steps, leads
        self._first: tuple[int, float] | None = None
        self._last_line = -SECONDS_BETWEEN_LINES
        if not leads:
            return
        from torch.utils.tensorboard import SummaryWriter

        run.mkdir(parents=True, exist_ok=True)
        _drop_records_after(run / RECORDS, step)
        with ExitStack() as files:
            files.enter_context(_quiet_when_full())
            self._records = files.enter_context(open(run / RECORDS, "a"))
            self._log = files.enter_context(open(run / "log.txt", "a"))
            self._board = files.enter_context(
                SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)
            )
            self._files = files.pop_all()

    def say(self, line: str) -> None:
        """Print a line and keep it in log.txt."""
        if self.leads:
            print(line, flush=True)
            print(line, file=self._log, flush=True)

    def step(self, step: int, numbers: dict[str, float]) -> None:
        """Record a step's numbers, named as in TensorBoard."""
        self._record("train", step, numbers)
        now = time.monotonic()
        due = now - self._last_line >= SECONDS_BETWEEN_LINES or step == self.steps
        if due or sys.stdout.isatty():
            self._last_line = now
            self.say(self._line(step, numbers, now))

    def validation(self, step: int, numbers: dict[str, float], best: bool) -> None:
        """Record a validation's numbers."""
        self._record("validation", step, numbers)
        recalls = (("pose-to-left", 1), ("left-to-right", 1), ("text-to-left", 10))
        shown = ", ".join(
            f"{name} {100 * numbers[f'retrieval/{name}/recall@{k}']:.0f} % @{k}"
            for name, k in recalls
        )
        self.say(
            f"step {step}: validation loss {numbers['loss/total']:.4f}"
            f"{' (best so far)' if best else ''}; recall {shown}"
        )

    def show_signals(self, step: int, name: str, figure: Callable[[], "Figure"]) -> None:
        """Show a picture in TensorBoard; it is drawn only where somebody sees it."""
        if self.leads:
            self._board.add_figure(f"validation/{name}", figure(), step)

    def sum_up(
        self,
        step: int,
        embeddings_VD: dict[str, Tensor],
        sentences: list[str],
        settings: dict[str, Any],
        least_shortfall: float,
    ) -> None:
        """Leave the embeddings to TensorBoard's projector, and the run to its HParams."""
        if not self.leads:
            return
        self._board.add_embedding(
            torch.cat(
                [functional.normalize(rows.float(), dim=1) for rows in embeddings_VD.values()]
            ),
            metadata=[(name, sentence) for name in embeddings_VD for sentence in sentences],
            metadata_header=["modality", "sentence"],
            global_step=step,
            tag="validation",
        )
        # Beside the other records: without a name it would open a run of its own.
        self._board.add_hparams(settings, {"hparam/least_shortfall": least_shortfall}, run_name=".")

    def _record(self, kind: str, step: int, numbers: dict[str, float]) -> None:
        if not self.leads:
            return
        print(json.dumps({"kind": kind, "step": step, **numbers}), file=self._records, flush=True)
        for name, value in numbers.items():
            self._board.add_scalar(f"{kind}/{name}", value, step)

    def _line(self, step: int, numbers: dict[str, float], now: float) -> str:
        parts: dict[str, float] = {"contrastive": 0.0, "regression": 0.0}
        for name, value in numbers.items():
            kind = name.removeprefix("loss/").split("/")[0]
            if kind in parts:
                parts[kind] += value
        return (
            f"step {step}/{self.steps}  loss {numbers['loss/total']:.4f} "
            f"(contrastive {parts['contrastive']:.4f}, regression {parts['regression']:.4f})  "
            f"rate {numbers['learning_rate']:.2e}  gradient {numbers['gradient_norm']:.3f}  "
            f"{numbers['samples_per_second']:.0f} windows/s  "
            f"{numbers['flops'] / 1e9:.0f} GFLOP/s ({100 * numbers['mfu']:.0f} % of the peak)  "
            f"data wait {100 * numbers['data_wait']:.1f} %{self._left(step, now)}"
        )

    def _left(self, step: int, now: float) -> str:
        # The first step pays for what is set up at first use, so it is no measure of the others.
        if self._first is None:
            self._first = step, now
            return ""
        first, began = self._first
        return f"  {_duration((now - began) / (step - first) * (self.steps - step))} left"

    def close(self) -> None:
        """Write out what is held back."""
        if self.leads:
            self._files.close()


@contextmanager
def _quiet_when_full() -> Iterator[None]:
    """Let TensorBoard's thread print no traceback of a disk without space.

    It keeps the error, and the next call of the main thread raises it.
    """
    before = threading.excepthook

    def print_others(failed: threading.ExceptHookArgs) -> None:
        if not (
            _is_the_board_s(failed.thread) and getattr(failed.exc_value, "errno", None) in FULL
        ):
            before(failed)

    threading.excepthook = print_others
    try:
        yield
    finally:
        # One that fails gives its error to the main thread a moment before it would print it.
        for thread in filter(_is_the_board_s, threading.enumerate()):
            thread.join(SECONDS_TO_END)
        threading.excepthook = before


def _is_the_board_s(thread: threading.Thread | None) -> bool:
    return type(thread).__module__.startswith("tensorboard.")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _drop_records_after(path: Path, step: int) -> None:
    if not path.exists():
        return
    with replace_when_whole(path) as file:
        for line in path.read_text().splitlines():
            record = _parsed(line)
            if record is not None and record["step"] <= step:
                print(line, file=file)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except ValueError:  # the last line of a run that was killed while writing it
        return None
