"""What `sam build` would deploy, faster: the layer's packages are installed once for each state of the lock."""

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tools.region.layout import ROOT, Layout
from tools.region.processes import RegionError

_LAYER_SOURCE = ROOT / "layers" / "shared" / "python"
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


def build_layer(layout: Layout) -> bytes:
    """Build the layer under .local and return a zip that points Python there.

    Each warm Lambda process of the emulator unpacks its layers anew, without byte code; a pointer instead of
    30 MB turns a cold start from seconds into a fraction of one.
    """
    requirements = _LAYER_SOURCE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    packages = layout.build / f"packages-{digest}"
    if not packages.exists():
        _install(layout, requirements, packages)
    code = layout.build / "code"
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(_LAYER_SOURCE, code, ignore=_IGNORED)
    # In front, as /opt/python is in front of the runtime's own packages.
    pointer = f"import sys; sys.path[:0] = [{str(code)!r}, {str(packages)!r}]\n"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return zipped({f"python/lib/{version}/site-packages/layer.pth": pointer.encode()})


def build_function(folder: Path) -> bytes:
    """Return the zip of one function folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    if not files:
        raise RegionError(f"{folder.relative_to(ROOT)} of template.yaml is empty or missing")
    return zipped({str(path.relative_to(folder)): path.read_bytes() for path in files})


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip file of these contents by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _install(layout: Layout, requirements: Path, packages: Path) -> None:
    for old in layout.build.glob("packages-*"):
        shutil.rmtree(old, ignore_errors=True)
    draft = layout.build / "packages.new"
    shutil.rmtree(draft, ignore_errors=True)
    options = ["--require-hashes", "-r", str(requirements), "--target", str(draft)]
    uv = Path(sys.executable).parent / "uv"
    tries = [
        [str(uv), "pip", "install", "-q", "--python", sys.executable, "--compile-bytecode", *options],
        [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", *options],
    ]
    for command in tries:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            draft.rename(packages)
            return
    raise RegionError(f"the layer's packages could not be installed:\n{done.stderr.strip()[-2000:]}")
