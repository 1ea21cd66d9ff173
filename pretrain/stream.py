"""Shards to batches, in an order that a few numbers determine.

The windows of an epoch lie on one line: the shards in a seeded order, and within a shard its
seeded windows. Each rank owns an equal stretch of the line, so every rank gets the same number of
batches, and a shard on a border is read by both neighbours, each for its own windows. A rank
reads its stretch a few shards at a time and shuffles the windows of these together. Nothing but
seed, epoch, rank, number of ranks and batch size enters, so a run is continued by counting, and
the shards before the present one are not even opened. What is drawn to augment a batch depends on
its epoch and number. Threads read ahead and change nothing.
"""

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from
from pretrain.augment import AugmentConfig, augment
from pretrain.clips import Batch, Clips, Int, concatenate, cut, draw_windows, join, read_clips
from pretrain.data import Data
from pretrain.shard import GIGABYTE, Stamp

T = TypeVar("T")


@dataclass
class StreamConfig:
    """How shards are read; of these keys only `open_shards` changes which batches come.

    Attributes:
        open_shards: how many shards are held in memory and shuffled together.
        readers: threads that read shards ahead.
        kept_gigabytes: the most of shards, in 1e9 bytes, that a rank keeps in memory for the
            next epoch in place of reading them anew.
        ahead: batches kept ready.
        cache: folder for copies of shards that lie at URLs, which the ranks of a machine share;
            "" is `multi3net-shards-` with the user's number in the folder of temporary files.
        cache_gigabytes: the most that it holds, in 1e9 bytes.
    """

    open_shards: int = 8
    readers: int = 2
    kept_gigabytes: float = 1.0
    ahead: int = 4
    cache: str = ""
    cache_gigabytes: float = 20.0


@dataclass(frozen=True)
class Position:
    """The next batch to come: number `batch` of `epoch`, both from 0."""

    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Piece:
    """Windows `first` to `last` (excluded) of the windows that a shard has in an epoch."""

    shard: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Group:
    """Pieces whose windows are shuffled together, without the first `skip` of the outcome."""

    epoch: int
    number: int
    pieces: tuple[Piece, ...]
    skip: int = 0


Read = list[Future[tuple[Clips, Int]]]


