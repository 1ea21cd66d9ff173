import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import UserError
from datagen.motion import ClipRef
from datagen.plan import describe, difference, make_plan

SETTINGS = {"seed": 3, "validation_share": 0.2, "clips_per_shard": 8}


def refs(count, source="bvh", subjects=0):
    return [
        ClipRef(
            name=f"{source}/{number:04d}",
            locator=f"/somewhere/{number}",
            text=f"sentence {number % 7}",
            subject=f"person {number % subjects}" if subjects else "",
            source=source,
        )
        for number in range(count)
    ]


def split_of(units):
    return {clip.name: unit.split for unit in units for clip in unit.clips}


@given(
    count=st.integers(2, 150),
    subjects=st.integers(0, 12),
    share=st.floats(0, 0.9),
    largest=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_every_clip_stands_in_one_shard_of_one_side(count, subjects, share, largest, seed):
    clips = refs(count, subjects=subjects) + refs(count // 2, "other")
    units = make_plan(clips, seed=seed, validation_share=share, clips_per_shard=largest)
    assert sorted(c.name for u in units for c in u.clips) == sorted(c.name for c in clips)
    assert [unit.index for unit in units] == list(range(len(units)))
    sides: dict[tuple[str, str], set[str]] = {}
    for unit in units:
        assert 1 <= len(unit.clips) <= largest
        assert {clip.source for clip in unit.clips} == {unit.source}
        for clip in unit.clips:
            sides.setdefault((clip.source, clip.subject or clip.name), set()).add(unit.split)
    assert all(len(side) == 1 for side in sides.values())


def test_the_plan_does_not_depend_on_the_order_of_the_list():
    clips = refs(100)
    assert make_plan(clips, **SETTINGS) == make_plan(clips[::-1], **SETTINGS)


def test_the_split_has_about_its_share_and_stays_when_clips_are_added():
    small, large = (split_of(make_plan(refs(n), **SETTINGS)) for n in (1000, 1500))
    share = sum(side == "validation" for side in small.values()) / len(small)
    assert 0.16 < share < 0.24
    assert all(large[name] == side for name, side in small.items())
    other_seed = split_of(make_plan(refs(1000), **SETTINGS | {"seed": 4}))
    assert other_seed == small


@pytest.mark.parametrize("share", [0.001, 0.9])
def test_few_subjects_still_give_both_splits(share):
    for subjects in (2, 3, 5):
        plan = make_plan(refs(30, subjects=subjects), **SETTINGS | {"validation_share": share})
        assert {unit.split for unit in plan} == {"train", "validation"}


def test_no_share_means_no_validation():
    plan = make_plan(refs(30), **SETTINGS | {"validation_share": 0})
    assert {unit.split for unit in plan} == {"train"}


def test_clips_are_shuffled_and_spread_evenly():
    units = [unit for unit in make_plan(refs(101), **SETTINGS) if unit.split == "train"]
    sizes = {len(unit.clips) for unit in units}
    assert max(sizes) - min(sizes) <= 1
    numbers = [int(clip.name[-4:]) for clip in units[0].clips]
    assert numbers != sorted(numbers)
    assert max(numbers) - min(numbers) > 30


def test_names_must_be_unique_and_plain():
    with pytest.raises(UserError, match="2 clips have this name"):
        make_plan([*refs(3), refs(1)[0]], **SETTINGS)
    with pytest.raises(UserError, match="letters, digits"):
        make_plan([replace(refs(1)[0], name="walk.fast")], **SETTINGS)


def test_a_description_tells_what_has_changed():
    clips = refs(20)
    old = json.loads(json.dumps(describe(make_plan(clips, **SETTINGS))))

    def compared(changed):
        return difference(old, describe(make_plan(changed, **SETTINGS)))

    assert compared(clips) == ""
    assert compared([replace(clip, locator="/mnt/elsewhere") for clip in clips]) == ""
    assert "2 clips are new, such as bvh/0020" in compared(refs(22))
    parts = [replace(clip, locator=f"/a/x.npz#{n}:{n + 9}") for n, clip in enumerate(clips)]
    assert "times of clips have changed" in compared(parts)
    old = json.loads(json.dumps(describe(make_plan(parts, **SETTINGS))))
    moved = [replace(clip, locator=clip.locator.replace("/a/", "/b/")) for clip in parts]
    assert compared(moved) == ""
    units = make_plan(parts, **SETTINGS)
    turned = describe([replace(unit, index=-unit.index) for unit in units])
    assert difference(old, turned) == "the sources stand in another order"
    assert "1 clips are gone, such as bvh/0000" in compared(clips[1:])
    assert "sentences" in compared([replace(clips[0], text="another"), *clips[1:]])
