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


def to_universal(checkpoint: Path) -> Path:
    """Return a universal copy of a checkpoint, in a folder beside it; one rank calls this.

    Raises UserError where DeepSpeed cannot convert it.
    """
    from deepspeed.checkpoint import ds_to_universal

    target = checkpoint.with_name(f"universal-{checkpoint.name}")
    shutil.rmtree(target, ignore_errors=True)
    wanted = SimpleNamespace(
        input_folder=str(checkpoint),
        output_folder=str(target),
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
        shutil.rmtree(target, ignore_errors=True)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{checkpoint}: cannot be converted for another number of ranks: {reason}"
        ) from None
    return target
