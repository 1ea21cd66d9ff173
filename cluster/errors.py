"""Mistakes that a user can mend end with one line, never with a traceback."""

import sys
from collections.abc import Callable
from typing import NoReturn

from cluster.secrets import redacted

USER_ERROR_STATUS = 2


class UserError(Exception):
    """Something the user can mend; the message names the file or key, what is wrong, what to do."""


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Run a command's main function and leave the process with its status.

    A UserError becomes one line on standard error and the status USER_ERROR_STATUS; an
    interruption from the keyboard becomes status 130. Anything else is a bug and keeps its
    traceback.
    """
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {redacted(error)}", file=sys.stderr)
        sys.exit(USER_ERROR_STATUS)
    except KeyboardInterrupt:
        print("interrupted; the same command continues the work", file=sys.stderr)
        sys.exit(130)
