"""What a part of the benchmark is."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.outcome import Outcome
from benchmarks.stage import Place

type Tell = Callable[[str], None]
"""Says what is done from now on, and moves the progress bar one step."""


@dataclass(frozen=True, slots=True)
class Part[F]:
    """One question with its measurement; `F` is a dataclass of numbers that say how much to measure."""

    name: str
    """In the command line, in the names of kept files, and as the prefix of its plots' names."""
    title: str
    quick: F
    full: F
    steps: Callable[[F], int]
    """How often `run` tells."""
    run: Callable[[Place, F, Tell], Outcome]
    """Measure, on a database of its own; raises WrongAnswer, and then nothing is written."""
