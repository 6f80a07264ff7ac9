#!/usr/bin/env bash
# Invoke every function in a container with the sample events (`make sam-local`). Settings: see image.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PWD/.venv/bin:$PATH exec python -m tools.sam_local "$@"
