"""The token that Ray's ports ask for: on unless the user has turned it off.

Ray reads RAY_AUTH_MODE when it is imported and keeps the token it has found. Here both are settled
before anything connects, so that it does not matter what was imported or started earlier.
"""

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from cluster.errors import UserError

MODE = "RAY_AUTH_MODE"
# As Ray does, first to last: the token itself, a file that holds it, the file at its usual place.
VALUE, PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def token_file() -> Path:
    """Return where the token lies or would lie."""
    return Path(os.environ.get(PATH) or Path.home() / ".ray" / "auth_token").expanduser()


def read_token() -> str | None:
    """Return the token, or None where there is none."""
    if value := os.environ.get(VALUE, "").strip():
        return value
    try:
        return token_file().read_text().strip() or None
    except OSError:
        return None


def make_token() -> str:
    """Return the token; makes one that only the user can read where there is none.

    Raises UserError when its file cannot be written.
    """
    if token := read_token():
        return token
    path = token_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent) as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.link(file.name, path)
    except FileExistsError:
        pass  # another process was faster
    except OSError as error:
        raise UserError(f"{path}: the token cannot be written: {error.strerror}") from None
    if token := read_token():
        return token
    raise UserError(f"{path}: holds no token; delete it, a new one is made")


def asks_for_token() -> bool:
    """Say whether a token is asked for: unless RAY_AUTH_MODE is `disabled`."""
    return os.environ.setdefault(MODE, "token").lower() == "token"


def settle(of_one_s_own: bool) -> None:
    """Decide on the token before Ray connects: to a cluster of one's own, or to another one.

    Raises UserError where another cluster is to be asked and there is no token to show to it.
    """
    if asks_for_token():
        if of_one_s_own:
            make_token()
        elif not read_token():
            raise UserError(
                f"{token_file()}: there is no token; copy this file from the cluster's head, or "
                f"give {MODE}=disabled if that cluster asks for none"
            )
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
