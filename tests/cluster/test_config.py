from dataclasses import dataclass, field
from pathlib import Path

import pytest
from omegaconf import MISSING

from cluster.config import load_config, save_config
from cluster.errors import UserError


@dataclass
class Inner:
    cutoff: float = 12.0
    names: list[str] = field(default_factory=list)


@dataclass
class Outer:
    bodies: int = 4
    folder: str = "runs"
    inner: Inner = field(default_factory=Inner)
    by_name: dict[str, Inner] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    several: list[Inner] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    column: str | None = "time"


@dataclass
class Needy:
    folder: str = MISSING


def preset(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "preset.yaml"
    path.write_text(text)
    return path


def test_overrides_win_over_the_preset_and_the_preset_over_the_defaults(tmp_path):
    path = preset(tmp_path, "bodies: 5\ninner: {cutoff: 8}\nby_name: {a: {cutoff: 3}}\n")
    config = load_config(Outer, path, ["bodies=6", "inner.names=[x,y]"])
    assert config == Outer(6, "runs", Inner(8.0, ["x", "y"]), {"a": Inner(3.0)})
    assert load_config(Outer, None, []) == Outer()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("bodys=5", "unknown key bodys; the nearest known key is bodies"),
        ("inner.cutof=5", r"unknown key inner\.cutof; the nearest known key is inner\.cutoff"),
        ("bodies=many", "bodies: .*many"),
        ("inner.cutoff=high", r"inner\.cutoff: .*high"),
        ("inner=[1]", r"inner=\[1\]: "),
        ("bodies", "has the form key=value"),
        ("sizes=[1.5]", r"sizes\[0\]: Value '1.5' of type 'float'"),
        ("several=[{cutof: 3}]", "unknown key cutof; the nearest known key is cutoff"),
        ("folder=T\udcfcr", "surrogates not allowed"),
        ("folder=${x}", "config: folder: .*'x' not found; an environment variable is written"),
    ],
)
def test_a_wrong_override_is_one_line_that_names_it(override, message):
    with pytest.raises(UserError, match=message) as caught:
        load_config(Outer, None, [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["run #2", "2026_01_05", "007", "1e3", "on", "12:30:00", "a: b", "[a]", "{person}/{wrist}.csv"],
)
def test_a_text_is_taken_as_it_is_typed(text):
    overrides = [f"folder={text}", f"column={text}", f"words.a={text}"]
    config = load_config(Outer, None, overrides)
    assert (config.folder, config.column, config.words) == (text, text, {"a": text})


def test_quotes_around_a_text_and_null_are_none_of_it():
    assert load_config(Outer, None, ['folder=","', "column='{a}.csv'"]).folder == ","
    assert load_config(Outer, None, ["column='{a}.csv'"]).column == "{a}.csv"
    assert load_config(Outer, None, ["folder=''"]).folder == ""
    assert load_config(Outer, None, ["folder="]).folder == ""
    for none in ("null", "~", ""):
        assert load_config(Outer, None, [f"column={none}"]).column is None
    with pytest.raises(UserError, match=r"^folder=null: folder: .*'None'"):
        load_config(Outer, None, ["folder=null"])
    assert load_config(Outer, None, ["folder='"]).folder == "'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inner: {cutof: 5}", r"preset\.yaml: unknown key inner\.cutof"),
        ("inner: [1, 2]", r"preset\.yaml: "),
        ("- 1", "holds a list"),
        ("a: [", "cannot be read as YAML"),
        ("x: 1\nfiles: {a}/{b}.csv", r"as YAML: line 2: .*; quote a text that holds"),
    ],
)
def test_a_wrong_preset_is_one_line_that_names_the_file(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        load_config(Outer, preset(tmp_path, text), [])
    assert "\n" not in str(caught.value)


ENVIRONMENT = r"; an environment variable is written \$\{oc\.env:NAME\}$"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folder: ${DATA}/bvh", f"config: folder: .*'DATA' not found{ENVIRONMENT}"),
        ("inner: {names: [x, '${DATA}']}", rf"inner\.names\[1\]: .*'DATA' not found{ENVIRONMENT}"),
        ("inner: ${DATA}", f"config: inner: .*'DATA' not found{ENVIRONMENT}"),
        ("folder: ${env:DATA}", f"config: folder: .* type env{ENVIRONMENT}"),
        ("folder: ${oc.env:DATA}", "config: folder: .*Environment variable 'DATA' not found"),
        ("bodies: ${folder}", "config: bodies: .*'runs'.* could not be converted"),
        ("inner: ${folder}", r"config: \$\{...\}: .*runs"),
        ("base: ${DATA}/first.yaml", rf"preset\.yaml: base: .*'DATA' not found{ENVIRONMENT}"),
    ],
)
def test_a_reference_that_leads_to_nothing_is_one_line(tmp_path, monkeypatch, text, message):
    monkeypatch.delenv("DATA", raising=False)
    with pytest.raises(UserError, match=message) as caught:
        load_config(Outer, preset(tmp_path, text), [])
    assert "\n" not in str(caught.value)


def test_references_lead_to_the_environment_and_to_other_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA", "/data")
    path = preset(tmp_path, "folder: ${oc.env:DATA}/bvh")
    config = load_config(Outer, path, ["inner.names=[x,'${folder}']"])
    assert config == Outer(folder="/data/bvh", inner=Inner(names=["x", "/data/bvh"]))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_preset_in_another_encoding_is_one_line(tmp_path, encoding):
    path = preset(tmp_path, "")
    path.write_bytes("folder: Türen\n".encode(encoding))
    with pytest.raises(UserError, match=r"preset\.yaml: is not UTF-8 text .*; save it") as caught:
        load_config(Outer, path, [])
    assert "\n" not in str(caught.value)
    path.write_bytes("folder: Türen\n".encode("utf-8-sig"))
    assert load_config(Outer, path, []).folder == "Türen"


def test_a_missing_preset_lists_those_that_exist(tmp_path):
    preset(tmp_path, "bodies: 1")
    with pytest.raises(UserError, match=r"there are .*preset\.yaml"):
        load_config(Outer, tmp_path / "presets.yaml", [])


def test_a_preset_is_laid_over_its_base(tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "first.yaml").write_text("bodies: 5\ninner: {cutoff: 8, names: [x]}\n")
    (tmp_path / "second.yaml").write_text("base: others/first.yaml\ninner: {names: []}\n")
    path = preset(tmp_path, "base: second.yaml\nfolder: elsewhere\n")
    config = load_config(Outer, path, ["inner.cutoff=9"])
    assert config == Outer(5, "elsewhere", Inner(9.0, []))


def test_a_wrong_base_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.yaml: no such config file"):
        load_config(Outer, preset(tmp_path, "base: nothing.yaml"), [])
    (tmp_path / "other.yaml").write_text("base: preset.yaml")
    with pytest.raises(UserError, match=r"preset\.yaml: is laid over itself"):
        load_config(Outer, preset(tmp_path, "base: other.yaml"), [])


def test_a_key_without_a_value_is_asked_for():
    with pytest.raises(UserError, match="folder=VALUE"):
        load_config(Needy, None, [])


def test_a_saved_config_is_the_config(tmp_path):
    config = Outer(by_name={"a": Inner(1.0)})
    save_config(config, tmp_path / "config.yaml")
    assert load_config(Outer, tmp_path / "config.yaml", []) == config
