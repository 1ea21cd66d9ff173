"""The source `grab`: files of its public layout, sentences, and what goes wrong."""

import contextlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from datagen.body import Mannequin
from datagen.motion import BadClipError, ClipRef, Motion
from datagen.sources.grab import GrabConfig, GrabSource
from datagen.sources.grab_text import INTENTS, OBJECTS, describe
from tests.datagen.made_smpl import grab_params, swaying, write_grab
from tests.datagen.test_safe_pickle import Payload


@pytest.fixture
def grab(tmp_path: Path) -> Path:
    """Three clips of two people."""
    folder = tmp_path / "grab"
    for name in ("s1/cup_drink_1", "s1/airplane_lift", "s10/bowl_drink_1_Retake"):
        write_grab(folder / f"{name}.npz")
    return folder


def read(path: Path, **given_keys: str) -> Motion:
    source = GrabSource(GrabConfig(str(path.parent), **given_keys))
    return source.read_clip(ClipRef("grab/x", str(path), "a person lifts a cup", subject="s1"))


def write_one(folder: Path, params: dict[str, Any] | None = None, **changed: Any) -> Path:
    return write_grab(folder / "s1" / "cup_lift.npz", params, **changed)


def write_hands(path: Path, **changed: Any) -> Path:
    """Write what an SMPL-X model file says of hands."""
    rng = np.random.default_rng(8)
    arrays = {
        "hands_componentsl": rng.normal(size=(45, 45)),
        "hands_componentsr": rng.normal(size=(45, 45)),
        "hands_meanl": rng.normal(size=45),
        "hands_meanr": rng.normal(size=45),
    }
    np.savez(path, **arrays | changed)
    return path


def test_clips_are_listed_in_order_with_sentences_and_people(grab: Path) -> None:
    source = pickle.loads(pickle.dumps(GrabSource(GrabConfig(str(grab), name="lab"))))
    refs = source.list_clips()
    assert [(ref.name, ref.text, ref.action, ref.subject) for ref in refs] == [
        ("lab/s1/airplane_lift", "a person lifts a toy airplane", "lift", "s1"),
        ("lab/s1/cup_drink_1", "a person drinks from a cup", "drink", "s1"),
        ("lab/s10/bowl_drink_1_Retake", "a person drinks from a bowl", "drink", "s10"),
    ]
    motion = source.read_clip(refs[2])
    assert (motion.rate, motion.subject, motion.source) == (120.0, "s10", "lab")


def test_the_52_joints_stand_where_fullpose_has_them(tmp_path: Path) -> None:
    params = grab_params()
    motion = read(write_one(tmp_path, params))
    joints = params["fullpose"].reshape(240, 55, 3)
    np.testing.assert_array_equal(motion.rotations_TJ3[:, 1:22], joints[:, 1:22])
    np.testing.assert_array_equal(motion.rotations_TJ3[:, 22:37], joints[:, 25:40])
    np.testing.assert_array_equal(motion.rotations_TJ3[:, 37:], joints[:, 40:])


def test_the_world_is_turned_from_z_up_to_y_up(tmp_path: Path) -> None:
    params = grab_params()
    motion = read(write_one(tmp_path, params))
    turn = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # x to x, y to -z, z to y
    root = Rotation.from_rotvec(params["fullpose"][:, :3]).as_matrix()
    found = Rotation.from_rotvec(motion.rotations_TJ3[:, 0]).as_matrix()
    np.testing.assert_allclose(found, turn @ root, atol=1e-12)
    pelvis = params["transl"] + Mannequin().bodies(np.zeros((1, 10))).joints_NJ3[0, 0]
    np.testing.assert_allclose(motion.translation_T3, pelvis @ turn.T, atol=1e-12)


