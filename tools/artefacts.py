"""`python -m tools.artefacts [folder]`: hold what `make build` made to its sizes, and the layer to be compiled.

A large layer starts slowly, one without byte code as well.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tools.byte_code import LAYER, not_compiled
from tools.region import template

LAYER_MB = 40
FUNCTION_MB = 1
_MB = 1024 * 1024


def size_mb(folder: Path) -> float:
    """Return the size of all files below a folder, as Lambda unzips them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MB


def too_large(built: Path) -> Iterator[str]:
    """Yield one line for each artefact that is too large or missing."""
    limits = {LAYER: LAYER_MB} | dict.fromkeys(template.functions(template.load()), FUNCTION_MB)
    for name, limit in limits.items():
        if not (built / name).is_dir():
            yield f"{name} was not built"
        elif (size := size_mb(built / name)) >= limit:
            yield f"{name} has {size:.1f} MB, {limit} are allowed"


def main(arguments: list[str]) -> int:
    """Print what is too large or not compiled, or how large the layer is; return the exit code."""
    built = Path(arguments[0] if arguments else ".aws-sam/build")
    faults = [*too_large(built), *(f"{module} has no byte code" for module in not_compiled(built))]
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"The layer has {size_mb(built / LAYER):.1f} of {LAYER_MB} MB unzipped")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
