"""ROCKET: random convolutions and a ridge classifier, by the package pyts.

Shape letters: N windows, T frames, W wrists, C channels, K classes, F features.
"""

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cluster.runs import seed_from
from finetune.svm import softmax_of_decisions

KERNELS = 10_000
PENALTIES = np.logspace(-3, 3, 10)
# Kernels draw their biases between -1 and 1, so signals have to be of about that size.
GRAVITY = 9.81
SCALE_C = np.array([1 / GRAVITY] * 3 + [1.0] * 3)


class RidgeProbabilities(RidgeClassifierCV):
    """The penalty that leaves the least error of windows left out one by one, and probabilities
    as the softmax of the decision values: ordered, but not calibrated.
    """

    def predict_proba(self, features_NF: np.ndarray) -> np.ndarray:
        """Return class probabilities (N, K)."""
        return softmax_of_decisions(self.decision_function(features_NF))


def rocket() -> Pipeline:
    """Return the untrained classifier, with the penalties of Dempster et al. (2020)."""
    return make_pipeline(StandardScaler(), RidgeProbabilities(PENALTIES))


def rocket_features(signals_NTWC: np.ndarray, present_NWC: np.ndarray, seed: int) -> np.ndarray:
    """Return features (N, F), float32, of windows in SI units, those of channels side by side.

    KERNELS are shared among the channels that any window has; each gives the greatest value
    and the share of positive values of its convolution with acceleration in g or angular velocity
    in rad/s. Features of a channel that a window lacks are zero.
    """
    from pyts.transformation import ROCKET  # compiles for seconds when it is imported

    channels = np.argwhere(present_NWC.any(0)).tolist()
    columns = []
    for wrist, channel in channels:
        signals_NT = signals_NTWC[:, :, wrist, channel] * SCALE_C[channel]
        own_seed = seed_from("rocket", seed, wrist, channel) % 2**32
        transform = ROCKET(KERNELS // len(channels), random_state=own_seed)
        present_N1 = present_NWC[:, wrist, channel, None]
        columns.append((transform.fit_transform(signals_NT) * present_N1).astype(np.float32))
    return np.concatenate(columns, axis=1)
