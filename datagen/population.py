"""Adults: how stature, mass and proportions are spread, and people drawn accordingly.

Stature and body mass index follow the adults of 20 years and over of NHANES 2007-2010 (Fryar, Gu,
Ogden 2012, Vital and Health Statistics 11(252), tables 10, 12, 14 and 15), each sex apart.
Proportions follow ANSUR II (Gordon et al. 2014, NATICK/TR-15/007): regressions of its men's
lengths on stature and mass give how far they vary among people of one stature and mass. What of
this was checked against the report, and what was not, stands in docs/bodies.md.

Shape letters: N people.
"""

from dataclasses import dataclass, field, fields
from typing import NoReturn

import numpy as np
from scipy.special import ndtr, ndtri

from cluster.errors import UserError
from datagen.motion import Array

# Mean and standard deviation of stature, metres; median of the body mass index, kg/m2, and the
# standard deviation of its logarithm: both spreads from the published 5th and 95th percentile.
WOMEN = (1.621, 0.0703, 27.3, 0.233)
MEN = (1.760, 0.0757, 27.8, 0.194)
# Standard deviation of lengths among people of one stature, relative to the length.
ARMS_SPREAD = 0.032
LEGS_SPREAD = 0.0275
# Long legs are a short torso: hip to ankle is 1.73 times as long as pelvis to neck, and what the
# one gains of a given stature the other loses.
TORSO_PER_LEGS = -1.73
# Partial correlation of arm span and lower leg given stature (Harman 1976, table 2.3).
ARMS_WITH_LEGS = 0.36
# Biacromial breadth among people of one stature and mass, and its growth with each kilogram.
SHOULDERS_SPREAD = 0.035
SHOULDERS_PER_KG = 0.567 / 415.7
REFERENCE_STATURE = 1.70
# Fewer people than this share in a range are nobody.
HARDLY_ANYBODY = 1e-6


@dataclass
class Range:
    """What of a population is drawn.

    Attributes:
        least, most: limits, outside of which nobody is drawn.
        spread: 1 for the population's own, 0 for none.
    """

    least: float
    most: float
    spread: float = 1.0


@dataclass
class PopulationConfig:
    """Which people are drawn.

    Attributes:
        women: share of women among them.
        stature: metres.
        mass: kilograms.
        arms, legs, torso, shoulders: length of arms, legs and torso and width of the shoulders,
            relative to what goes with the person's stature.
    """

    women: float = 0.5
    stature: Range = field(default_factory=lambda: Range(1.45, 2.00))
    mass: Range = field(default_factory=lambda: Range(40.0, 160.0))
    arms: Range = field(default_factory=lambda: Range(0.88, 1.12))
    legs: Range = field(default_factory=lambda: Range(0.90, 1.10))
    torso: Range = field(default_factory=lambda: Range(0.85, 1.15))
    shoulders: Range = field(default_factory=lambda: Range(0.85, 1.20))


@dataclass(frozen=True)
class People:
    """N people.

    Attributes:
        stature_N: metres.
        mass_N: kilograms.
        arms_N, legs_N, torso_N, shoulders_N: relative to what goes with the stature.
    """

    stature_N: Array
    mass_N: Array
    arms_N: Array
    legs_N: Array
    torso_N: Array
    shoulders_N: Array

    def rows(self) -> dict[str, list[float]]:
        """Return the measures by name, rounded, for JSON."""
        return {name[:-2]: np.round(values, 4).tolist() for name, values in vars(self).items()}


