"""The usage queue: tell the user service what each allocation took and gave back."""

from scheduler.edge.queue import consuming
from scheduler.runtime import get_usage_deliverer

handler = consuming(lambda event: get_usage_deliverer().deliver(event))
