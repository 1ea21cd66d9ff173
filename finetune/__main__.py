"""The commands `python -m finetune run` and `python -m finetune sweep`."""

import argparse
import sys
from pathlib import Path

from cluster.config import load_config
from cluster.errors import UserError, exit_with
from finetune.config import FinetuneConfig, SweepConfig

USAGE = """python -m finetune COMMAND --config FILE [key=value ...]

  run      rows by folds by seeds: one table of macro F1 on people left out
  sweep    the same for several numbers of experts and shares of the labels
"""
SCHEMAS = {"run": FinetuneConfig, "sweep": SweepConfig}


def main() -> int:
    """Run one of the commands; the exit status is 1 when a cell failed."""
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if command not in SCHEMAS:
        raise UserError(f"{command}: no such command; there are {' and '.join(SCHEMAS)}")
    parser = argparse.ArgumentParser(f"python -m finetune {command}")
    parser.add_argument("--config", type=Path, help="preset in configs/finetune")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(SCHEMAS[command], given.config, given.overrides)
    from finetune.experiment import run  # imported here so that a wrong key is told at once

    return run(config)


if __name__ == "__main__":
    exit_with(main)
