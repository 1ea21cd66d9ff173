import signal

import pytest

from datagen.shards import verify
from tests.cluster.ray_nodes import below
from tests.datagen.disturbed import disturb, may_make_shards
from tests.datagen.running import (
    checksums,
    finish,
    shards_done,
    sources,
    start,
    wait_until,
    write_motion,
)

# About forty shards of two clips: long enough to be interrupted, short enough for a test.
RUN = (
    "generate",
    "sources.choreography.hours=0.3",
    *sources("motion"),
    "clips_per_shard=2",
    "validation_share=0.2",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    for seed in range(3):
        write_motion(folder / "motion", f"dance_{seed}", seed=seed)
    return folder


@pytest.fixture(scope="module")
def undisturbed(home):
    """A run on this machine that nothing interrupts."""
    out, _ = finish(start(home, *RUN, "output=undisturbed", "cluster.workers=2"))
    return home / "undisturbed", out


def test_a_run_leaves_whole_shards_and_says_where_they_are(undisturbed):
    folder, out = undisturbed
    manifest = verify(folder)
    assert manifest.failures == ()
    assert set(manifest.hours) == {"choreography", "made"}
    assert 0.28 < manifest.seconds / 3600 < 0.33
    assert len(manifest.shards) == shards_done(folder) > 30
    assert {shard.split for shard in manifest.shards} == {"train", "validation"}
    assert (manifest.bodies, manifest.text_size, manifest.body) == (4, 384, "mannequin")
    assert f"{len(manifest.shards)} in undisturbed" in out
    assert "deepspeed pretrain/train.py" in out
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_second_run_has_nothing_to_do(home, undisturbed):
    folder, _ = undisturbed
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    out, _ = finish(start(home, *RUN, "output=undisturbed", "cluster.workers=1"))
    assert "nothing left to do" in out
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.tar")} == before


def workers_of(process):
    return [part for part in below(process) if may_make_shards(part)]


def test_whatever_happens_to_a_run_its_shards_are_the_same(home, undisturbed):
    folder = home / "disturbed"
    here = (*RUN, "output=disturbed", "cluster.workers=2")

    killed = start(home, *here)
    wait_until(lambda: shards_done(folder) >= 4, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    made = shards_done(folder)
    interrupted = start(home, *here)
    wait_until(
        lambda: shards_done(folder) >= made + 2 and len(workers_of(interrupted)) == 2, interrupted
    )
    lost, held = workers_of(interrupted)
    # Ray tells the command of the loss in its own time; a third worker shows that it has. The
    # second is held until then, or there might be nothing left to interrupt.
    held.suspend()
    lost.kill()
    wait_until(lambda: bool(set(workers_of(interrupted)) - {lost, held}), interrupted)
    held.resume()
    interrupted.send_signal(signal.SIGINT)
    _, err = finish(interrupted, status=130)
    assert "a worker was lost" in err
    assert err.splitlines()[-1] == "interrupted; the same command continues the work"
    assert "Traceback" not in err

    assert not (folder / "manifest.json").exists()
    disturb(home, RUN, "disturbed")
    assert checksums(folder) == checksums(undisturbed[0])
