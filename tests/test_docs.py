"""What the README and the pages of docs/ name must exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
ANCHORED = re.compile(r"\]\((?!https?://)([^)#]*)#([^)]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PRESET = re.compile(r"configs/\w+/[\w/-]+\.yaml")
TARGET = re.compile(r"(?:`|^ *)(?:[A-Z_]+=\S+ )?make ([a-z][a-z-]*)(?=[`\s]|$)", re.MULTILINE)
COMMAND = re.compile(r"python -m (cluster|datagen|pretrain|finetune) ([a-z-]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_a_page_find_their_heading(page):
    lost = [
        f"{link}#{anchor}"
        for link, anchor in ANCHORED.findall(page.read_text())
        if (target := page.parent / link if link else page).suffix == ".md"
        and anchor not in {_anchor(head) for head in HEADING.findall(target.read_text())}
    ]
    assert not lost


def _anchor(heading):
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_presets_exist(page):
    missing = [
        name
        for name in PRESET.findall(page.read_text())
        if not (ROOT / name).exists() and not Path(name).stem.isupper()
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_and_commands_exist(page):
    makefile = (ROOT / "Makefile").read_text()
    text = page.read_text()
    missing = [name for name in TARGET.findall(text) if f"\n{name}:" not in makefile]
    missing += [
        f"{room} {name}"
        for room, name in COMMAND.findall(text)
        if name not in (ROOT / room / "__main__.py").read_text()
    ]
    assert not missing


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    assert [name for name in phony[1].split() if f"make {name} " not in listed] == []
