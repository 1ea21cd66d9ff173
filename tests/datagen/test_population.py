import numpy as np
import pytest

from cluster.errors import UserError
from datagen.population import PopulationConfig, Range, draw_people, reference_person

PERCENTS = (5, 10, 25, 50, 75, 90, 95)
INCH = 0.0254
# NHANES 2007-2010, adults of 20 years and over: inches, and kg/m2.
STATURE = {
    "women": (59.3, 60.3, 61.9, 63.8, 65.7, 67.3, 68.4),
    "men": (64.3, 65.4, 67.3, 69.3, 71.2, 73.0, 74.1),
}
BMI = {
    "women": (19.5, 20.7, 23.3, 27.3, 32.5, 38.2, 42.0),
    "men": (20.7, 22.2, 24.7, 27.8, 31.5, 35.8, 39.2),
}


def drawn(count=20_000, seed=0, **settings):
    return draw_people(PopulationConfig(**settings), count, np.random.default_rng(seed))


@pytest.mark.parametrize(("sex", "women"), [("women", 1.0), ("men", 0.0)])
def test_stature_and_mass_are_those_of_the_survey(sex, women):
    everybody = {"stature": Range(1.0, 2.5), "mass": Range(20.0, 400.0)}
    people = drawn(women=women, **everybody)
    np.testing.assert_allclose(
        np.percentile(people.stature_N, PERCENTS), INCH * np.array(STATURE[sex]), atol=0.007
    )
    bmi = people.mass_N / people.stature_N**2
    np.testing.assert_allclose(np.percentile(bmi, PERCENTS), BMI[sex], rtol=0.05)


def test_proportions_spread_as_among_people_of_one_stature():
    people = drawn()
    lean = drawn(mass=Range(20, 400, spread=0.0))
    for values, spread in (
        (people.arms_N, 0.032),
        (people.legs_N, 0.0275),
        (lean.shoulders_N, 0.035),
    ):
        assert values.mean() == pytest.approx(1, abs=0.003)
        assert values.std() == pytest.approx(spread, rel=0.04)
        assert abs(np.corrcoef(values, people.stature_N)[0, 1]) < 0.03
    assert np.corrcoef(people.arms_N, people.legs_N)[0, 1] == pytest.approx(0.36, abs=0.03)
    assert np.corrcoef(people.torso_N, people.legs_N)[0, 1] < -0.98


def test_heavier_people_have_broader_shoulders():
    people = drawn(shoulders=Range(0.5, 1.5))
    bmi = people.mass_N / people.stature_N**2
    slope = np.polyfit((bmi - 27.5) * people.stature_N**2, people.shoulders_N, 1)[0]
    assert slope == pytest.approx(0.567 / 415.7, rel=0.05)


def test_nobody_lies_outside_of_the_ranges():
    limits = {
        "stature": Range(1.6, 1.7),
        "mass": Range(60, 70),
        "arms": Range(0.97, 1.0),
        "legs": Range(0.98, 1.03),
        "torso": Range(0.97, 1.01),
        "shoulders": Range(1.1, 1.15),
    }
    people = drawn(2000, **limits)
    for name, limit in limits.items():
        values = getattr(people, f"{name}_N")[1:]
        assert limit.least <= values.min() <= values.max() <= limit.most
        assert np.ptp(values) > 0.2 * (limit.most - limit.least)


def test_a_range_of_one_value_and_no_spread_are_what_they_say():
    people = drawn(50, stature=Range(1.8, 1.8), arms=Range(1.2, 1.2), legs=Range(0.5, 2, 0.0))
    np.testing.assert_array_equal(people.stature_N[1:], 1.8)
    np.testing.assert_array_equal(people.arms_N[1:], 1.2)
    np.testing.assert_allclose(people.legs_N, 1.0, atol=1e-9)
    np.testing.assert_allclose(people.torso_N, 1.0, atol=1e-9)


def test_among_the_very_tall_there_are_few_women():
    heaviest = Range(20, 400, spread=0.0)
    tall = drawn(4000, stature=Range(1.85, 2.5), mass=heaviest)
    # Without spread a body mass index tells the sex: 27.3 of women, 27.8 of men.
    women = np.mean(tall.mass_N[1:] / tall.stature_N[1:] ** 2 < 27.55)
    assert women < 0.02
    assert np.mean(drawn(4000, mass=heaviest).mass_N / drawn(4000).stature_N ** 2 < 27.55) > 0.4


def test_the_first_is_the_reference_whatever_the_ranges():
    people = drawn(3, stature=Range(1.9, 2.0), arms=Range(1.1, 1.12))
    for name, value in vars(reference_person()).items():
        assert getattr(people, name)[0] == value[0]
    assert people.stature_N[0] == 1.70


def test_the_same_seed_gives_the_same_people():
    for name, values in vars(drawn(20)).items():
        np.testing.assert_array_equal(values, getattr(drawn(20), name))
        assert name == "torso_N" or not np.array_equal(values, getattr(drawn(20, seed=1), name))


@pytest.mark.parametrize(
    "settings",
    [
        {"stature": Range(2.9, 3.0)},
        {"stature": Range(1.8, 1.7)},
        {"mass": Range(-5.0, 60.0)},
        {"arms": Range(1.1, 1.0)},
        {"arms": Range(1.6, 1.7)},
        {"legs": Range(1.5, 1.6)},
        {"shoulders": Range(1.8, 2.0)},
        {"mass": Range(700.0, 900.0)},
        {"torso": Range(1.15, 0.85)},
    ],
)
def test_a_range_that_nobody_is_in_is_one_clear_line(settings):
    with pytest.raises(UserError, match=f"body.population.{next(iter(settings))}: hardly") as error:
        drawn(5, **settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"women": 50.0}, "body.population.women=50: give a share from 0 to 1"),
        ({"women": -1.0}, "body.population.women=-1: give a share from 0 to 1"),
        ({"arms": Range(0.9, 1.1, -1.0)}, "body.population.arms.spread=-1: give 0 or more"),
    ],
)
def test_shares_and_spreads_that_cannot_be(settings, message):
    with pytest.raises(UserError, match=message):
        drawn(5, **settings)
