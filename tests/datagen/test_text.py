import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import UserError
from datagen import text, text_models
from datagen.text import CHUNK, TextConfig, embed, vectors_name
from datagen.text_models import Encoded
from tests.datagen.made_instructor import MOST_TOKENS, SIZE, make_instructor

WIDE = 768
SENTENCES = ["a person waves", "a person walks forward", "someone lifts a cup"]
INSTRUCTION = "represent the motion:"


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def instructor_folder(tmp_path_factory):
    return make_instructor(tmp_path_factory.mktemp("instructor"))


def instructor_config(folder):
    return TextConfig("instructor", model=str(folder), instruction=INSTRUCTION)


def test_minilm_is_packaged_and_near_in_meaning_is_near_in_space(tmp_path):
    vectors = embed([*SENTENCES, "a human being is walking"], TextConfig(), tmp_path)
    stack = np.stack(list(vectors.values()))
    assert stack.shape == (4, 384)
    assert stack.dtype == np.float32
    assert np.allclose(np.linalg.norm(stack, axis=1), 1, atol=1e-5)
    assert np.argmax(stack[:3] @ stack[3]) == 1


def test_instructor_leaves_the_instruction_out_of_the_mean(tmp_path, instructor_folder):
    vectors = embed(SENTENCES, instructor_config(instructor_folder), tmp_path)
    from sentence_transformers import SentenceTransformer

    parts = SentenceTransformer(str(instructor_folder), device="cpu")
    tokenizer, encoder, dense = parts.tokenizer, parts[0].auto_model, parts[2].linear
    prompt_tokens = len(tokenizer(INSTRUCTION)["input_ids"]) - 1
    for sentence in SENTENCES:
        # The instruction stands before the sentence without a space, as its authors put it.
        tokens = tokenizer(f"{INSTRUCTION}{sentence}", return_tensors="pt")
        with torch.no_grad():
            hidden = encoder(input_ids=tokens["input_ids"]).last_hidden_state[0]
            expected = dense(hidden[prompt_tokens:].mean(0))
            expected = expected / expected.norm()
        assert vectors[sentence].shape == (SIZE,)
        np.testing.assert_allclose(vectors[sentence], expected.numpy(), atol=1e-5)


def test_each_sentence_is_encoded_once_and_then_kept(tmp_path, instructor_folder, monkeypatch):
    config = instructor_config(instructor_folder)
    first = embed(SENTENCES * 3, config, tmp_path)
    assert list(first) == SENTENCES
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(text, "_encode", lambda *_: pytest.fail("the model was loaded again"))
    again = embed(SENTENCES, config, tmp_path)
    assert all(np.array_equal(first[sentence], again[sentence]) for sentence in SENTENCES)


def test_other_models_and_instructions_do_not_share_a_cache(tmp_path, instructor_folder):
    config = instructor_config(instructor_folder)
    plain = embed(SENTENCES, config, tmp_path)
    config.instruction = "waves"
    other = embed(SENTENCES, config, tmp_path)
    assert not np.allclose(plain["a person waves"], other["a person waves"])


def test_vectors_are_called_after_what_made_them(instructor_folder):
    usual = TextConfig("instructor")
    assert vectors_name(TextConfig()) == "minilm"
    assert vectors_name(usual) == vectors_name(replace(usual, model="/disk/instructor-large/"))
    assert vectors_name(usual) == "instructor"
    others = {
        vectors_name(each)
        for each in (
            usual,
            replace(usual, model="hkunlp/instructor-xl"),
            replace(usual, instruction="waves"),
            instructor_config(instructor_folder),
        )
    }
    assert len(others) == 4


def test_vectors_do_not_depend_on_what_was_encoded_before(tmp_path, instructor_folder):
    config = instructor_config(instructor_folder)
    many = [f"a person walks forward {number}" for number in range(CHUNK)] + SENTENCES
    embed(SENTENCES, config, tmp_path / "one")
    one = embed(many, config, tmp_path / "one")
    chunks = sorted((tmp_path / "one").iterdir())
    chunks[0].unlink()
    continued = embed(many, config, tmp_path / "one")
    fresh = embed(many, config, tmp_path / "two")
    assert all(np.array_equal(one[key], fresh[key]) for key in many)
    assert all(np.array_equal(continued[key], fresh[key]) for key in many)


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "modules.json").write_text("[]]")
    for model, part in (
        ("nobody/nothing-here", "neither in the local cache nor reachable"),
        (str(tmp_path / "absent"), "has no modules.json"),
        (str(tmp_path / "empty"), "has no modules.json"),
        (str(tmp_path / "broken"), "must hold a whole sentence-transformers model"),
    ):
        with pytest.raises(UserError, match=part) as caught:
            embed(SENTENCES, TextConfig("instructor", model=model), tmp_path)
        assert "\n" not in str(caught.value)


