"""One run: cells, then `scores.json`, `report.html` and the table."""

import sys
from pathlib import Path

from cluster.runs import write_json, write_run_record
from finetune.config import FinetuneConfig
from finetune.execution import failure_rows, run_cells
from finetune.prepare import prepare
from finetune.report import write_report
from finetune.summary import as_json, summarize, table
from finetune.sweep import plan_cells
from finetune.tensorboard import write_logs


def run(config: FinetuneConfig) -> int:
    """Compute what is missing, write the scores and the report; 1 when a cell failed, else 0."""
    cells = plan_cells(config)
    output = Path(config.output)
    target, data = prepare(config)
    write_run_record(output, config, config.seeds[0])
    results, failures = run_cells(
        cells,
        config,
        data,
        lambda result: write_logs(result, target.label_names, output / "tensorboard"),
    )
    summaries = summarize(results, config.rows)
    people, windows = len(target.subjects), len(data.windows)
    write_json(
        output / "scores.json",
        {
            "target": target.name,
            "release": config.release,
            "release_digest": data.release,
            "people": people,
            "windows": windows,
            "classes": target.label_names,
            "rows": as_json(summaries),
            "failures": failure_rows(failures),
        },
    )
    write_report(output / "report.html", config, target, data, summaries, results, failures)
    print(f"\n{target.name}: {people} people, {windows} windows of {config.windows.seconds} s")
    print(table(summaries, len(target.label_names)))
    print(f"report       {output / 'report.html'}")
    print(f"scores       {output / 'scores.json'}")
    print(f"TensorBoard  {output / 'tensorboard'}")
    for failure in failures:
        print(f"failed: {failure.cell}: {failure.reason}", file=sys.stderr)
    return 1 if failures else 0