def test_parts_give_the_pose_where_fullpose_is_missing(tmp_path: Path) -> None:
    hands = write_hands(tmp_path / "SMPLX_NEUTRAL.npz")
    params = grab_params() | {"fullpose": None}
    path = write_one(tmp_path, params)
    motion = read(path, hands=str(hands))
    expected = read(write_one(tmp_path / "whole")).rotations_TJ3.copy()
    model = np.load(hands)
    for side, first in (("left", 22), ("right", 37)):
        components, mean = model[f"hands_components{side[0]}"], model[f"hands_mean{side[0]}"]
        pose = np.array(
            [
                sum(value * component for value, component in zip(frame, components, strict=False))
                for frame in params[f"{side}_hand_pose"]
            ]
        )
        expected[:, first : first + 15] = (pose + mean).reshape(240, 15, 3)
    np.testing.assert_allclose(motion.rotations_TJ3, expected, atol=1e-9)
    with pytest.raises(BadClipError, match="principal components; give an SMPL-X model file"):
        read(path)


@pytest.mark.parametrize(
    ("stem", "text", "action"),
    [
        ("apple_eat_1", "a person eats an apple", "eat"),
        ("banana_peel_2", "a person peels a banana", "peel"),
        ("knife_peel_1", "a person peels something with a knife", "peel"),
        ("scissors_use_1", "a person cuts with a pair of scissors", "use"),
        ("mug_offhand_1", "a person passes a mug from one hand to the other", "offhand"),
        ("torussmall_inspect_1", "a person inspects a small torus", "inspect"),
        ("camera_takepicture_3", "a person takes a picture with a camera", "takepicture"),
        ("flute_play_1", "a person plays a flute", "play"),
        ("train_play_1", "a person plays with a toy train", "play"),
        ("waterbottle_pour_1", "a person pours from a water bottle", "pour"),
        ("cup_juggle_1", "cup juggle", "juggle"),
        ("spaceship_fly_1", "spaceship fly", "fly"),
        ("17", "a person moves", ""),
    ],
)
def test_sentences_of_intent_and_object(stem: str, text: str, action: str) -> None:
    assert describe(stem) == (text, action)


def test_every_object_and_intent_makes_a_sentence() -> None:
    assert len(OBJECTS) == 51
    for thing, named in OBJECTS.items():
        for intent in INTENTS:
            text, action = describe(f"{thing}_{intent}_1")
            assert text.startswith("a person ")
            assert named in text
            assert action == intent
        article, first = named.split()[0], named.split()[1][0]
        assert article == ("an" if first in "aeiou" else "a")


def params_with(**changed: Any) -> dict[str, Any]:
    return {"params": grab_params() | changed}


