"""Sentences to vectors by MiniLM: in batches, one by one, and from the cache, on one thread.

Counted in seconds of processor time, so that other work on the machine does not enter.
"""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")

from datagen.sources.choreography import ChoreographyConfig, ChoreographySource
from datagen.text import TextConfig, embed
from datagen.text_models import minilm

SENTENCES = 2048
ONE_BY_ONE = 256


def main() -> None:
    """Measure all three in one run and print them."""
    clips = ChoreographySource(ChoreographyConfig(hours=20)).list_clips()
    sentences = list(dict.fromkeys(clip.text for clip in clips))[:SENTENCES]
    with TemporaryDirectory() as cache:
        list(minilm([["warm"]]))
        batched = len(sentences) / _seconds(sentences, cache)
        cached = len(sentences) / _seconds(sentences, cache)
    start = time.process_time()
    list(minilm([[sentence] for sentence in sentences[:ONE_BY_ONE]]))
    single = ONE_BY_ONE / (time.process_time() - start)
    words = sum(len(sentence.split()) for sentence in sentences) / len(sentences)
    print(
        f"{len(sentences)} sentences of the choreography, {words:.0f} words on average, one thread"
    )
    for name, speed in (("in batches", batched), ("one by one", single), ("cached", cached)):
        print(f"{name:12s} {speed:12,.0f} sentences/s")
    figures = {"sentences_per_s": batched, "ratio_one_by_one": batched / single}
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


def _seconds(sentences: list[str], cache: str) -> float:
    start = time.process_time()
    embed(sentences, TextConfig(), Path(cache))
    return time.process_time() - start


if __name__ == "__main__":
    main()