def test_a_model_without_its_backend_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"needs text\.backend=instructor"):
        embed(SENTENCES, TextConfig(model="some/model"), tmp_path)


def test_a_cache_that_cannot_be_written_is_told_before_anything_is_encoded(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "_encode", None)
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"^text\.cache=.*file is no folder that can be written to$"
    ):
        embed(SENTENCES, TextConfig(), tmp_path / "file" / "cache")


def test_half_a_character_is_named(tmp_path):
    with pytest.raises(UserError, match=r"'a person \\ud83d waves' holds half a character"):
        embed(["a person \ud83d waves"], TextConfig(), tmp_path)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_any_sentence_has_a_vector(instructor_folder, sentences):
    with TemporaryDirectory() as cache:
        vectors = embed(sentences, instructor_config(instructor_folder), Path(cache))
        assert list(vectors) == list(dict.fromkeys(sentences))
        for sentence, vector in vectors.items():
            assert abs(np.linalg.norm(vector) - 1) < 1e-5
            same = vectors.get(sentence.strip(), vector)
            np.testing.assert_allclose(vector, same, atol=1e-6)


def test_what_is_longer_than_the_model_reads_is_said(tmp_path, instructor_folder, capsys):
    end = "a person walks " * MOST_TOKENS
    long, longer = f"x {end}", f"x {end} and falls"
    vectors = embed([long, longer, *SENTENCES], instructor_config(instructor_folder), tmp_path)
    said = "2 of 5 sentences have more tokens than the model reads"
    assert said in capsys.readouterr().err
    np.testing.assert_allclose(vectors[long], vectors[longer], atol=1e-6)
    embed(["a person walks " * 200, *SENTENCES], TextConfig(), tmp_path)
    assert "1 of 4 sentences have more tokens" in capsys.readouterr().err


@pytest.mark.parametrize("left", [0, 10, 100, -4])
def test_a_damaged_cache_is_named(tmp_path, monkeypatch, left):
    monkeypatch.setattr(text_models, "minilm", lengths)
    embed(SENTENCES, TextConfig(), tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match=f"{path.name}.*delete it") as caught:
        embed(SENTENCES, TextConfig(), tmp_path)
    assert "\n" not in str(caught.value)
    path.unlink()
    assert len(embed(SENTENCES, TextConfig(), tmp_path)) == len(SENTENCES)


def lengths(chunks):
    """Stands in for a model: vectors that tell the sentence they are of."""
    for chunk in chunks:
        yield Encoded(np.array([[len(sentence)] * WIDE for sentence in chunk], np.float32), ())


def test_an_interrupted_run_keeps_what_it_has(tmp_path, monkeypatch):
    encoded = []

    def stops_after_two(chunks):
        for chunk in chunks:
            if len(encoded) == 2:
                raise KeyboardInterrupt
            encoded.append(chunk)
            yield from lengths([chunk])

    many = [f"a person waves {number} times" for number in range(4 * CHUNK)]
    monkeypatch.setattr(text_models, "minilm", stops_after_two)
    with pytest.raises(KeyboardInterrupt):
        embed(many, TextConfig(), tmp_path)
    assert len(encoded) == 2
    rest: list[list[str]] = []
    monkeypatch.setattr(
        text_models, "minilm", lambda chunks: rest.extend(chunks) or lengths(chunks)
    )
    assert len(embed(many, TextConfig(), tmp_path)) == len(many)
    assert encoded + rest == [many[start : start + CHUNK] for start in range(0, len(many), CHUNK)]


def test_vectors_stay_on_disk_until_they_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr(text_models, "minilm", lengths)
    many = [f"a person waves {number} times" for number in range(12_000)]
    tracemalloc.start()
    try:
        vectors = embed(many, TextConfig(), tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(many) * WIDE * 4 / 3
    assert vectors[many[7_654]][0] == len(many[7_654])


def test_two_processes_may_fill_one_cache(tmp_path):
    program = """
import sys
from pathlib import Path
import numpy as np
from datagen import text, text_models
def lengths(chunks):
    for chunk in chunks:
        yield text_models.Encoded(np.array([[len(s)] for s in chunk], np.float32), ())
text_models.minilm, text.CHUNK = lengths, 16
many = [f"a person waves {number} times" for number in range(1600)]
vectors = text.embed(many, text.TextConfig(), Path(sys.argv[1]))
assert all(vectors[sentence][0] == len(sentence) for sentence in many)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert len(list(tmp_path.iterdir())) == 100
