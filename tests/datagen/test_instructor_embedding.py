"""The package of Instructor's authors in the environment that Ray builds; `make test-instructor`.

Building takes half a minute and two gigabytes, and needs a package index: not in `make test`.
"""

from pathlib import Path

import numpy as np
import pytest
import ray

import cluster
import datagen
from cluster.connect import ClusterConfig, connected
from cluster.errors import UserError
from datagen.shards import load_manifest
from datagen.text import CHUNK, TextConfig, embed
from tests.datagen.made_instructor import SIZE, make_instructor
from tests.datagen.running import finish, start

pytestmark = pytest.mark.instructor

BUILT = "runtime_resources/pip/*/virtualenv"
SENTENCES = [
    "a person walks forward",
    "",
    "  blanks at both ends  ",
    "naïve café, 人が歩く",
    "a person walks on and on " * 200,
    *(f"someone lifts {number} cups" for number in range(CHUNK)),
]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub's local cache that holds one model, under the name that is returned."""
    home, snapshot = tmp_path / "hub", "0" * 40
    repository = home / "hub" / "models--made--instructor"
    make_instructor(repository / "snapshots" / snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot)
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return "made/instructor"


def test_the_authors_package_and_sentence_transformers_give_the_same_vectors(tmp_path, hub, capsys):
    snapshot = next((tmp_path / "hub").rglob("modules.json")).parent
    own = embed(SENTENCES, TextConfig("instructor", model=str(snapshot)), tmp_path / "own")
    capsys.readouterr()
    (tmp_path / "no-model").mkdir()
    (tmp_path / "no-model" / "modules.json").write_text("[]]")
    with connected(ClusterConfig(), (cluster, datagen)):
        package = TextConfig("instructor-embedding", model=hub)
        theirs = embed(SENTENCES, package, tmp_path / "theirs")
        said = capsys.readouterr().err
        package.model = str(tmp_path / "no-model")
        with pytest.raises(UserError, match="must hold an Instructor") as caught:
            embed(SENTENCES, package, tmp_path / "theirs")
        assert "\n" not in str(caught.value)
        _a_run_on_this_cluster_names_back_end_and_model(tmp_path, hub)
        built = list(Path(ray._private.worker._global_node.get_session_dir_path()).glob(BUILT))
        assert len(built) == 1
    assert not built[0].exists()
    assert list(theirs) == SENTENCES
    for sentence in SENTENCES:
        assert theirs[sentence].shape == (SIZE,)
        np.testing.assert_allclose(theirs[sentence], own[sentence], atol=1e-6, rtol=0)
    assert "builds the environment" in said
    assert f"1 of {len(SENTENCES)} sentences have more tokens than the model reads" in said


def _a_run_on_this_cluster_names_back_end_and_model(home, model):
    here = {"RAY_ADDRESS": ray.get_runtime_context().gcs_address, "HOME": str(Path.home())}
    finish(start(home, *_run(model, "shards"), **here), seconds=900)
    manifest = load_manifest(home / "shards")
    assert (manifest.text_backend, manifest.text_size) == ("instructor-embedding instructor", SIZE)


def test_an_environment_that_cannot_be_built_is_one_line(tmp_path):
    alone = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    model = make_instructor(tmp_path / "instructor")
    _, said = finish(start(tmp_path, *_run(model, "shards"), **alone), status=2, seconds=900)
    *_, last = said.strip().splitlines()
    assert last.startswith("error: text.backend=instructor-embedding: Ray cannot build")
    assert "InstructorEmbedding==1.0.1" in last
    assert not any(line.startswith("Traceback") for line in said.splitlines())


def _run(model, output):
    return (
        "generate",
        "sources.choreography.hours=0.02",
        "bodies=1",
        f"output={output}",
        "text.backend=instructor-embedding",
        f"text.model={model}",
        "text.cache=cache",
    )
