"""The command `python -m finetune`: look at a target, train and test on it."""

import argparse
from pathlib import Path

from cluster.commands import Command, run_command
from cluster.config import load_config
from cluster.errors import exit_with
from finetune.config import FinetuneConfig, SweepConfig


def main() -> int:
    """Run one of the commands; the exit status is 1 when a cell failed."""
    return run_command("finetune", COMMANDS)


def _run(arguments: list[str]) -> int:
    return _cells(FinetuneConfig, "run", arguments)


def _sweep(arguments: list[str]) -> int:
    return _cells(SweepConfig, "sweep", arguments)


def _inspect(arguments: list[str]) -> int:
    from finetune import inspect  # brings what only this command needs

    return inspect.main(arguments)


def _results(arguments: list[str]) -> int:
    from finetune import results_page  # brings what only this command needs

    return results_page.main(arguments)


def _cells(
    schema: type[FinetuneConfig] | type[SweepConfig], command: str, arguments: list[str]
) -> int:
    given = _config_parser(command).parse_intermixed_args(arguments)
    config: FinetuneConfig | SweepConfig = load_config(schema, given.config, given.overrides)
    from finetune.experiment import run  # imported here so that a wrong key is told at once

    return run(config)


def _config_parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"python -m finetune {command}")
    parser.add_argument("--config", type=Path, help="preset in configs/finetune")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser


COMMANDS = (
    Command(
        "inspect --config FILE [key=value ...]",
        "what a target's recordings hold, and what is strange about them",
        _inspect,
    ),
    Command(
        "run --config FILE [key=value ...]",
        "rows by folds by seeds: one table of macro F1 on people left out",
        _run,
    ),
    Command(
        "sweep --config FILE [key=value ...]",
        "the same for grids of targets, releases, experts and shares of the labels",
        _sweep,
    ),
    Command(
        "results OUTPUT --page FILE.md",
        "the tables and pictures of a run or sweep as a page of Markdown",
        _results,
    ),
)


if __name__ == "__main__":
    exit_with(main)
