"""The command `python -m pretrain`: describe a model, judge a release, export it.

Training itself is `deepspeed pretrain/train.py`.
"""

import argparse
from pathlib import Path

from cluster.commands import Command, run_command
from cluster.config import load_config
from cluster.errors import UserError, exit_with
from cluster.storage import location


def main() -> int:
    """Run one of the commands; returns the exit status."""
    return run_command("pretrain", COMMANDS)


def _describe(arguments: list[str]) -> int:
    from pretrain.config import TrainConfig
    from pretrain.describe import costs, table
    from pretrain.model import Multi3Net

    parser = argparse.ArgumentParser("python -m pretrain describe")
    parser.add_argument("--config", type=Path, help="a preset in configs/pretrain")
    parser.add_argument("--text-size", type=int, default=768, help="values of a text vector")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    if given.text_size < 1:
        raise UserError(f"--text-size: must be at least 1, not {given.text_size}")
    # A model can be described without saying what it is to learn from.
    places = ["data=none", "output=none"]
    config = load_config(TrainConfig, given.config, [*places, *given.overrides])
    print(table(costs(Multi3Net(config.model, given.text_size))))
    print("operations and kept memory are for one window, without the contrastive loss")
    return 0


def _evaluate(arguments: list[str]) -> int:
    from pretrain.scorecard import EvaluateConfig, evaluate

    parser = argparse.ArgumentParser("python -m pretrain evaluate")
    parser.add_argument("release", type=Path)
    parser.add_argument("shards", type=location)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(EvaluateConfig, None, given.overrides)
    print(evaluate(given.release, given.shards, config))
    return 0


def _export(arguments: list[str]) -> int:
    from pretrain.export import export

    parser = argparse.ArgumentParser("python -m pretrain export")
    parser.add_argument("release", type=Path)
    print(export(parser.parse_args(arguments).release))
    return 0


COMMANDS = (
    Command(
        "describe --config FILE [key=value ...]",
        "parameters, arithmetic and memory of each part of a model",
        _describe,
    ),
    Command(
        "evaluate RELEASE SHARDS [key=value ...]",
        "retrieval, regression, probes and zero-shot on validation clips",
        _evaluate,
    ),
    Command("export RELEASE", "the IMU encoders as ONNX, compared with torch", _export),
)


if __name__ == "__main__":
    exit_with(main)
