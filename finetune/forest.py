"""Extremely randomised trees on simple features of a window.

Shape letters: N windows, T frames, W wrists, C channels, Q percentiles, X features of a wrist,
F features.
"""

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

TREES = 200
PERCENTILES = (5, 25, 50, 75, 95)
SPECTRAL_MAGNITUDES = 14


def forest(seed: int) -> ExtraTreesClassifier:
    """Return the untrained forest (Geurts et al. 2006), one thread."""
    return ExtraTreesClassifier(TREES, random_state=seed, n_jobs=1)


def signal_features(signals_NTWC: np.ndarray, present_NWC: np.ndarray) -> np.ndarray:
    """Return features (N, F) of windows in SI units, those of each wrist side by side.

    For each channel mean, spread, percentiles and the first magnitudes of the spectrum after that
    of the mean, then the covariances of all pairs of channels. Features in which an absent channel
    takes part are zero.
    """
    wrists = range(signals_NTWC.shape[2])
    parts = [_features_of_wrist(signals_NTWC[:, :, w], present_NWC[:, w]) for w in wrists]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _features_of_wrist(signals_NTC: np.ndarray, present_NC: np.ndarray) -> np.ndarray:
    signals_NTC = np.where(present_NC[:, None], signals_NTC.astype(float), 0.0)
    mean_NC = signals_NTC.mean(1)
    centred_NTC = signals_NTC - mean_NC[:, None]
    percentiles_QNC = np.percentile(signals_NTC, PERCENTILES, axis=1)
    spectrum_NXC = np.abs(np.fft.rfft(centred_NTC, axis=1))[:, 1 : SPECTRAL_MAGNITUDES + 1]
    first, second = np.triu_indices(signals_NTC.shape[2], k=1)
    covariance_NCC = centred_NTC.transpose(0, 2, 1) @ centred_NTC / signals_NTC.shape[1]
    columns = [
        mean_NC,
        signals_NTC.std(1),
        np.moveaxis(percentiles_QNC, 0, 1).reshape(len(mean_NC), -1),
        covariance_NCC[:, first, second],
        spectrum_NXC.reshape(len(mean_NC), -1),
    ]
    return np.concatenate(columns, axis=1)
