"""One run over the parts: what is kept stays, what is missing is measured and kept."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from rich.progress import Progress

from benchmarks.kept import Kept, Measured, commit_now, product_fingerprint
from benchmarks.machine import machine_facts
from benchmarks.part import Part
from benchmarks.stage import Stage

type OpenStage = Callable[[], AbstractContextManager[Stage]]


class Session:
    """Runs parts in one form ("quick" or "full")."""

    def __init__(self, form: str, kept: Kept, open_stage: OpenStage) -> None:
        """Measure on a stage that is opened only if something is to be measured."""
        self._form = form
        self._kept = kept
        self._open_stage = open_stage
        self._product = product_fingerprint()

    def missing(self, parts: Iterable[Part[Any]]) -> list[Part[Any]]:
        """Give the parts that are not kept, or were of another product or with other numbers."""
        return [
            part for part in parts if not self._kept.still_true(part.name, self._product, asdict(self._numbers(part)))
        ]

    def measure(self, parts: Sequence[Part[Any]], bar: Progress) -> None:
        """Measure parts one after the other, and keep each as soon as it is there.

        Raises:
            WrongAnswer: Some part got one. What was kept before stays.
        """
        if not parts:
            return
        task = bar.add_task("start Postgres and Valkey", total=sum(part.steps(self._numbers(part)) for part in parts))
        with self._open_stage() as stage:
            for part in parts:
                steps = 0

                def tell(doing: str, part: Part[Any] = part) -> None:
                    nonlocal steps
                    bar.update(task, advance=1 if steps else 0, description=f"{part.name}: {doing}")
                    steps += 1

                self._kept.add(self._measure(part, stage, tell))
                bar.update(task, advance=1)

    def _measure(self, part: Part[Any], stage: Stage, tell: Callable[[str], None]) -> Measured:
        numbers, machine, started = self._numbers(part), machine_facts(stage.postgres), time.monotonic()
        with stage.place(part.name) as place:
            outcome = part.run(place, numbers, tell)
        seconds = round(time.monotonic() - started, 1)
        return Measured(part.name, commit_now(), self._product, asdict(numbers), machine, seconds, outcome)

    def _numbers(self, part: Part[Any]) -> Any:
        return getattr(part, self._form)
