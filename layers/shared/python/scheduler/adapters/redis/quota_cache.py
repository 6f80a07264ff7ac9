"""A quota document as a string in Redis."""

import json
from dataclasses import asdict
from datetime import datetime

from scheduler.domain.quota import QuotaDocument, QuotaLimits


def write_document(document: QuotaDocument) -> str:
    """Give the document as JSON."""
    return json.dumps(asdict(document), default=datetime.isoformat)


def read_document(text: str) -> QuotaDocument | None:
    """Read it back; None when it is not one (Redis may lie, and older versions may have written it)."""
    try:
        fields = json.loads(text)
        until = fields["valid_until"]
        return QuotaDocument(
            status=fields["status"],
            valid_until=until and datetime.fromisoformat(until),
            plan_name=fields["plan_name"],
            limits=QuotaLimits(**fields["limits"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
