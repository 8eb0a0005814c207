"""A process of `dse.pool`: reads what to do and then numbers from stdin, answers on stdout, ends when stdin does."""

import os
import sys
from contextlib import suppress

from dse.pool import receive, send


def main() -> None:
    """Serve; what the work prints goes to stderr, so that answers stay whole."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    work = receive(sys.stdin.buffer)
    while work is not None and (number := receive(sys.stdin.buffer)) is not None:
        try:
            answer = True, work(number)
        except Exception as error:
            answer = False, error
        send(answers, answer)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
