"""DeepConvLSTM (Ordonez and Roggen 2016), the usual network without pre-training.

Shape letters: B windows, T frames, W wrists, C channels, F filters, D width, K classes.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from finetune.scaling import Standardize


@dataclass
class DeepConvLstmConfig:
    """Sizes of the paper: four convolutions along time, then two recurrent layers."""

    convolutions: int = 4
    filters: int = 64
    kernel: int = 5
    recurrent_layers: int = 2
    width: int = 128
    dropout: float = 0.5


class DeepConvLstm(nn.Module):
    """Convolutions along time over all channels together, an LSTM over the maps, its last state."""

    def __init__(self, standardize: Standardize, classes: int, config: DeepConvLstmConfig) -> None:
        super().__init__()
        self.standardize = standardize
        layers: list[nn.Module] = []
        for index in range(config.convolutions):
            maps = standardize.mean_WC.numel() if index == 0 else config.filters
            layers += [nn.Conv1d(maps, config.filters, config.kernel), nn.ReLU()]
        self.convolve = nn.Sequential(*layers)
        self.recur = nn.LSTM(
            config.filters,
            config.width,
            config.recurrent_layers,
            batch_first=True,
            dropout=config.dropout,
        )
        self.drop = nn.Dropout(config.dropout)
        self.classify = nn.Linear(config.width, classes)

    def forward(self, signals_BTWC: Tensor, present_BWC: Tensor) -> Tensor:
        """Return class scores (B, K) of windows in SI units."""
        signals_BTX = self.standardize(signals_BTWC, present_BWC).flatten(2)
        maps_BFT = self.convolve(signals_BTX.transpose(1, 2))
        states_BTD, _ = self.recur(maps_BFT.transpose(1, 2))
        return self.classify(self.drop(states_BTD[:, -1]))
