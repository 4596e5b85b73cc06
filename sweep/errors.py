"""The errors that a user sees: one line each, without a traceback."""


class SweepError(Exception):
    """The input is wrong: the message says what arrived, where, and what would be right.

    `exit_code` is the process's exit status when the error reaches the command line.
    """

    exit_code = 2


class RunError(SweepError):
    """The input was right and the run failed all the same, a full disk for example."""

    exit_code = 1
