import os
import stat
import subprocess
import sys

import pytest

from cluster.auth_token import make_token, settle
from cluster.errors import UserError


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_token_is_made_once_and_only_its_owner_can_read_it(home, monkeypatch):
    token = make_token()
    path = home / ".ray" / "auth_token"
    assert len(token) == 64
    assert path.read_text() == make_token() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["auth_token"]
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "elsewhere"))
    assert make_token() == (home / "elsewhere").read_text() != token
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    assert make_token() == "given"


def test_an_empty_token_is_no_token(home):
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").touch()
    with pytest.raises(UserError, match="auth_token: holds no token"):
        make_token()


def test_another_cluster_is_not_asked_without_a_token(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(UserError, match="copy this file from the cluster's head"):
        settle(of_one_s_own=False)


# Ray reads its environment when it is imported, and other processes make tokens meanwhile.
ORDER = """
import os
import ray
from cluster.auth_token import make_token
from cluster.connect import ClusterConfig, connected
from cluster.errors import UserError

if os.fork() == 0:
    make_token()
    os._exit(0)
os.wait()
try:
    with connected(ClusterConfig(address="127.0.0.1:1"), ()):
        pass
except UserError:
    print("refused")
for _ in range(2):
    with connected(ClusterConfig(workers=1), ()):
        print(ray.get(ray.remote(lambda: os.environ["RAY_AUTH_MODE"]).remote()))
"""


@pytest.mark.parametrize(("given", "mode"), [(None, "token"), ("disabled", "disabled")])
def test_what_came_before_does_not_matter_to_a_cluster_of_one_s_own(home, given, mode):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    if given:
        environment["RAY_AUTH_MODE"] = given
    done = subprocess.run(
        [sys.executable, "-c", ORDER],
        capture_output=True,
        text=True,
        timeout=200,
        env=environment | {"HOME": str(home)},
    )
    assert done.stdout.split() == ["refused", mode, mode], done.stderr