def draw_people(config: PopulationConfig, count: int, rng: np.random.Generator) -> People:
    """Return `count` people: first the reference, then such as live.

    Raises UserError for a range in which hardly anybody lies.
    """
    _check(config)
    chance_6N = rng.uniform(size=(6, count))
    woman_N = chance_6N[0] < _share_of_women(config)
    mean, deviation, bmi, bmi_deviation = np.where(woman_N, np.array([WOMEN]).T, np.array([MEN]).T)
    stature = _draw("stature", config.stature, mean, deviation, chance_6N[1])
    mass = np.exp(_draw_mass(config.mass, bmi * stature**2, bmi_deviation, chance_6N[2]))
    legs = _draw("legs", config.legs, 1.0, LEGS_SPREAD, chance_6N[3])
    torso = 1 + config.torso.spread * TORSO_PER_LEGS * (legs - 1)
    torso = np.clip(torso, config.torso.least, config.torso.most)
    # What the legs say of the arms, and what they leave open.
    told = ARMS_WITH_LEGS * config.arms.spread * ARMS_SPREAD / LEGS_SPREAD * (legs - 1)
    open_spread = ARMS_SPREAD * np.sqrt(1 - ARMS_WITH_LEGS**2)
    arms = _draw("arms", config.arms, 1 + told, open_spread, chance_6N[4])
    heavier = mass - bmi * stature**2
    broad = 1 + config.shoulders.spread * SHOULDERS_PER_KG * heavier
    shoulders = _draw("shoulders", config.shoulders, broad, SHOULDERS_SPREAD, chance_6N[5])
    people = People(stature, mass, arms, legs, torso, shoulders)
    for values, own in zip(vars(people).values(), vars(reference_person()).values(), strict=True):
        values[:1] = own
    return people


def _check(config: PopulationConfig) -> None:
    if not 0 <= config.women <= 1:
        raise UserError(f"body.population.women={config.women:g}: give a share from 0 to 1")
    for name in (each.name.removesuffix("_N") for each in fields(People)):
        limits: Range = getattr(config, name)
        if not limits.spread >= 0:
            raise UserError(f"body.population.{name}.spread={limits.spread:g}: give 0 or more")
        if not limits.least <= limits.most:
            _nobody(name, limits)


def reference_person() -> People:
    """Return the person of 1.70 m, of median mass and usual proportions."""
    mass = (WOMEN[2] + MEN[2]) / 2 * REFERENCE_STATURE**2
    one = np.ones(1)
    return People(REFERENCE_STATURE * one, mass * one, one, one, one, one)


def _share_of_women(config: PopulationConfig) -> float:
    """Return how many of those whose stature is in range are women."""
    women, men = (
        share * _inside(config.stature, mean, config.stature.spread * deviation)
        for share, (mean, deviation, *_) in ((config.women, WOMEN), (1 - config.women, MEN))
    )
    if not women + men > HARDLY_ANYBODY and config.stature.least < config.stature.most:
        _nobody("stature", config.stature)
    return float(women / (women + men)) if women + men > 0 else config.women


def _inside(limits: Range, mean: float, deviation: float) -> float:
    if deviation == 0:
        return float(limits.least <= mean <= limits.most)
    edges = ndtr((np.array([limits.least, limits.most]) - mean) / deviation)
    return float(edges[1] - edges[0])


def _draw_mass(limits: Range, median: Array, deviation: Array, chance: Array) -> Array:
    """Return the logarithm of the mass, which is what is normally distributed."""
    if not 0 < limits.least <= limits.most:
        _nobody("mass", limits)
    logarithms = Range(np.log(limits.least), np.log(limits.most), limits.spread)
    return _draw("mass", logarithms, np.log(median), deviation, chance)


def _draw(
    name: str, limits: Range, mean: Array | float, deviation: Array | float, chance: Array
) -> Array:
    """Return normal values within limits, each from its chance in [0, 1)."""
    deviation = np.maximum(limits.spread * np.asarray(deviation), 1e-12)
    low = ndtr((limits.least - mean) / deviation)
    high = ndtr((limits.most - mean) / deviation)
    if limits.spread > 0 and limits.least < limits.most and (high - low).max() < HARDLY_ANYBODY:
        _nobody(name, limits)
    drawn = mean + deviation * ndtri(low + chance * (high - low))
    # Where the population ends before the limits begin, the limit itself is the nearest to it.
    return np.clip(drawn, limits.least, limits.most)


def _nobody(name: str, limits: Range) -> NoReturn:
    raise UserError(
        f"body.population.{name}: hardly anybody lies in {limits.least:g} to {limits.most:g}"
    )
