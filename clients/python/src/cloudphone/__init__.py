"""Cloud phones by the minute: the Python client of the cloud phone scheduler."""

from cloudphone.aio import AsyncClient, AsyncPhone
from cloudphone.client import Client, Phone
from cloudphone.connection import Identity, identity_of
from cloudphone.errors import CloudPhoneError, NotReached, Problem, Refusal, UnreadableAnswer, WaitEnded
from cloudphone.flows import Retries
from cloudphone.holding import News
from cloudphone.keeping import Keeping
from cloudphone.models import Allocation, AllocationDetail, AllocationSummary, Renewal, RenewalOutlook, Waiter

__all__ = [
    "Allocation",
    "AllocationDetail",
    "AllocationSummary",
    "AsyncClient",
    "AsyncPhone",
    "Client",
    "CloudPhoneError",
    "Identity",
    "Keeping",
    "News",
    "NotReached",
    "Phone",
    "Problem",
    "Refusal",
    "Renewal",
    "RenewalOutlook",
    "Retries",
    "UnreadableAnswer",
    "WaitEnded",
    "Waiter",
    "identity_of",
]
