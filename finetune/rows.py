"""The rows of the table: what each compared method is; `docs/rows.md` says it in full."""

from dataclasses import dataclass
from typing import Literal

from cluster.errors import UserError

Method = Literal[
    "classifier",
    "deepconvlstm",
    "resnet",
    "forest",
    "svm",
    "rocket",
    "linear",
    "centroid",
    "zero_shot",
]


@dataclass(frozen=True)
class Row:
    """One compared method: what it is, where an encoder's weights come from, when they train.

    `weights` is `none` for a method without an IMU encoder. `schedule` is `frozen` (the encoder
    never trains), `plateau` (frozen until the validation loss has once stopped falling) or
    `start`. `mixture` says whether the number of experts matters. `synthetic` names the synthetic
    windows that stand beside the real ones in training, "" for none.
    """

    name: str
    title: str
    about: str
    method: Method
    weights: Literal["pretrained", "random", "none"] = "none"
    schedule: Literal["frozen", "plateau", "start"] = "start"
    mixture: bool = False
    synthetic: str = ""

    @property
    def reads_tokens(self) -> bool:
        """Whether it needs what the release's encoders make of the windows, once."""
        return self.weights == "pretrained" and self.schedule != "start"

    @property
    def sees_views(self) -> bool:
        """Whether it learns from what encoders that do not train make of varied windows."""
        return self.method == "classifier" and self.schedule != "start"


ROWS = {
    row.name: row
    for row in (
        Row(
            "multi3net_plus_frozen",
            "Multi3Net+ (frozen)",
            "Pre-trained IMU encoder that never changes; only the mixture-of-experts classifier "
            "learns from labelled windows.",
            "classifier",
            "pretrained",
            "frozen",
            mixture=True,
        ),
        Row(
            "multi3net_plus",
            "Multi3Net+ (not frozen)",
            "The same, but after a quarter of the epochs (with early stopping, once the validation "
            "loss stops falling for the first time) the encoder learns too, at a lower rate.",
            "classifier",
            "pretrained",
            "plateau",
            mixture=True,
        ),
        Row(
            "multi3net_frozen",
            "Multi3Net (frozen)",
            "As Multi3Net+ (frozen), with one linear layer in place of the mixture of experts.",
            "classifier",
            "pretrained",
            "frozen",
        ),
        Row(
            "multi3net",
            "Multi3Net (not frozen)",
            "As Multi3Net+ (not frozen), with one linear layer in place of the mixture of experts.",
            "classifier",
            "pretrained",
            "plateau",
        ),
        Row(
            "base",
            "Base (no pre-training)",
            "The same architecture with random weights, everything trained from the start.",
            "classifier",
            "random",
            "start",
            mixture=True,
        ),
        Row(
            "random_frozen",
            "Random encoder (frozen)",
            "As Multi3Net+ (frozen), but the encoder that never changes has random weights.",
            "classifier",
            "random",
            "frozen",
            mixture=True,
        ),
        Row(
            "linear_frozen",
            "Linear on pre-trained features",
            "Logistic regression on standardised features of the pre-trained encoder.",
            "linear",
            "pretrained",
            "frozen",
        ),
        Row(
            "linear_random",
            "Linear on random features",
            "Logistic regression on standardised features of an encoder with random weights.",
            "linear",
            "random",
            "frozen",
        ),
        Row(
            "centroid",
            "Nearest class mean",
            "The class whose labelled windows' mean embedding is nearest; the pre-trained "
            "encoder is not trained.",
            "centroid",
            "pretrained",
            "frozen",
        ),
        Row(
            "zero_shot",
            "Zero-shot",
            "The class whose sentences' embedding is nearest to the window's; no labelled window "
            "is used.",
            "zero_shot",
            "pretrained",
            "frozen",
        ),
        Row(
            "deepconvlstm",
            "DeepConvLSTM",
            "Four convolutions and two LSTM layers on standardised signals (Ordonez and Roggen "
            "2016), trained from the start.",
            "deepconvlstm",
        ),
        Row(
            "resnet",
            "Residual network",
            "Three blocks of three convolutions with shortcuts on standardised signals (Wang et "
            "al. 2017), trained from the start.",
            "resnet",
        ),
        Row(
            "forest",
            "Forest on simple features",
            "200 extremely randomised trees on mean, spread, percentiles, channel covariance and "
            "first spectral magnitudes.",
            "forest",
        ),
        Row(
            "svm",
            "SVM on seglearn's features",
            "Support vector machine with a Gaussian kernel on the standardised features of the "
            "package seglearn (Burns et al. 2018).",
            "svm",
        ),
        Row(
            "rocket",
            "ROCKET",
            "Ridge classifier on the greatest values and positive shares of 10,000 random "
            "convolutions (Dempster et al. 2020).",
            "rocket",
        ),
        Row(
            "base_imutube",
            "Base (real + IMUTube)",
            "As Base, and synthetic windows made of poses found in videos are learnt from, too.",
            "classifier",
            "random",
            "start",
            mixture=True,
            synthetic="imutube",
        ),
        Row(
            "base_imugpt",
            "Base (real + IMUGPT)",
            "As Base, and synthetic windows made of sentences turned into motion are learnt from, "
            "too.",
            "classifier",
            "random",
            "start",
            mixture=True,
            synthetic="imugpt",
        ),
        Row(
            "deepconvlstm_imutube",
            "DeepConvLSTM (real + IMUTube)",
            "As DeepConvLSTM, and synthetic windows made of poses found in videos are learnt from, "
            "too.",
            "deepconvlstm",
            synthetic="imutube",
        ),
        Row(
            "deepconvlstm_imugpt",
            "DeepConvLSTM (real + IMUGPT)",
            "As DeepConvLSTM, and synthetic windows made of sentences turned into motion are "
            "learnt from, too.",
            "deepconvlstm",
            synthetic="imugpt",
        ),
    )
}
REAL_ROWS = tuple(name for name, row in ROWS.items() if not row.synthetic)
# Those that need nothing beside a target and a release; what a grid without `rows` computes.
GRID_ROWS = tuple(name for name in REAL_ROWS if ROWS[name].method != "zero_shot")
# The paper's own comparison, and a forest as the bar that plain features set; what a run without
# `rows` computes.
DEFAULT_ROWS = ("multi3net_plus_frozen", "multi3net_plus", "base", "deepconvlstm", "forest")


def find_row(name: str, key: str = "rows") -> Row:
    """Return the row of that name; UserError, naming the key, for one that is not known."""
    if name not in ROWS:
        raise UserError(f"{key}: {name} is not a row; the rows are {', '.join(ROWS)}")
    return ROWS[name]
