"""The package of Instructor's authors in the environment that Ray builds; `make test-instructor`.

Building takes half a minute and two gigabytes, and needs a package index: not in `make test`.
"""

import os

import numpy as np
import pytest

import cluster
import datagen
from cluster.connect import ClusterConfig, connected
from cluster.errors import UserError
from datagen.shards import load_manifest
from datagen.text import CHUNK, TextConfig, embed
from tests.datagen.made_instructor import SIZE, make_instructor
from tests.datagen.running import finish, start

pytestmark = pytest.mark.instructor

SENTENCES = [
    "a person walks forward",
    "",
    "  blanks at both ends  ",
    "naïve café, 人が歩く",
    "a person walks on and on " * 200,
    *(f"someone lifts {number} cups" for number in range(CHUNK)),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_instructor(tmp_path_factory.mktemp("instructor"))


def test_the_authors_package_and_sentence_transformers_give_the_same_vectors(
    tmp_path, model, capsys, monkeypatch
):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    own = embed(SENTENCES, TextConfig("instructor", model=str(model)), tmp_path / "own")
    capsys.readouterr()
    package = TextConfig("instructor-embedding", model=str(model))
    (tmp_path / "not-a-model").mkdir()
    (tmp_path / "not-a-model" / "modules.json").write_text("[]]")
    with connected(ClusterConfig(), (cluster, datagen)):
        theirs = embed(SENTENCES, package, tmp_path / "theirs")
        said = capsys.readouterr().err
        package.model = str(tmp_path / "not-a-model")
        with pytest.raises(UserError, match="must hold an Instructor") as caught:
            embed(SENTENCES, package, tmp_path / "theirs")
    assert "\n" not in str(caught.value)
    assert list(theirs) == SENTENCES
    for sentence in SENTENCES:
        assert theirs[sentence].shape == (SIZE,)
        np.testing.assert_allclose(theirs[sentence], own[sentence], atol=1e-6, rtol=0)
    assert "builds the environment" in said
    assert "1 sentences are longer than the model reads" in said


def test_shards_name_the_back_end(tmp_path, model):
    _, said = finish(start(tmp_path, *_run(model, "shards")))
    manifest = load_manifest(tmp_path / "shards")
    assert (manifest.text_backend, manifest.text_size) == ("instructor-embedding", SIZE)
    assert "builds the environment" in said
    # With all vectors in the cache nothing is built.
    _, said = finish(start(tmp_path, *_run(model, "again"), PIP_INDEX_URL=_nowhere()))
    assert "text:" not in said


def test_an_environment_that_cannot_be_built_is_one_line(tmp_path, model):
    alone = {"PIP_INDEX_URL": _nowhere(), "PIP_NO_INDEX": "1", "PIP_RETRIES": "0"}
    _, said = finish(start(tmp_path, *_run(model, "shards"), **alone), status=2)
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


def _nowhere():
    return f"file://{os.devnull}"
