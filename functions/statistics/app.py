"""The hourly statistics: a snapshot row and CloudWatch metrics."""

from scheduler.edge.schedule import scheduled
from scheduler.runtime import get_statistician

handler = scheduled(lambda: get_statistician().take())
