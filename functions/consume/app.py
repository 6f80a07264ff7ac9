"""Events from outside: what befalls devices, users and payments changes who holds what."""

from scheduler.edge.queue import receiving
from scheduler.runtime.consumer import get_consumer

handler = receiving(lambda message: get_consumer().consume(message))
