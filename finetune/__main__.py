"""The command `python -m finetune`: look at a target, train and test on it, use what was learnt."""

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

    given = _config_parser("inspect").parse_intermixed_args(arguments)
    return inspect.inspect(given.config, given.overrides)


def _frame(arguments: list[str]) -> int:
    from finetune import frame_command  # brings what only this command needs

    given = _config_parser("frame").parse_intermixed_args(arguments)
    return frame_command.tell_frame(given.config, given.overrides)


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


def _fit(arguments: list[str]) -> int:
    from finetune.final import FitConfig, fit_classifier

    given = _config_parser("fit").parse_intermixed_args(arguments)
    print(fit_classifier(load_config(FitConfig, given.config, given.overrides)))
    return 0


def _predict(arguments: list[str]) -> int:
    from finetune.predict import load_recording_config, predict_file

    parser = argparse.ArgumentParser("python -m finetune predict")
    parser.add_argument("model", type=Path)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--config", type=Path, help="keys of the recording, or a target csv")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_recording_config(given.config, given.overrides)
    print(predict_file(given.model, given.recording, config))
    return 0


def _export(arguments: list[str]) -> int:
    from finetune.export import export

    parser = argparse.ArgumentParser("python -m finetune export")
    parser.add_argument("model", type=Path)
    print(export(parser.parse_args(arguments).model))
    return 0


def _config_parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"python -m finetune {command}")
    parser.add_argument("--config", type=Path, help="a preset, or a file of your own")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser


COMMANDS = (
    Command(
        "inspect --config FILE [key=value ...]",
        "what a target's recordings hold, and what is strange about them",
        _inspect,
    ),
    Command(
        "frame --config FILE [release=FOLDER ...]",
        "which way its axes point and which sign gravity has, by its signals alone",
        _frame,
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
        "fit --config FILE [key=value ...]",
        "one classifier from the people of a target, to be used on others",
        _fit,
    ),
    Command(
        "predict MODEL FILE.csv [key=value ...]",
        "labels with probabilities over time, and a picture of them",
        _predict,
    ),
    Command("export MODEL", "encoder and classifier as one ONNX file", _export),
    Command(
        "results OUTPUT --page FILE.md",
        "the tables and pictures of a run or sweep as a page of Markdown",
        _results,
    ),
)


if __name__ == "__main__":
    exit_with(main)
