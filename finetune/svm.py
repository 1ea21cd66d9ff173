"""A support vector machine on the features of the package seglearn.

Shape letters: N windows, T frames, W wrists, C channels, F features, K classes.
"""

import warnings

import numpy as np
from scipy.special import softmax
from seglearn.feature_functions import base_features
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


class SvmProbabilities(SVC):
    """A Gaussian kernel, and probabilities as the softmax of the decision values: ordered, but
    not calibrated.
    """

    def predict_proba(self, features_NF: np.ndarray) -> np.ndarray:
        """Return class probabilities (N, K)."""
        return softmax_of_decisions(self.decision_function(features_NF))


def softmax_of_decisions(values_NK: np.ndarray) -> np.ndarray:
    """Return (N, K), of which each row adds up to 1; scikit-learn gives (N,) for two classes."""
    if values_NK.ndim == 1:  # positive for the second class
        values_NK = np.stack([-values_NK, values_NK], axis=1) / 2
    return softmax(values_NK, axis=1)


def svm() -> Pipeline:
    """Return the untrained classifier, with scikit-learn's own penalty and width of kernel."""
    return make_pipeline(StandardScaler(), SvmProbabilities())


def seglearn_features(signals_NTWC: np.ndarray, present_NWC: np.ndarray) -> np.ndarray:
    """Return features (N, F) of windows in SI units: seglearn's eleven for each channel.

    Those of absent channels are zero, as is the skewness of a constant signal, which has none.
    """
    signals_NTX = signals_NTWC.reshape(*signals_NTWC.shape[:2], -1).astype(float)
    present_NX = present_NWC.reshape(len(present_NWC), -1)
    with warnings.catch_warnings(category=RuntimeWarning, action="ignore"):
        columns = [function(signals_NTX) for function in base_features().values()]
    return np.concatenate([np.nan_to_num(each) * present_NX for each in columns], axis=1)
