"""One run or sweep: cells, then `scores.json`, the tables and `report.html`."""

import sys
from pathlib import Path

from cluster.lock import locked
from cluster.runs import write_run_record
from cluster.storage import local_folder, remove_parts
from finetune.config import FinetuneConfig, SweepConfig
from finetune.data_tables import cell_text, confusion_tables, data_tables, failed_cells
from finetune.execution import run_cells
from finetune.materials import Materials
from finetune.report import write_report
from finetune.result_tables import all_tables, interval, labels_text, with_spread
from finetune.study import Study, make_study, write_study
from finetune.summary import Line, summarize
from finetune.sweep import as_sweep, check_sweep, plan_cells
from finetune.tables import write_tables
from finetune.tensorboard import write_logs


def run(config: FinetuneConfig | SweepConfig) -> int:
    """Compute what is missing, write the scores and the report; 1 when a cell failed, else 0."""
    sweep = config if isinstance(config, SweepConfig) else as_sweep(config)
    check_sweep(sweep)
    output = local_folder(config.output, "output")
    with locked(output, "output"):
        for folder in (output, output / "cells", output / "tokens", output / "tables"):
            if folder.is_dir():
                remove_parts(folder)
        materials = Materials(sweep)
        cells = plan_cells(sweep, materials)
        write_run_record(output, config, config.seeds[0])
        results, failures = run_cells(
            cells,
            materials,
            output,
            sweep.cluster,
            lambda result: write_logs(result, output / "tensorboard"),
        )
        lines = summarize(results, sweep.baseline, sweep.classifier.experts)
        study = make_study(config, sweep, materials, lines, failures)
        write_study(output, study)
        beside = [*failed_cells(study), *data_tables(study), *confusion_tables(study)]
        write_tables(output / "tables", [*all_tables(study), *beside])
        write_report(output / "report.html", study, results)
    _print(study, output)
    return 1 if failures else 0


def _print(study: Study, output: Path) -> None:
    for target in study.targets:
        print(
            f"\n{target.name}: {len(target.people)} people, {sum(target.windows_by_class)} windows "
            f"of {target.seconds} s"
        )
        for text in target.notes:
            print(f"note: {text}")
        print(_table(study, study.target_lines(target.name)))
    print(f"report       {output / 'report.html'}")
    print(f"tables       {output / 'tables'}")
    print(f"scores       {output / 'scores.json'}")
    print(f"TensorBoard  {output / 'tensorboard'}")
    for failure in study.failures:
        print(f"failed: {cell_text(failure['cell'])}: {failure['reason']}", file=sys.stderr)


def _table(study: Study, lines: list[Line]) -> str:
    """Return lines as text, the best marked."""
    names = [_name(study, line, lines) for line in lines]
    width = max(map(len, names), default=0)
    head = f"{'row':<{width}} {'macro F1':>12} {'95 % interval':>15} {'accuracy':>12} {'cells':>6}"
    text = [head, "-" * len(head)]
    best = max((line.macro_f1.value for line in lines), default=0.0)
    for name, line in zip(names, lines, strict=True):
        own = line.macro_f1
        text.append(
            f"{name:<{width}} {with_spread(own.value, line.spread, line.seeds):>12} "
            f"{interval(line.macro_f1):>15} "
            f"{with_spread(*line.accuracy, line.seeds):>12} {line.cells:>6}"
            f"{' *' if own.value == best else ''}"
        )
    text.append(
        "in per cent, over the windows of all people left out; interval over people; * best"
    )
    if max((line.seeds for line in lines), default=1) > 1:
        text.append("mean ± standard deviation over seeds")
    return "\n".join(text)


def _name(study: Study, line: Line, lines: list[Line]) -> str:
    """Return a line's name, with what distinguishes it from others of the same row."""
    parts = [study.name(line)]
    if line.experts and len({other.experts for other in lines if other.experts}) > 1:
        parts.append(f"{line.experts} expert{'' if line.experts == 1 else 's'}")
    if len({(other.label_share, other.share_by) for other in lines}) > 1:
        parts.append(labels_text(line))
    return ", ".join(parts)
