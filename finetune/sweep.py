"""A grid of rows, seeds, experts and label shares to cells; a run is a grid with one value each."""

from itertools import product

from cluster.errors import UserError
from finetune.cells import Cell
from finetune.config import FinetuneConfig, SweepConfig
from finetune.rows import find_row


def plan_cells(config: FinetuneConfig) -> list[Cell]:
    """Return every cell of a run or sweep; rows alternate, so that the time left can be told."""
    for name, values in (("rows", config.rows), ("seeds", config.seeds)):
        if not values:
            raise UserError(f"{name} is empty; name at least one")
    experts, shares = [config.classifier.experts], [1.0]
    if isinstance(config, SweepConfig):
        experts, shares = config.experts, config.label_shares
    if not experts or min(experts) < 1:
        raise UserError(f"experts is {experts}; every number must be at least 1")
    if not shares or not all(0 < share <= 1 for share in shares):
        raise UserError(f"label_shares is {shares}; every share is above 0 and at most 1")
    cells = [
        Cell(name, fold, seed, number if find_row(name).mixture else 0, share)
        for seed, share, number in product(config.seeds, shares, experts)
        for fold in range(config.folds.count)
        for name in reversed(config.rows)
    ]
    return list(dict.fromkeys(cells))
