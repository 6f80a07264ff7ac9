"""docs/mutation.md: the score, and every survivor."""

from collections.abc import Sequence

from tools.mutation.results import Mutant, score, survivors
from tools.mutation.workplace import ROOT

DOCUMENT = ROOT / "docs" / "mutation.md"
LOWEST_SCORE = 0.85

_HEAD = """# Mutation testing of the domain

Written by `make mutation`; `make mutation ARGS=--check` fails when it is not so any more. Small bugs are put into
`scheduler.domain` one at a time (mutmut: other constants, comparisons, operators, texts, arguments), and the tests of
`tests/unit/domain` should fail on each. Decorated classes, properties and the tables' lambdas, which mutmut passes
over, are rewritten in the copy that it works on. Plain constants, enum members and field defaults are not mutated, nor
is the assertion of `zip` that both are equally long.

At least {lowest:.0%} must be seen, and each survivor is explained in `tools/mutation/explained.toml`.
"""


def document(mutants: Sequence[Mutant]) -> str:
    """Give the whole document."""
    alive = survivors(mutants)
    parts = [
        _HEAD.format(lowest=LOWEST_SCORE),
        f"Score: **{score(mutants):.1%}** ({len(mutants) - len(alive)} of {len(mutants)} mutants).\n",
        _by_module(mutants),
        "## Survivors\n\n" + (_listed(alive) if alive else "None.\n"),
    ]
    return "\n".join(parts)


def _by_module(mutants: Sequence[Mutant]) -> str:
    rows = ["| module | mutants | survived |", "| --- | ---: | ---: |"]
    for module in sorted({mutant.module for mutant in mutants}):
        own = [mutant for mutant in mutants if mutant.module == module]
        rows.append(f"| {module} | {len(own)} | {len(survivors(own))} |")
    return "\n".join(rows) + "\n"


def _listed(alive: Sequence[Mutant]) -> str:
    return "".join(
        f"- `{mutant.module}.{mutant.function}`: {mutant.why or '**not explained**'}\n"
        f"  - was: `{mutant.was}`\n  - becomes: `{mutant.becomes}`\n"
        for mutant in alive
    )
