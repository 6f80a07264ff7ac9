"""The bill of materials of the layer, in CycloneDX: made from the locked requirements, the same each time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.supply.layout import LAYER, ROOT
from tools.supply.licences import of_layer
from tools.supply.locked import read

_PROGRAM = Path(sys.executable).with_name("cyclonedx-py")
_SECONDS = 60


def text() -> str:
    """Give the document as it is kept in docs."""
    return json.dumps(document(), indent=1, sort_keys=True) + "\n"


def document() -> dict[str, Any]:
    """Have it made, then put right what a line of requirements cannot say.

    Which registry a package came from is no property of the package, so no reference to one stays. Hashes stand at
    the package: of each file that may be installed, whatever its platform. Licences are those of docs/licences.md.
    """
    bill = _made()
    packages = {package.name: package for package in read(LAYER)}
    licences = {one.package.name: one.licence for one in of_layer()}
    for component in bill["components"]:
        name = component["name"]
        component["bom-ref"] = component["purl"]
        component["hashes"] = [{"alg": "SHA-256", "content": one} for one in packages[name].hashes]
        component["licenses"] = [{"license": {"name": licences[name]}}]
        component.pop("description", None)
        component.pop("externalReferences", None)
        component.pop("properties", None)
    bill["components"].sort(key=lambda component: component["bom-ref"])
    for tool in bill["metadata"]["tools"]["components"]:
        tool.pop("externalReferences", None)
    root = bill["metadata"]["component"]
    root.pop("externalReferences", None)
    references = [component["bom-ref"] for component in bill["components"]]
    bill["dependencies"] = [{"ref": root["bom-ref"], "dependsOn": references}, *({"ref": one} for one in references)]
    return bill


def _made() -> dict[str, Any]:
    command = [
        *(str(_PROGRAM), "requirements", str(LAYER), "--pyproject", str(ROOT / "pyproject.toml")),
        *("--output-reproducible", "--of", "JSON", "--sv", "1.6", "--short-PURLs", "--validate"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True, cwd=ROOT)
    made: dict[str, Any] = json.loads(done.stdout)
    return made