BAD = {
    "NaN": ({"body": params_with(fullpose=np.full((240, 165), np.nan))}, "NaN or infinite"),
    "infinite": ({"body": params_with(transl=np.full((240, 3), np.inf))}, "infinite .* transl"),
    "other shape": ({"body": params_with(fullpose=np.zeros((240, 156)))}, r"\(240, 156\), not"),
    "lengths": ({"body": params_with(transl=np.zeros((9, 3)))}, "240 poses but 9 positions"),
    "empty": ({"body": params_with(fullpose=np.zeros((0, 165)))}, "is empty"),
    "degrees": ({"body": params_with(fullpose=np.full((240, 165), 90.0))}, "cannot be radians"),
    "millimetres": ({"body": params_with(transl=np.full((240, 3), 1000.0))}, "not in metres"),
    "no params": ({"body": {}}, "has no params"),
    "no transl": ({"body": params_with(transl=None)}, "has no transl"),
    "words": ({"body": params_with(transl="here")}, "transl that are not numbers"),
    "no dictionary": ({"body": np.zeros(3)}, "body that is not a dictionary"),
    "no body": ({"body": None}, "has no body"),
    "no person": ({"sbj_id": None}, "has no sbj_id"),
    "other person": ({"sbj_id": "s2"}, "of the person s2 but lies in the folder s1"),
    "no rate": ({"framerate": None}, "has no framerate"),
    "negative rate": ({"framerate": -120.0}, "-120 frames per second"),
    "absurd rate": ({"framerate": 1e7}, "not believable"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_have_one_reason(tmp_path: Path, case: str) -> None:
    changed, reason = BAD[case]
    with pytest.raises(BadClipError, match=reason) as caught:
        read(write_one(tmp_path, **changed))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("member", ["body", "sbj_id", "framerate"])
def test_a_harmful_pickle_in_a_clip_does_not_run(tmp_path: Path, member: str) -> None:
    mark = tmp_path / "ran"
    harm = {"params": grab_params(), "more": Payload(exec, f"open({str(mark)!r}, 'w')")}
    path = write_one(tmp_path, **{member: harm})
    np.load(path, allow_pickle=True)[member]
    assert mark.exists(), "the payload must be real"
    mark.unlink()
    with pytest.raises(BadClipError, match=r"asks for builtins\.exec, which is not data"):
        read(path)
    assert not mark.exists()


def test_what_is_not_needed_is_not_read(tmp_path: Path) -> None:
    """Contacts are by far the most of a clip's bytes."""
    harm = Payload(exec, "raise SystemExit")
    assert len(read(write_one(tmp_path, contact={"body": harm})).rotations_TJ3) == 240


def test_user_mistakes_end_with_one_line(tmp_path: Path) -> None:
    write_hands(tmp_path / "short.npz", hands_meanl=np.zeros(44))
    write_hands(tmp_path / "few.npz", hands_componentsr=np.zeros((12, 45)))
    np.savez(tmp_path / "other.npz", x=1)
    (tmp_path / "empty").mkdir()
    for name, reason in [
        ("absent.npz", "cannot be read: No such file"),
        ("short.npz", "hands_meanl of shape"),
        ("few.npz", r"hands_componentsr of shape \(12, 45\)"),
        ("other.npz", "has no hands_componentsl; `hands` is an SMPL-X model file"),
    ]:
        with pytest.raises(UserError, match=reason) as caught:
            GrabSource(GrabConfig(str(tmp_path), hands=str(tmp_path / name)))
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such folder"):
        GrabSource(GrabConfig(str(tmp_path / "absent"))).list_clips()
    with pytest.raises(UserError, match=r"holds no GRAB file \(\*\.npz\)"):
        GrabSource(GrabConfig(str(tmp_path / "empty"))).list_clips()


def test_clips_of_the_same_name_are_refused(grab: Path) -> None:
    write_grab(grab / "s1" / "cup.drink.1.npz")
    write_grab(grab / "s1" / "cup drink 1.npz")
    with pytest.raises(UserError, match="would be named grab/s1/cup_drink_1, as that of"):
        GrabSource(GrabConfig(str(grab))).list_clips()


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small valid clip."""
    folder = tmp_path_factory.mktemp("whole")
    params = {name: values[:2] for name, values in grab_params(4).items()}
    return write_one(folder, params, contact=None).read_bytes()


@FUZZ
@given(data=st.data())
def test_damaged_files_only_ever_give_bad_clip_error(
    whole: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(raw)) | st.integers(0, len(raw)))
    path = tmp_path / "made.npz"
    path.write_bytes(raw[:cut])
    with contextlib.suppress(BadClipError):
        read(path)


VALUES = st.one_of(
    st.none(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([np.zeros(3), np.zeros((0, 165)), swaying(2, 165), swaying(2, 3), np.eye(45)]),
)


@FUZZ
@given(
    params=st.dictionaries(st.sampled_from(sorted(grab_params(1))), VALUES),
    members=st.dictionaries(st.sampled_from(["sbj_id", "framerate", "body"]), VALUES, max_size=2),
)
def test_any_values_only_ever_give_bad_clip_error(
    tmp_path: Path, params: dict[str, Any], members: dict[str, Any]
) -> None:
    hands = tmp_path / "hands.npz"
    path = write_one(tmp_path, params, **members)
    with contextlib.suppress(BadClipError):
        read(path, hands=str(hands if hands.exists() else write_hands(hands)))
