"""What a fitted classifier says of itself: `card.md`.

Shape letters: N windows, W wrists, C channels, K classes.
"""

import numpy as np

from cluster.runs import git_commit
from finetune.config import FinetuneConfig
from finetune.recogniser import described
from finetune.rows import Row
from finetune.scores import Scores
from finetune.tables import f1_texts
from finetune.targets.recording import Target
from finetune.windows import RATE, Windows

NO_SCORE = "-"


def classifier_card(
    config: FinetuneConfig,
    row: Row,
    target: Target,
    windows: Windows,
    held_out: tuple[str, ...],
    scores: Scores | None,
    epochs: int,
) -> str:
    """Return `card.md`: whom a classifier learned from, what it takes, and how good it is.

    `scores` are those on the people held out; None where nobody is.
    """
    people = sorted(set(windows.subjects_N) - set(held_out))
    names = windows.label_names
    windows_K = np.bincount(windows.labels_N, minlength=len(names))
    f1_K, total = [NO_SCORE] * len(names), "Nobody was held out: no score says how good it is."
    if scores:
        f1_K = f1_texts(scores.class_f1, scores.confusion)
        total = f"Macro F1 {100 * scores.macro_f1:.1f} %, accuracy {100 * scores.accuracy:.1f} %."
    role = _what_they_are_for(config, held_out)
    classes = "\n".join(
        f"| {name} | {count} | {f1} |"
        for name, count, f1 in zip(names, windows_K.tolist(), f1_K, strict=True)
    )
    return f"""# {row.title}: a classifier of {len(windows.label_names)} activities

{target.about}

Trained on {len(people)} people ({", ".join(people)}) for {epochs} epochs; source at commit
{git_commit()}. Encoders: {config.release}. Held out: {", ".join(held_out) or "nobody"}. {role}

## Input

{" or ".join(sorted({described(each) for each in np.unique(windows.present_NWC, axis=0)}))};
windows of {config.windows.seconds} s at {RATE} Hz, resampled from any rate from 20 Hz on. ax ay az
in m/s2 (specific force: a resting sensor reads 9.81 upwards), gx gy gz in rad/s; z out of the back
of the wrist, y towards the little finger, x towards the hand on the left and towards the elbow on
the right wrist. windows.mirror is {config.windows.mirror}, windows.wrist {config.windows.wrist}.

## On the people held out

{total}

| class | windows of all people | F1 on people held out, % |
|---|---|---|
{classes}

## Loading

    from finetune.classifier_release import load_classifier
    predictions = load_classifier(FOLDER).predict(signals, timestamps)
"""


def _what_they_are_for(config: FinetuneConfig, held_out: tuple[str, ...]) -> str:
    expect = "`python -m finetune run`\nsays what to expect of new people."
    if not held_out:
        return expect
    if config.training.early_stopping:
        return (
            "They chose when training\nstopped and which weights were kept, so their scores "
            f"flatter: {expect}"
        )
    return f"Nothing was\nlearned from them, but they are few: {expect}"
