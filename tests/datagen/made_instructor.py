"""A tiny Instructor with random weights, in the layout in which the real one is published."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import T5Config, T5EncoderModel

WIDTH, SIZE = 32, 24
MOST_TOKENS = 512
PARTS = ("Transformer", "Pooling", "Dense", "Normalize")
TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_input_names": ["input_ids", "attention_mask"],
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
}
WORDS = ("▁a", "▁person", "▁the", "▁cup", "▁motion", "▁walk", "ing", "▁re", "present", ":")


def make_instructor(folder: Path) -> Path:
    """Write T5 encoder, mean, dense without bias and unit norm into `folder`; returns it."""
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", TOKENIZER)
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=WIDTH,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
    )
    T5EncoderModel(config).save_pretrained(folder)
    modules = [
        {
            "idx": index,
            "name": str(index),
            "path": f"{index}_{part}" if index else "",
            "type": f"sentence_transformers.models.{part}",
        }
        for index, part in enumerate(PARTS)
    ]
    _write(folder / "modules.json", modules)
    limits = {"max_seq_length": MOST_TOKENS, "do_lower_case": False}
    _write(folder / "sentence_bert_config.json", limits)
    modes = dict.fromkeys(("cls_token", "max_tokens", "mean_sqrt_len_tokens"), False)
    pooling = {f"pooling_mode_{mode}": on for mode, on in {"mean_tokens": True, **modes}.items()}
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, **pooling})
    dense = {
        "in_features": WIDTH,
        "out_features": SIZE,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    _write(folder / "2_Dense" / "config.json", dense)
    weights = {"linear.weight": torch.randn(SIZE, WIDTH) / WIDTH**0.5}
    torch.save(weights, folder / "2_Dense" / "pytorch_model.bin")
    (folder / "3_Normalize").mkdir()
    return folder


def _tokenizer() -> Tokenizer:
    """Pieces of words as in T5: common ones whole, others letter by letter."""
    letters = [chr(code) for code in range(33, 127) if chr(code) not in WORDS]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -4.0)]
    pieces += [(word, -2.0) for word in WORDS] + [(letter, -6.0) for letter in letters]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2))
