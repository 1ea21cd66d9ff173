"""The recording behind predict_timeline.png: one person's seven exercises, left wrist, end to end.

python docs/images/shoulder.py
python -m finetune predict runs/demo/model shoulder.csv time=t
"""

import csv

import numpy as np

from finetune.targets.seglearn_watch import RATE, SeglearnWatchConfig, read

PERSON = "06"  # one of the two that the fit of docs/predict.md holds out

with open("shoulder.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["t", "ax", "ay", "az", "gx", "gy", "gz"])
    parts = [
        recording.signals_TWC[:, 0]
        for recording in read(SeglearnWatchConfig()).recordings
        if recording.subject == PERSON and recording.wrists[0]
    ]
    for sample, values in enumerate(np.concatenate(parts)):
        rows.writerow([sample / RATE, *values.round(4)])
