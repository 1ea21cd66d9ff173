"""A fitted classifier: the folder in which it travels, loaded in one line.

    model.safetensors   every weight of encoders and classifier, float32
    config.yaml         `ClassifierReleaseConfig`: architecture, classes, windows, what it was fed
    card.md             what it was trained on and how well it does on people held out

A folder appears whole or not at all, and nothing in it is ever unpickled.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cluster.config import load_config, save_config
from cluster.errors import UserError
from finetune.classifiers import (
    ClassifierConfig,
    EncoderClassifier,
    MixtureClassifier,
    check_classifier,
)
from finetune.recogniser import Classifier
from finetune.windows import RATE, WindowsConfig, check_windows
from pretrain.encoders import ImuEncoder
from pretrain.model import ModelConfig, build_imu_encoder
from pretrain.release import (
    CARD,
    CONFIG,
    WEIGHTS,
    check_format,
    float32,
    folder_when_whole,
    load_weights,
    save_weights,
)

FORMAT_VERSION = 1


@dataclass
class ClassifierReleaseConfig:
    """What a classifier is and expects.

    Signals are in m/s2 (specific force: a resting sensor reads 9.81 upwards) and rad/s, in the
    watch frame of `targets/recording.py`.

    Attributes:
        label_names: the classes, in the order of the probabilities.
        rate: of the windows, in Hz; recordings of other rates are resampled.
        windows: length, overlap, largest gap, which wrist is mirrored and which ones are used.
        wrists: which have an encoder.
        inputs: what the recordings that it was trained on had, in the words of `described`.
    """

    format_version: int = FORMAT_VERSION
    label_names: list[str] = field(default_factory=list)
    rate: int = RATE
    windows: WindowsConfig = field(default_factory=WindowsConfig)
    wrists: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    model: ModelConfig = field(default_factory=ModelConfig)
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)


def build_network(
    config: ClassifierReleaseConfig, encoders: dict[str, ImuEncoder] | None = None
) -> EncoderClassifier:
    """Return the network of a configuration, with new encoders where none are given."""
    encoders = encoders or {name: build_imu_encoder(config.model) for name in config.wrists}
    token_width = encoders[config.wrists[0]].width
    head = MixtureClassifier(token_width, len(config.label_names), config.classifier)
    return EncoderClassifier(encoders, head, frozen=True)


def save_classifier(
    folder: Path, network: EncoderClassifier, config: ClassifierReleaseConfig, card: str
) -> None:
    """Write a classifier's folder, replacing the one that is there."""
    with folder_when_whole(folder) as coming:
        save_weights(float32(network.state_dict()), coming / WEIGHTS)
        save_config(config, coming / CONFIG)
        (coming / CARD).write_text(card)


def load_classifier(folder: Path | str) -> Classifier:
    """Read a classifier that `python -m finetune fit` wrote.

    Raises UserError, in one line, for a missing folder or file, another format or rate, or
    weights that do not fit the architecture in `config.yaml`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; python -m finetune fit writes one")
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}: not a classifier, {name} is missing; python -m finetune fit writes one"
            )
    config = _read_config(folder / CONFIG)
    network = build_network(config)
    load_weights(folder, network)
    return Classifier(
        network.eval(), tuple(config.label_names), config.windows, tuple(config.inputs)
    )


def _read_config(path: Path) -> ClassifierReleaseConfig:
    kind = "a classifier, which python -m finetune fit writes"
    check_format(path, FORMAT_VERSION, "label_names", kind)
    config = load_config(ClassifierReleaseConfig, path, [])
    if config.rate != RATE:
        raise UserError(f"{path}: rate is {config.rate}; this program makes windows at {RATE} Hz")
    if not config.wrists or not config.label_names:
        raise UserError(f"{path}: names no wrists or no classes; fit the classifier again")
    try:
        config.model.check()
        check_windows(config.windows)
        check_classifier(config.classifier)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return config
