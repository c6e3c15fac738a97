"""The other process of `drawing_process`: draws each chart that it is sent, until its input ends."""

import os
import pickle
import sys
from typing import BinaryIO

from robustkd.reporting.drawing_process import pictures_of


def answer_all(requests: BinaryIO, answers: BinaryIO) -> None:
    """Draw charts one after another.

    Args:
        requests: Pairs of a Vega-Lite specification and a name, pickled.
        answers: Receives the pictures of each, or the exception that it raised, pickled.
    """
    while True:
        try:
            chart, name = pickle.load(requests)
        except EOFError:
            return
        try:
            answer: tuple[object, ...] | Exception = tuple(pictures_of(chart, name))
        except Exception as error:
            answer = error
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    answers_only = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not end up among the answers
    answer_all(sys.stdin.buffer, answers_only)
