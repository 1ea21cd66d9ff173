"""Files of AMASS, GRAB, BABEL and HumanML3D in their public layout, with made-up motion."""

import json
from pathlib import Path
from typing import Any

import numpy as np

RNG_STEP = 0.02


def swaying(frames: int, columns: int, seed: int = 0) -> np.ndarray:
    """Values on slow random curves, (frames, columns)."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None]
    size, shift = rng.normal(scale=0.3, size=columns), rng.uniform(0, 6, size=columns)
    return size * np.sin(RNG_STEP * time + shift)


def standing(frames: int) -> np.ndarray:
    """Where `trans` lies while someone stands upright in a world with z up, (frames, 3)."""
    return swaying(frames, 3, seed=1) * 0.1 + [0.0, 0.0, 1.2]


def write_amass(path: Path, frames: int = 240, **changed: Any) -> Path:
    """Write a clip of AMASS (SMPL+H); a changed array that is None is left out."""
    arrays: dict[str, Any] = {
        "trans": standing(frames),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.00004),
        "betas": np.random.default_rng(2).normal(size=16),
        "dmpls": np.zeros((frames, 8)),
        "poses": swaying(frames, 156),
    } | changed
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def grab_params(frames: int = 240) -> dict[str, np.ndarray]:
    """What GRAB stores of a body: SMPL-X by parts and together."""
    full = swaying(frames, 165, seed=3)
    return {
        "transl": standing(frames),
        "global_orient": full[:, :3],
        "body_pose": full[:, 3:66],
        "jaw_pose": full[:, 66:69],
        "leye_pose": full[:, 69:72],
        "reye_pose": full[:, 72:75],
        "left_hand_pose": swaying(frames, 24, seed=4),
        "right_hand_pose": swaying(frames, 24, seed=5),
        "fullpose": full,
        "expression": np.zeros((frames, 10)),
    }


def write_grab(path: Path, params: dict[str, Any] | None = None, **changed: Any) -> Path:
    """Write a clip of GRAB; every value is an array of no dimensions, as np.savez makes them."""
    body = grab_params() if params is None else params
    thing, _, intent = path.stem.partition("_")
    values: dict[str, Any] = {
        "gender": "male",
        "sbj_id": path.parent.name,
        "obj_name": thing,
        "motion_intent": intent.partition("_")[0],
        "framerate": 120.0,
        "n_frames": 240,
        "n_comps": 24,
        "body": {"params": body, "vtemp": "tools/subject_meshes/male/s1.ply"},
        "lhand": {"params": {}, "vtemp": ""},
        "rhand": {"params": {}, "vtemp": ""},
        "object": {"params": {}, "object_mesh": ""},
        "table": {"params": {}, "table_mesh": ""},
        "contact": {"body": np.zeros((240, 9), dtype=np.int8), "object": np.zeros((240, 9))},
    } | changed
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: value for name, value in values.items() if value is not None})
    return path


def label(text: str, category: str | None = None, **times: float) -> dict[str, Any]:
    """Return a label of BABEL."""
    categories = None if category is None else [category]
    return {"raw_label": text, "proc_label": text, "act_cat": categories, "seg_id": "x"} | times


def babel_entry(sid: int, feat_p: str, sequence: list | None, frames: list | None) -> dict:
    """Return an entry of BABEL."""
    return {
        "babel_sid": sid,
        "url": "https://example.org/x.mp4",
        "feat_p": feat_p,
        "dur": 2.0,
        "seq_ann": None if sequence is None else {"babel_lid": "l", "labels": sequence},
        "frame_ann": None if frames is None else {"babel_lid": "m", "labels": frames},
    }


def write_babel(path: Path, *entries: dict[str, Any]) -> Path:
    """Write entries as BABEL does, by their number."""
    path.write_text(json.dumps({str(entry["babel_sid"]): entry for entry in entries}))
    return path


def write_humanml3d(folder: Path, rows: list[str], texts: dict[str, str]) -> Path:
    """Write HumanML3D's index and its texts."""
    (folder / "texts").mkdir(parents=True)
    index = ["source_path,start_frame,end_frame,new_name", *rows]
    (folder / "index.csv").write_text("\n".join(index) + "\n")
    for name, text in texts.items():
        (folder / "texts" / f"{name}.txt").write_text(text)
    return folder
