"""Early stopping: the weights of the lowest validation loss so far."""

import copy
import math

from torch import nn


class BestWeights:
    """Remembers a model's best weights.

    Attributes:
        lowest, weights: the lowest loss, and the weights that had it.
        stale_epochs: epochs since the lowest loss, or since the weights were restored.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.stale_epochs = 0
        self.lowest = math.inf
        self.weights = copy.deepcopy(model.state_dict())

    def compare(self, loss: float) -> None:
        """Keep the weights as they are now where `loss` is the lowest so far."""
        if loss < self.lowest:
            self.lowest, self.weights = loss, copy.deepcopy(self.model.state_dict())
            self.stale_epochs = 0
        else:
            self.stale_epochs += 1

    def restore(self) -> None:
        """Give the model the best weights, and count anew."""
        self.model.load_state_dict(self.weights)
        self.stale_epochs = 0
