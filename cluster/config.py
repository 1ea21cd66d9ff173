"""Typed configuration: a dataclass, a YAML preset, then key=value overrides, in this order.

The value of an override is YAML, except for a key that is a text: that is taken as it is typed.
"""

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationKeyError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)
from yaml import MarkedYAMLError, YAMLError

from cluster.errors import UserError
from cluster.secrets import redacted
from cluster.storage import Location

Schema = TypeVar("Schema")


def load_config(schema: type[Schema], preset: Location | None, overrides: Sequence[str]) -> Schema:
    """Build a `schema` from its defaults, the YAML file `preset` and `key=value` overrides.

    A preset with a key `base`, the path of another from its own folder, is laid over that one.
    Raises UserError, naming the place, the key and the nearest known key, for a preset that
    cannot be read, an unknown key, a value of the wrong type or a ${...} that leads to nothing.
    """
    config = OmegaConf.structured(schema)
    for place, layer in _layers(schema, preset, overrides):
        try:
            config = OmegaConf.merge(config, layer)
        except OmegaConfBaseException as error:
            raise UserError(f"{place}: {_explain(error)}") from None
        # A list where a mapping belongs, or the other way round.
        except TypeError as error:
            raise UserError(f"{place}: {_first_line(error)}") from None
    try:
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            raise UserError(f"config: {missing[0]} has no value; give it as {missing[0]}=VALUE")
        return cast(Schema, OmegaConf.to_object(config))
    except OmegaConfBaseException as error:
        raise UserError(f"config: {_explain_reference(error)}") from None


def keys_of(preset: Location) -> set[str]:
    """Return the keys at the top of a preset and of those it is laid over; raises as above."""
    return {str(key) for _, layer in _presets(preset, ()) for key in layer}


def config_text(config: object) -> str:
    """Return a resolved config dataclass as YAML."""
    return OmegaConf.to_yaml(OmegaConf.structured(config), resolve=True)


def save_config(config: object, path: Path) -> None:
    """Write a resolved config dataclass as YAML."""
    path.write_text(config_text(config))


def _layers(
    schema: type, preset: Location | None, overrides: Sequence[str]
) -> Iterable[tuple[str, DictConfig]]:
    if preset is not None:
        yield from _presets(preset, ())
    for override in overrides:
        if "=" not in override:
            raise UserError(f"{override}: an override has the form key=value")
        try:
            yield override, _read_override(schema, override)
        except (OmegaConfBaseException, YAMLError, UnicodeError) as error:
            raise UserError(
                f"{override}: {_first_line(error)}; quote a value that is no YAML, as in "
                "'key=\"VALUE\"'"
            ) from None


def _read_override(schema: type, override: str) -> DictConfig:
    key, _, value = override.partition("=")
    if "[" in key:
        raise UserError(f"{override}: give the whole list, {key.partition('[')[0]}=[...]")
    override.encode()  # no key and no value has bytes that are no text
    kind = _kind_at(schema, key)
    is_null = value.lower() in ("null", "~") or (value == "" and kind is not str)
    is_quoted = value[:1] in ("'", '"') and value[1:].endswith(value[0])
    if _without_none(kind) is not str or is_null or is_quoted:
        return OmegaConf.from_dotlist([override])
    # As YAML 007 would be a number, 12:30:00 another, `on` a truth, and `run #2` end at the space.
    layer = OmegaConf.create()
    OmegaConf.update(layer, key, value)
    return layer


def _kind_at(kind: Any, key: str) -> Any:
    """Return the type that a schema gives a key such as `a.b`, or None."""
    for name in key.split("."):
        kind = _without_none(kind)
        if is_dataclass(kind):
            kind = get_type_hints(kind).get(name)
        elif get_origin(kind) in (dict, list):
            kind = get_args(kind)[-1]
        else:
            return None
    return kind


def _without_none(kind: Any) -> Any:
    kinds = [each for each in get_args(kind) if each is not NoneType]
    return kinds[0] if get_origin(kind) in (Union, UnionType) and len(kinds) == 1 else kind


def _presets(preset: Location, above: tuple[Location, ...]) -> Iterable[tuple[str, DictConfig]]:
    """Return the preset after those it is laid over."""
    if preset.resolve() in above:
        raise UserError(f"{redacted(preset)}: is laid over itself by the key base")
    layer = _read_preset(preset)
    try:
        base = layer.pop("base", None)
    except OmegaConfBaseException as error:
        raise UserError(f"{redacted(preset)}: {_explain_reference(error)}") from None
    if base is not None:
        yield from _presets(
            preset.parent / os.path.expanduser(str(base)), (*above, preset.resolve())
        )
    yield redacted(preset), layer


def _read_preset(preset: Location) -> DictConfig:
    place = redacted(preset)
    try:
        with preset.open(encoding="utf-8") as file:
            layer = OmegaConf.load(file)
    except FileNotFoundError:
        beside = preset.parent.glob("*.yaml") if isinstance(preset, Path) else ()
        known = sorted(str(path) for path in beside)
        there = f"; there are {', '.join(known)}" if known else ""
        raise UserError(f"{place}: no such config file{there}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{place}: cannot be read as YAML: {_problem(error)}") from None
    if not isinstance(layer, DictConfig):
        raise UserError(f"{place}: holds a list; a config file is a mapping of keys to values")
    return layer


def _explain(error: OmegaConfBaseException) -> str:
    key = str(error.full_key or error.key or "")
    # Within a list no more is told than the path from its element on.
    kind = error.object_type
    if isinstance(error, ConfigKeyError | ConfigAttributeError) and is_dataclass(kind):
        parent, _, leaf = key.rpartition(".")
        known = [field.name for field in fields(kind)]
        near = difflib.get_close_matches(leaf, known, n=1, cutoff=0.0)
        return f"unknown key {key}; the nearest known key is {_join(parent, near[0])}"
    return f"{key}: {_first_line(error)}" if key else _first_line(error)


def _explain_reference(error: OmegaConfBaseException) -> str:
    """Return what is wrong with a value that has a ${...} in it."""
    # No key is told where a list or a mapping should have come of it.
    text = f"{error.full_key or '${...}'}: {_first_line(error)}"
    if isinstance(error, InterpolationKeyError | UnsupportedInterpolationType):
        text += "; an environment variable is written ${oc.env:NAME}"
    return text


def _join(parent: str, leaf: str) -> str:
    return f"{parent}.{leaf}" if parent else leaf


def _problem(error: Exception) -> str:
    """Return what the parser of YAML found, and in which line."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return _first_line(error)
    return (
        f"line {error.problem_mark.line + 1}: {error.problem}; quote a text that holds "
        "{, }, [, ], #, a comma or a colon"
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
