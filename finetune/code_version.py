"""Which version of the code decides a result: a digest of the modules that compute it.

Comments, docstrings and layout do not count, so that a result stays valid when only they change.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("datagen", "finetune", "pretrain")
# What these decide is part of a result's digest by itself: settings, windows, weights.
KNOWN_OTHERWISE = (
    "datagen.sample",
    "datagen.shards",
    "datagen.text",
    "finetune.config",
    "finetune.prepare",
    "finetune.rows",
    "finetune.targets",
    "finetune.windows",
    "pretrain.model",
    "pretrain.release",
)


@cache
def code_version(module: str) -> str:
    """Return a digest of `module` and of all that it imports from the project."""
    sources = {name: _meaning(_tree(name)) for name in _imported(module)}
    return hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:16]


def _imported(module: str) -> set[str]:
    """Return the modules reached from `module`, itself included."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached and not _is_known_otherwise(name):
            reached.add(name)
            waiting += _imports(name)
    return reached


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in ROOMS and _path(name))


def _is_known_otherwise(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in KNOWN_OTHERWISE)


@cache
def _path(module: str) -> Path | None:
    """Return the file of a module; None for a name that is none."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


@cache
def _tree(module: str) -> ast.Module:
    path = _path(module)
    assert path, module
    return ast.parse(path.read_text())


def _meaning(tree: ast.Module) -> str:
    """Return the code without its docstrings."""
    bare = ast.parse(ast.unparse(tree))
    for node in ast.walk(bare):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _has_docstring(node):
            node.body = node.body[1:]
    return ast.dump(bare)


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None
