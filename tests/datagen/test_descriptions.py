"""Sentences from the parts of files' names."""

from pathlib import Path

import pytest

from cluster.errors import UserError
from datagen.sources.descriptions import Described, read_descriptions
from tests.web import served

SENTENCES = Path(__file__).resolve().parents[2] / "configs" / "datagen" / "sentences"
NAMING = """\
files: "{who}_{what}*.bvh"
sentence: "{who} {what} on {what}"
content: "{what}"
words:
  who: {a: one person, ab: two people}
  what: {go: walks, rest: ""}
"""


def naming(folder: Path, text: str = NAMING) -> str:
    path = folder / "said.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a_go.bvh", Described("one person walks on walks", "go")),
        ("ab_rest_17.bvh", Described("two people on", "rest")),
        ("day 1/a_gone.bvh", Described("one person walks on walks", "go")),
        ("AB_Go.BVH", Described("two people walks on walks", "go")),
        ("b_go.bvh", None),
        ("a_run.bvh", None),
        ("a_go.bvh.old", None),
    ],
)
def test_the_words_of_a_name_become_a_sentence(
    tmp_path: Path, name: str, said: Described | None
) -> None:
    assert read_descriptions(naming(tmp_path))(Path(name)) == said


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("sentence: ", "said: ", "unknown key said"),
        ("{who} {what} on", "{whom} {what} on", "sentence has {whom}, which is no part of files"),
        ("{who}_{what}*", "{what}*", "sentence has {who}, which is no part of files"),
        ("{who}_{what}*", "{who}_{what}_{n}", "files has {n}, but words has no such part"),
        ("{who}_{what}*", "{who}_{what}_{who}", "files names {who} twice"),
        ("{who}_{what}*", "{1}_{who}_{what}", "files has {1}; a part's name begins with a letter"),
        ("ab: two", "A: two", "words.who has a twice"),
    ],
)
def test_a_naming_that_cannot_be_meant_is_one_line(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_descriptions(naming(tmp_path, NAMING.replace(old, new)))
    assert problem in str(refused.value)
    assert "said.yaml" in str(refused.value)


def test_words_may_lie_at_a_url_and_end_in_large_letters(tmp_path: Path) -> None:
    Path(naming(tmp_path)).rename(tmp_path / "SAID.YAML")
    said = Described("one person walks on walks", "go")
    with served(tmp_path) as web:
        for place in (str(tmp_path / "SAID.YAML"), f"{web.url}/SAID.YAML?token=mine"):
            assert read_descriptions(place)(Path("a_go.bvh")) == said
        with pytest.raises(UserError, match=r"/none\.yaml\?token=\*\*\*: no such config file$"):
            read_descriptions(f"{web.url}/none.yaml?token=mine")


def test_the_sentences_of_bandai_and_cmu() -> None:
    bandai = read_descriptions(str(SENTENCES / "bandai.yaml"))
    said = Described("a person walks and turns left like an elderly person", "walk-turn-left")
    assert bandai(Path("dataset-2_walk-turn-left_elderly_004.bvh")) == said
    assert bandai(Path("dataset-1_bye_normal_001.bvh")) == Described(
        "a person waves goodbye with one hand", "bye"
    )
    cmu = read_descriptions(str(SENTENCES / "cmu_motion_prediction.yaml"))
    assert cmu(Path("walking_extra_test_12.bvh")) == Described("a person walks", "walking_extra")
    assert cmu(Path("06_15.bvh")) is None