class Stream:
    """The batches of one rank."""

    def __init__(
        self,
        data: Data,
        batch_size: int,
        seed: int,
        rank: int,
        ranks: int,
        config: StreamConfig,
        augmentation: AugmentConfig | None = None,
    ) -> None:
        """Plan the stream; reads no shard.

        Raises UserError where there are fewer shards than ranks, or not one batch for each rank.
        """
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.rank, self.ranks, self.config = rank, ranks, config
        self.augmentation = augmentation or AugmentConfig()
        self.windows = sum(shard.windows for shard in data.train)
        self.batches_per_epoch = self.windows // (ranks * batch_size)
        # What each shard was when its checksum was last compared.
        self._checked: dict[int, Stamp | None] = {}
        self._kept: dict[int, Clips] = {}
        self._keeping = threading.Lock()
        if len(data.train) < ranks:
            raise UserError(
                f"{data.place}: has {len(data.train)} training shards for {ranks} ranks; use "
                "fewer ranks, or make more shards with a smaller clips_per_shard"
            )
        if not self.batches_per_epoch:
            raise UserError(
                f"{data.place}: its {self.windows} training windows do not fill one batch of "
                f"{batch_size} on each of {ranks} ranks; use a smaller batch, or make more clips"
            )

    def batches(
        self, start: Position = Position()
    ) -> Generator[tuple[Batch, Position], None, None]:
        """Yield batches without end from `start` on, each with the position that follows it.

        Raises UserError, naming the file, where a shard is damaged.
        """
        return read_ahead(self._batches(start), self.config.ahead)

    def _batches(self, start: Position) -> Generator[tuple[Batch, Position], None, None]:
        epoch, number = start.epoch, start.batch
        parts: list[Batch] = []
        missing = self.batch_size
        for clips, windows_V3 in self._read_groups(self._groups_from(start)):
            while len(windows_V3):
                part, windows_V3 = windows_V3[:missing], windows_V3[missing:]
                parts.append(cut(clips, part, self.data.window))
                missing -= len(part)
                if missing == 0:
                    batch = self._augment(concatenate(parts), epoch, number)
                    number += 1
                    if number == self.batches_per_epoch:
                        epoch, number = epoch + 1, 0
                    yield batch, Position(epoch, number)
                    parts, missing = [], self.batch_size

    def _augment(self, batch: Batch, epoch: int, number: int) -> Batch:
        rng = _rng("augment", self.seed, self.ranks, self.rank, epoch, number)
        return augment(batch, self.augmentation, rng)

    def _groups_from(self, start: Position) -> Iterator[Group]:
        epoch, skip = start.epoch, start.batch * self.batch_size
        while True:
            pieces = self.pieces(epoch)
            for first in range(0, len(pieces), self.config.open_shards):
                group = tuple(pieces[first : first + self.config.open_shards])
                size = sum(len(piece) for piece in group)
                if skip < size:
                    yield Group(epoch, first, group, skip)
                skip = max(0, skip - size)
            epoch += 1

    def pieces(self, epoch: int) -> list[Piece]:
        """Return this rank's stretch of an epoch's line: what to read of which shard, in order."""
        shards = self.data.train
        order = _rng("order", self.seed, epoch).permutation(len(shards))
        first = self.rank * (self.windows // self.ranks)
        last = first + self.batches_per_epoch * self.batch_size
        pieces, offset = [], 0
        for index in order:
            size = shards[index].windows
            begin, end = max(first - offset, 0), min(last - offset, size)
            if begin < end:
                pieces.append(Piece(int(index), begin, end))
            offset += size
        return pieces

    def _read_groups(self, groups: Iterator[Group]) -> Iterator[tuple[Clips, Int]]:
        readers = ThreadPoolExecutor(self.config.readers)

        def begin(group: Group) -> Read:
            return [readers.submit(self._read, group.epoch, piece) for piece in group.pieces]

        try:
            group = next(groups)
            reading = begin(group)
            for following in groups:
                coming = begin(following)
                yield self._shuffle(group, [future.result() for future in reading])
                group, reading = following, coming
        finally:
            # A store that does not answer is not asked for all the other shards as well.
            readers.shutdown(cancel_futures=True)
            self._kept.clear()

    def _read(self, epoch: int, piece: Piece) -> tuple[Clips, Int]:
        clips = self._kept.get(piece.shard) or self._read_shard(piece.shard)
        rng = _rng("windows", self.seed, epoch, piece.shard)
        windows_V3 = draw_windows(clips, self.data.window, rng)
        return clips, windows_V3[piece.first : piece.last]

    def _read_shard(self, number: int) -> Clips:
        shard = self.data.train[number]
        stamp = shard.stamp()
        known = number in self._checked and self._checked[number] == stamp
        clips = read_clips(shard, check=not known)
        self._checked[number] = stamp
        # Every epoch reads every shard once, so it makes no difference which are kept.
        with self._keeping:
            kept = sum(self.data.train[number].info.bytes for number in self._kept)
            if kept + shard.info.bytes <= self.config.kept_gigabytes * GIGABYTE:
                self._kept[number] = clips
        return clips

    def _shuffle(self, group: Group, read: Sequence[tuple[Clips, Int]]) -> tuple[Clips, Int]:
        samples_before = 0
        windows = []
        for clips, windows_V3 in read:
            windows.append(windows_V3 + np.array([samples_before, 0, 0]))
            samples_before += len(clips.keys)
        rng = _rng("shuffle", self.seed, group.epoch, self.ranks, self.rank, group.number)
        shuffled_V3 = rng.permutation(np.concatenate(windows))
        return join([clips for clips, _ in read]), shuffled_V3[group.skip :]


def _rng(*parts: object) -> np.random.Generator:
    return np.random.default_rng(seed_from(*parts))


@dataclass(frozen=True)
class _Failed:
    error: BaseException


def read_ahead(items: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """Yield `items` while a thread prepares up to `depth` of them; its errors come out here.

    The thread ends when the items do, or when this generator is closed.
    """
    ready: queue.Queue[T | _Failed | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: T | _Failed | None) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=0.1)
                break

    def prepare() -> None:
        try:
            with closing(items):
                for item in items:
                    put(item)
                    if stopped.is_set():
                        return
            put(None)
        except BaseException as error:
            put(_Failed(error))

    thread = threading.Thread(target=prepare, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        stopped.set()
        thread.join()
