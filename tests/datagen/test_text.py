import numpy as np
import pytest
import torch

from cluster.errors import UserError
from datagen import text
from datagen.text import CHUNK, TextConfig, embed

SENTENCES = ["a person waves", "a person walks forward", "someone lifts a cup"]
INSTRUCTION = "represent the motion:"


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def instructor_folder(tmp_path_factory):
    """Made with random weights in the shape of Instructor: T5 encoder, mean, dense, unit norm."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    folder = tmp_path_factory.mktemp("instructor")
    words = sorted({word for line in [*SENTENCES, INSTRUCTION] for word in line.split()})
    vocabulary = {word: index for index, word in enumerate(["<pad>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder / "t5")
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(vocabulary), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4
    )
    T5EncoderModel(config).save_pretrained(folder / "t5")
    transformer = Transformer(str(folder / "t5"))
    dense = Dense(32, 24, bias=False, activation_function=torch.nn.Identity())
    model = SentenceTransformer(
        modules=[transformer, Pooling(32, "mean"), dense, Normalize()], device="cpu"
    )
    model.save(str(folder / "model"))
    return folder / "model"


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
    prompt_tokens = len(INSTRUCTION.split())
    for sentence in SENTENCES:
        # The instruction stands before the sentence without a space, as its authors put it.
        tokens = tokenizer(f"{INSTRUCTION}{sentence}", return_tensors="pt")
        with torch.no_grad():
            hidden = encoder(input_ids=tokens["input_ids"]).last_hidden_state[0]
            expected = dense(hidden[prompt_tokens:].mean(0))
            expected = expected / expected.norm()
        assert vectors[sentence].shape == (24,)
        np.testing.assert_allclose(vectors[sentence], expected.numpy(), atol=1e-5)


def test_each_sentence_is_encoded_once_and_then_kept(tmp_path, instructor_folder, monkeypatch):
    config = instructor_config(instructor_folder)
    first = embed(SENTENCES * 3, config, tmp_path)
    assert list(first) == SENTENCES
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(text, "_load", lambda config: pytest.fail("the model was loaded again"))
    again = embed(SENTENCES, config, tmp_path)
    assert all(np.array_equal(first[sentence], again[sentence]) for sentence in SENTENCES)


def test_other_models_and_instructions_do_not_share_a_cache(tmp_path, instructor_folder):
    config = instructor_config(instructor_folder)
    plain = embed(SENTENCES, config, tmp_path)
    config.instruction = "waves"
    other = embed(SENTENCES, config, tmp_path)
    assert not np.allclose(plain["a person waves"], other["a person waves"])


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


def test_a_damaged_cache_is_named(tmp_path, instructor_folder):
    config = instructor_config(instructor_folder)
    embed(SENTENCES, config, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match="delete it"):
        embed(SENTENCES, config, tmp_path)
