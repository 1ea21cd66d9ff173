"""The loop that hands out work, with a stand-in for Ray: who gets what, and for how long."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.exceptions import ActorDiedError

from cluster.errors import UserError
from datagen import workers
from datagen.config import DatagenConfig, SourcesConfig
from datagen.motion import ClipRef
from datagen.plan import Unit
from datagen.sources.bvh import BvhConfig
from datagen.workers import MOST_LOSSES, Worker, make_shards

UNITS = [Unit(n, "made", "train", (ClipRef(f"made/{n}", "", "moves"),)) for n in range(12)]


class StandIn:
    """Runs each unit when it is asked for; counts what is under way and who is employed."""

    def __init__(self, losses):
        self.losses = dict(losses)
        self.under_way = []
        self.most_under_way = self.hired = 0

    def remote(self, num_cpus):
        return lambda kind: SimpleNamespace(remote=self.hire)

    def hire(self, *arguments):
        self.hired += 1
        return SimpleNamespace(make_shard=SimpleNamespace(remote=self.begin))

    def begin(self, unit, vectors):
        assert vectors == {"moves": "vector"}
        ticket = object()
        self.under_way.append((ticket, unit))
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        return ticket

    def wait(self, tickets, num_returns, timeout):
        assert tickets == [ticket for ticket, _ in self.under_way]
        return [tickets[-1]], tickets[:-1]

    def get(self, ticket):
        (unit,) = [unit for other, unit in self.under_way if other is ticket]
        self.under_way.remove((ticket, unit))
        if self.losses.get(unit.index, 0):
            self.losses[unit.index] -= 1
            raise ActorDiedError
        return f"info {unit.index}"


def made_by(monkeypatch, stand_in, count):
    monkeypatch.setattr(workers, "ray", stand_in)
    return make_shards(UNITS, {"moves": "vector"}, DatagenConfig(), "d1", count)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_every_unit_is_made_once_and_never_more_at_a_time_than_workers(monkeypatch, count):
    stand_in = StandIn({})
    done = [(unit.index, info) for unit, info in made_by(monkeypatch, stand_in, count)]
    assert sorted(done) == [(index, f"info {index}") for index in range(12)]
    assert stand_in.most_under_way == stand_in.hired == min(count, 12)


def test_a_lost_worker_is_replaced_and_its_unit_made_again(monkeypatch, capsys):
    stand_in = StandIn({3: 2, 11: 1})
    done = sorted(unit.index for unit, _ in made_by(monkeypatch, stand_in, 2))
    assert done == list(range(12))
    assert stand_in.hired == 2 + 3
    assert capsys.readouterr().err.count("a worker was lost") == 3


def test_a_unit_that_kills_its_workers_ends_the_run_and_is_named(monkeypatch):
    stand_in = StandIn({5: 1000})
    with pytest.raises(UserError, match=r"shard 5: 5 workers were lost .*clips made/5"):
        list(made_by(monkeypatch, stand_in, 2))
    assert stand_in.losses[5] == 1000 - MOST_LOSSES


def test_a_node_that_does_not_see_a_folder_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bvh = {"made": BvhConfig(folder="motion", skeleton="mixamo")}
    config = DatagenConfig(sources=SourcesConfig(bvh=bvh))
    worker = Worker(config, "d1", Path("shards"), Path("/home/elsewhere"))
    with pytest.raises(UserError, match=r"shards: node .* does not see this folder"):
        worker.make_shard(UNITS[0], {})
    (tmp_path / "shards").mkdir()
    with pytest.raises(UserError, match=r"motion: node .* does not see this folder"):
        worker.make_shard(UNITS[0], {})
