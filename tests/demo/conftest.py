"""The demo takes minutes of real time. Only `make demo-test` asks for its test: `make test` has to be quick."""

import os

ASKED_FOR = "DEMO_TEST"

collect_ignore_glob = [] if ASKED_FOR in os.environ else ["test_*.py"]
