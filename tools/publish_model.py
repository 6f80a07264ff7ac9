"""Have devices' records kept by a trained placement model: `make publish-model MODEL=model.json`.

The document is checked first; one that could not be a model changes nothing. The act is in the audit log, under --by.
DATABASE_URL names the database.
"""

import argparse
import getpass
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from scheduler.acting import Acting, act_for, on_nobodys_behalf
from scheduler.adapters.postgres.connection import Database, NotAConnectionUrl
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.domain.errors import Unavailable
from scheduler.domain.placement_document import ModelError, read_model
from scheduler.domain.placement_model import PlacementModel


def main(arguments: list[str] | None = None) -> int:
    """Check and publish, print what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make publish-model", description=__doc__)
    parser.add_argument("document", type=Path, help="the JSON document of the model")
    parser.add_argument("--by", default=getpass.getuser(), help="who publishes, for the audit log (default: you)")
    asked = parser.parse_args(arguments)
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        return _fail("say which database: make publish-model MODEL=model.json DATABASE_URL=postgresql://…")
    try:
        model = read_model(asked.document.read_bytes(), datetime.now(UTC))
    except OSError as error:
        return _fail(f"{asked.document} cannot be read: {error.strerror}")
    except ModelError as error:
        return _fail(f"{asked.document} is no model: {error}")
    return _publish(url, model, asked.by)


def _publish(url: str, model: PlacementModel, by: str) -> int:
    database = Database(lambda: url)
    try:
        with on_nobodys_behalf():
            act_for(Acting(operator=by, route="make publish-model"))
            PostgresLessons(database).publish(model, by)
    except NotAConnectionUrl:
        return _fail("DATABASE_URL cannot be used")
    except Unavailable as error:
        return _fail(f"the database does not answer: {error}")
    finally:
        database.close()
    print(f"{model.name}, trained {model.trained_at:%Y-%m-%d}, is published; GET /scheduler/strategy tells how it does")
    return 0


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
