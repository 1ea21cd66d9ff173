"""Checkpoints for another number of ranks: DeepSpeed's universal format.

ZeRO spreads the optimizer's state over the ranks, so what two ranks wrote one cannot load. The
universal format keeps every parameter's weights and moments whole, in a file of their own.
"""

import io
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

from cluster.errors import UserError
from pretrain.checkpoint import weights_only

# In a run's folder, for as long as the checkpoint is being loaded.
FOLDER = ".universal.part"


def universal_place(checkpoint: Path, run: Path) -> Path:
    """Return where a run keeps its universal copy of a checkpoint, which may be another run's."""
    return run / FOLDER / checkpoint.name


def remove_universal(run: Path) -> None:
    """Remove what a run keeps of universal copies, also what a killed one has left."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)


def to_universal(checkpoint: Path, run: Path) -> None:
    """Write a universal copy of a checkpoint, which is only read; one rank calls this.

    Raises UserError where DeepSpeed cannot convert it.
    """
    from deepspeed.checkpoint import ds_to_universal

    wanted = SimpleNamespace(
        input_folder=str(checkpoint),
        output_folder=str(universal_place(checkpoint, run)),
        num_extract_workers=1,
        num_merge_workers=1,
        keep_temp_folder=False,
        strict=True,
        inject_missing_state=False,
    )
    try:
        with weights_only(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            ds_to_universal.main(wanted)
    except Exception as error:  # whatever the converter raises, the checkpoint is what is wrong
        remove_universal(run)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{checkpoint}: cannot be converted for another number of ranks: {reason}"
        ) from None
