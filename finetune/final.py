"""`python -m finetune fit`: one classifier from the people of a target, to be used on others.

Shape letters: N windows, M windows of a part, P people, K classes.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import seed_from
from cluster.storage import check_writable, local_folder, local_path
from finetune.card import classifier_card
from finetune.classifier_release import (
    ClassifierReleaseConfig,
    build_network,
    save_classifier,
)
from finetune.classifiers import EncoderClassifier
from finetune.code_version import code_version
from finetune.config import FinetuneConfig, check_shared
from finetune.continuation import Continuation
from finetune.export import NAME as ONNX
from finetune.folds import make_folds
from finetune.prepare import frozen_tokens, load_fitting, weights_digest, wrists_in_use
from finetune.recogniser import described
from finetune.rows import REAL_ROWS, ROWS, Row, find_row
from finetune.scores import Scores, score
from finetune.targets.choose import read_target
from finetune.targets.notes import notes, without_windows
from finetune.targets.recording import Target
from finetune.training import DivergedError, TrainingData, fit, predict
from finetune.windows import Windows, cut_windows
from pretrain.release import CARD, CONFIG, WEIGHTS, Pretrained

DEALINGS = 200


@dataclass
class FitConfig(FinetuneConfig):
    """The keys of `run`, of which `rows` and the number and kind of folds play no part.

    Attributes:
        row: which method; one with an IMU encoder. The first of `seeds` is its seed.
        output: the classifier's folder.
    """

    row: str = "multi3net_plus"


def fit_classifier(config: FitConfig) -> str:
    """Train on all people but those held out, write the folder; return what to tell the user.

    A share `folds.validation_share` of the people is held out, nobody where it is 0, or the
    validation people of `folds.split`, whose test people take no part; with
    `training.early_stopping` those held out decide when training stops and which weights are kept.
    Raises UserError for a release, a row or
    a target that it cannot be done with, and where the folder holds anything else.
    """
    folder = local_folder(config.output, "output")
    check_replaceable(folder)
    check_writable(folder, "output")
    check_shared(config)
    row = _row(config.row)
    if not config.release:
        raise UserError("release has no value; give the folder of a pre-trained release")
    pretrained = load_fitting(config)
    if config.estimate_frame:
        raise UserError(
            "estimate_frame: a classifier has to read recordings that are yet to come; state the "
            "frame that `python -m finetune frame` tells in the target's own keys"
        )
    target, windows, held_out = _dealt(config)
    for text in [
        *notes(target.recordings),
        *without_windows(target, windows, config.windows.seconds),
    ]:
        print(f"note: {text}")
    release = _describe(row, windows, pretrained, config)
    seed = seed_from("fit", row.name, config.seeds[0])
    continuation = Continuation.beside(folder, _what_decides(config, windows))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(release, _encoders(row, pretrained, release))
        network.set_frozen(row.schedule != "start")
        try:
            scores, epochs = _train(network, row, windows, held_out, config, continuation)
        except DivergedError as error:
            raise UserError(f"{error}; lower training.learning_rate") from None
    card = classifier_card(config, row, target, windows, held_out, scores, epochs)
    save_classifier(folder, network, release, card)
    continuation.remove()
    trained = len(np.unique(windows.subjects_N)) - len(held_out)
    judged = "nobody held out to score it"
    if scores:
        judged = (
            f"on {len(held_out)} held out ({', '.join(held_out)}): macro F1 "
            f"{100 * scores.macro_f1:.1f} %"
        )
    return (
        f"{row.title} trained on {trained} people of {target.name} for {epochs} epochs; {judged}"
        f"\n{folder}"
    )


def _dealt(config: FitConfig) -> tuple[Target, Windows, tuple[str, ...]]:
    """Return the target and windows of those who take part, and who of them is held out."""
    target = read_target(config.target)
    windows = cut_windows(target, config.windows)
    seed, folds = config.seeds[0], config.folds
    if not folds.split and folds.validation_share == 0:
        if config.training.early_stopping:
            raise UserError(
                "folds.validation_share is 0, but training.early_stopping needs people held out"
            )
        return target, windows, ()
    if not folds.split:
        return target, windows, hold_out(windows, folds.validation_share, seed)
    (fold,) = make_folds(windows.subjects_N, windows.labels_N, folds, seed)
    people = {*fold.train, *fold.validation}
    left = tuple(each for each in target.recordings if each.subject in people)
    target = replace(target, recordings=left)
    return target, cut_windows(target, config.windows), fold.validation


def check_replaceable(folder: Path) -> None:
    """Raise UserError where a classifier's folder would take the place of anything but another.

    The folder of a classifier appears whole, so what was there before is gone.
    """
    if folder.name in ("", ".."):
        raise UserError(f"output is {folder}; name a folder of the classifier's own")
    if not folder.is_dir():
        if folder.exists():
            raise UserError(f"output is {folder}, a file; name a folder")
        return
    names = {path.name for path in folder.iterdir()}
    others = sorted(names - {WEIGHTS, CONFIG, CARD, ONNX})
    # The files of a pre-trained release have the same names.
    config = folder / CONFIG
    is_classifier = config.is_file() and b"label_names:" in config.read_bytes()
    if others or (names and not is_classifier):
        raise UserError(
            f"output is {folder}, which holds {others[0] if others else 'no classifier'} and would "
            "be replaced as a whole; name a folder that is new, empty or a classifier's"
        )


def hold_out(windows: Windows, share: float, seed: int) -> tuple[str, ...]:
    """Return who is held out: a share above 0 of the people, at least one.

    Of DEALINGS random choices that leave every class to training, the one whose classes are most
    like those of all. Raises UserError where there is none.
    """
    people, person_N = np.unique(windows.subjects_N, return_inverse=True)
    names = windows.label_names
    windows_PK = np.zeros((len(people), len(names)))
    np.add.at(windows_PK, (person_N, windows.labels_N), 1)
    _check_people(windows_PK, names, share)
    count = min(max(1, round(share * len(people))), len(people) - 1)
    rng = np.random.default_rng(seed_from("held out", seed))
    choices = [rng.permutation(len(people))[:count] for _ in range(DEALINGS)]
    total_K = windows_PK.sum(0)
    wanted_K = total_K * count / len(people)
    kept = [each for each in choices if (windows_PK[each].sum(0) < total_K)[total_K > 0].all()]
    if not kept:
        raise UserError(
            f"folds.validation_share is {share}: whoever is held out takes a class along; "
            "record more people, or hold out fewer"
        )
    best = min(kept, key=lambda each: float(np.square(windows_PK[each].sum(0) - wanted_K).sum()))
    return tuple(sorted(str(people[index]) for index in best))


def _check_people(windows_PK: np.ndarray, names: tuple[str, ...], share: float) -> None:
    people_K = (windows_PK > 0).sum(0)
    if len(windows_PK) < 2:
        raise UserError(
            "target: one person alone; a classifier needs a second one, who is held out to say "
            "how good it is (or folds.validation_share=0)"
        )
    if (people_K > 0).sum() < 2:
        raise UserError(f"target: windows of one class alone, {names[int(people_K.argmax())]}")
    if not 0 < share < 1:
        raise UserError(f"folds.validation_share is {share}; between 0 and 1")


def _row(name: str) -> Row:
    row = find_row(name)
    if row.method != "classifier" or row.synthetic:
        usable = [name for name in REAL_ROWS if ROWS[name].method == "classifier"]
        raise UserError(
            f"row is {name}, which is no network on an IMU encoder and real windows; one of "
            f"{', '.join(usable)}"
        )
    return row


def _describe(
    row: Row, windows: Windows, pretrained: Pretrained, config: FitConfig
) -> ClassifierReleaseConfig:
    inputs = sorted({described(each) for each in np.unique(windows.present_NWC, axis=0)})
    return ClassifierReleaseConfig(
        label_names=list(windows.label_names),
        windows=config.windows,
        wrists=wrists_in_use(windows),
        inputs=inputs,
        model=pretrained.model_config,
        classifier=config.classifier if row.mixture else replace(config.classifier, experts=0),
    )


def _what_decides(config: FitConfig, windows: Windows) -> list[Any]:
    release = weights_digest(local_path(config.release))
    return [asdict(config), windows.digest, release, code_version(__name__)]


def _encoders(row: Row, pretrained: Pretrained, release: ClassifierReleaseConfig) -> dict | None:
    if row.weights == "random":
        return None
    return {name: getattr(pretrained, f"imu_{name}") for name in release.wrists}


def _train(
    network: EncoderClassifier,
    row: Row,
    windows: Windows,
    held_out: tuple[str, ...],
    config: FitConfig,
    continuation: Continuation,
) -> tuple[Scores | None, int]:
    """Train in place; return the scores on the people held out, if any, and how many epochs."""
    validation_N = np.isin(windows.subjects_N, held_out)
    train_M, validation_M = (
        torch.from_numpy(np.flatnonzero(n)) for n in (~validation_N, validation_N)
    )
    print(f"{len(train_M)} windows to learn from, {len(validation_M)} of people held out")
    data = TrainingData(
        signals_NTWC=torch.from_numpy(windows.signals_NTWC),
        present_NWC=torch.from_numpy(windows.present_NWC),
        labels_N=torch.from_numpy(windows.labels_N),
        tokens_VNLD=_tokens(network, windows, config),
    )
    # Whoever is held out must not be learned from.
    stopping_M = validation_M if config.training.early_stopping else validation_M[:0]
    with Progress("fit", config.training.epochs, "epochs") as progress:
        history = fit(
            network,
            data,
            train_M,
            stopping_M,
            config.training,
            thaws=row.schedule == "plateau",
            on_epoch=lambda epoch: progress.advance(
                epoch.epoch + 1 - progress.done, f"loss {epoch.train_loss:.3f}"
            ),
            continuation=continuation,
        )
    if not held_out:
        return None, len(history)
    logits_MK = predict(network, data, validation_M)
    true_M = windows.labels_N[validation_N]
    scores = score(true_M, logits_MK.argmax(1).numpy(), len(windows.label_names))
    return scores, len(history)


def _tokens(network: EncoderClassifier, windows: Windows, config: FitConfig) -> Tensor | None:
    if not network.frozen:
        return None
    encoders = {name: getattr(network.encoders, name) for name in network.encoders}
    training = config.training
    return torch.from_numpy(frozen_tokens(windows, encoders, training.augment, training.views))
