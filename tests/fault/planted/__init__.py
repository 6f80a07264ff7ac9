"""Bugs to plant: each is what somebody would write, with the few steps that make it hurt."""

from tests.fault.planted import (
    cursor_relay,
    device_only_release,
    double_service,
    fence_ignored,
    forgotten_booking,
    impatient_claim,
    lazy_retry,
    merged_renewals,
    naive_allocate,
    newest_first,
    no_inbox,
    publish_first,
    quota_later,
    tokenless_unlock,
    unchecked_expiry,
)

BUGS = (
    naive_allocate.BUG,
    quota_later.BUG,
    publish_first.BUG,
    cursor_relay.BUG,
    unchecked_expiry.BUG,
    device_only_release.BUG,
    no_inbox.BUG,
    tokenless_unlock.BUG,
    lazy_retry.BUG,
    fence_ignored.BUG,
    merged_renewals.BUG,
    forgotten_booking.BUG,
    double_service.BUG,
    impatient_claim.BUG,
    newest_first.BUG,
)
