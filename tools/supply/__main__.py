"""`python -m tools.supply check|write`: the checks of `make lint`, and the pages of `make sbom`."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from tools.supply import bill, licences, secrets, unsafe_code
from tools.supply.layout import BILL, LICENCES


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.supply", description=__doc__)
    parser.add_argument("command", choices=["check", "write"])
    if parser.parse_args().command == "write":
        LICENCES.write_text(licences.page())
        BILL.write_text(bill.text())
        return 0
    with ThreadPoolExecutor() as pool:
        scans = [pool.submit(scan) for scan in (unsafe_code.findings, secrets.findings)]
    packages = [*licences.of_layer(), *licences.of_development()]
    found = [line for scan in scans for line in scan.result()] + licences.unaccepted(packages)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print(f"{len(found)} findings; what is no fault belongs into tools/supply/reviewed.toml", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
