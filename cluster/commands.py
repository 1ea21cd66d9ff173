"""Programs of several commands, such as `python -m datagen COMMAND ...`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.errors import UserError


@dataclass(frozen=True)
class Command:
    """One command of a program.

    Attributes:
        form: its name and what follows it, as the usage shows it.
        says: what it does.
        run: takes what follows the name; returns the exit status.
    """

    form: str
    says: str
    run: Callable[[list[str]], int]

    @property
    def name(self) -> str:
        """What the user types."""
        return self.form.split()[0]


def run_command(program: str, commands: Sequence[Command]) -> int:
    """Run the command that the command line names; returns the exit status.

    Raises UserError for one that does not exist.
    """
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        rows = [f"  {command.form:<40} {command.says}" for command in commands]
        print("\n".join([f"python -m {program} COMMAND", "", *rows]))
        return 0
    for command in commands:
        if command.name == name:
            return command.run(arguments)
    known = ", ".join(command.name for command in commands)
    raise UserError(f"{name}: no such command; there are {known}")
