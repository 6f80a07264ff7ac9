"""Read a quota where the gate's cache has none."""

from scheduler.domain.model import User
from scheduler.domain.quota import NO_DOCUMENT, QuotaDocument
from scheduler.ports import Gate, QuotaSource


def read_quota(user: User, quotas: QuotaSource, gate: Gate) -> QuotaDocument:
    """Read a user's quota document, and keep it for her next requests; a stand-in is not kept.

    Raises:
        QuotaServiceUnavailable: It cannot be read now.
    """
    document = quotas.document(user)
    if document is not NO_DOCUMENT:
        gate.remember_quota(user, document)
    return document
