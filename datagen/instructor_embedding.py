"""Instructor by its authors' own package, in an environment of its own that Ray builds.

InstructorEmbedding works with a few old versions only, which must not come into the project's
environment. One task encodes everything there and hands each chunk back as soon as it is done.

Shape letters: B sentences, E width of a vector.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import ObjectRefGenerator
from ray.exceptions import RayTaskError, RuntimeEnvSetupError

from cluster.connect import PRESETS
from cluster.errors import UserError
from datagen.text_models import (
    NOT_ON_HUB,
    Encoded,
    checked_folder,
    explained,
    is_folder,
    longer_than,
)

PINS = PRESETS / "datagen" / "instructor_embedding.txt"
SECONDS_BETWEEN_LINES = 10.0
MOST_SECONDS_TO_BUILD = 3600


def encode(chunks: Sequence[list[str]], name: str, instruction: str) -> Iterator[Encoded]:
    """Encode with an Instructor, a hub name or a folder, chunk by chunk.

    Ray is connected. Returns once the environment stands and the first chunk is encoded. Raises
    UserError where the environment cannot be built or the model cannot be loaded.
    """
    task: Any = ray.remote(num_cpus=1, num_returns="streaming", runtime_env=environment())(_task)
    stream: ObjectRefGenerator = task.remote(chunks, name, instruction)
    start = time.monotonic()
    while not ray.wait([stream], timeout=SECONDS_BETWEEN_LINES)[0]:
        print(
            f"text: Ray builds the environment of InstructorEmbedding and loads the model, "
            f"{time.monotonic() - start:.0f} s; some minutes on a slow disk or network",
            file=sys.stderr,
            flush=True,
        )
    return _received(stream)


def environment() -> dict[str, Any]:
    """Return the environment as Ray's `runtime_env`: a copy of the project's, with the pins."""
    pip = {
        "packages": [line for line in PINS.read_text().splitlines() if not line.startswith("#")],
        "pip_install_options": ["--no-deps", "--disable-pip-version-check"],
    }
    return {"pip": pip, "config": {"setup_timeout_seconds": MOST_SECONDS_TO_BUILD}}


def _received(stream: ObjectRefGenerator) -> Iterator[Encoded]:
    for reference in stream:
        with _one_line():
            encoded = ray.get(reference)
        yield encoded


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except RuntimeEnvSetupError as error:
        raise UserError(
            "text.backend=instructor-embedding: Ray cannot build the environment of "
            f"{PINS.name}: {_reason(str(error))}; it needs pip and a package index, or use "
            "text.backend=instructor, which gives the same vectors"
        ) from None
    except RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise UserError(str(error.cause)) from None
        raise


def _reason(message: str) -> str:
    """Return the line of a long message that says what went wrong."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])


def _task(chunks: Sequence[list[str]], name: str, instruction: str) -> Iterator[Encoded]:
    """Runs in the environment that Ray has built."""
    import torch
    from InstructorEmbedding import INSTRUCTOR

    # Nothing else is to be done before the vectors are there.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    folder = checked_folder(name) if is_folder(name) else _download(name)
    with explained(name, "the folder must hold an Instructor as its authors published it"):
        model = INSTRUCTOR(str(folder))
    for chunk in chunks:
        texts = [sentence.strip() for sentence in chunk]
        vectors_BE = model.encode([[instruction, text] for text in texts])
        read = [f"{instruction}{text}" for text in texts]
        cut = longer_than(model.max_seq_length, model.tokenizer, read)
        yield Encoded(vectors_BE.astype(np.float32), tuple(chunk[index] for index in cut))


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    with explained(name, NOT_ON_HUB):
        return Path(snapshot_download(name))
