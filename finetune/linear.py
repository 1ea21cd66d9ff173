"""Logistic regression on standardised features."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

ITERATIONS = 1000


def linear() -> Pipeline:
    """Return the untrained classifier, with scikit-learn's own strength of regularisation."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
