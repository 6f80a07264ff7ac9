"""`python -m tools.byte_code [folder]`: compile the layer that `sam build` made.

Lambda unpacks a layer where nobody may write, so each cold start would compile all that it imports: as long again as
importing it. `sam build` leaves byte code out, since it is older than the file that it unpacks; this byte code is not
compared with its file when it is loaded, and is the same from each build of the same files.
"""

import compileall
import sys
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from py_compile import PycInvalidationMode

LAYER = "SharedLayer"
_MOUNTED_AT = "/opt"
_UNCHECKED = (0b01).to_bytes(4, "little")
"""Flags of PEP 552: by hash, and not compared when it is loaded."""


def compile_layer(built: Path) -> bool:
    """Compile every module of the built layer, by the path that Lambda gives it. Tells whether all could be."""
    return bool(
        compileall.compile_dir(
            built / LAYER,
            maxlevels=sys.getrecursionlimit(),
            stripdir=str(built / LAYER),
            prependdir=_MOUNTED_AT,
            force=True,
            quiet=1,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
    )


def not_compiled(built: Path) -> Iterator[str]:
    """Yield each module of the built layer whose byte code is missing, or is not of this file and this Python."""
    for source in sorted((built / LAYER).rglob("*.py")):
        compiled = Path(cache_from_source(source))
        right = MAGIC_NUMBER + _UNCHECKED + source_hash(source.read_bytes())
        if not compiled.is_file() or compiled.read_bytes()[: len(right)] != right:
            yield str(source.relative_to(built))


def main(arguments: list[str]) -> int:
    """Compile; return the exit code."""
    built = Path(arguments[0] if arguments else ".aws-sam/build")
    if not compile_layer(built):
        return 1
    left_out = list(not_compiled(built))
    for module in left_out:
        print(f"{module} has no byte code", file=sys.stderr)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
