"""Wires the fleet: look-ups, devices' lives, and what devices report."""

from functools import lru_cache

from scheduler.adapters.postgres.device_reports import PostgresDeviceReports
from scheduler.adapters.postgres.fleet import PostgresFleet
from scheduler.runtime import _available_cache, database, meter
from scheduler.runtime.interventions import get_failover
from scheduler.service.device_life import DeviceLife
from scheduler.service.device_reports import Reports
from scheduler.service.inventory import Inventory


@lru_cache(maxsize=1)
def get_inventory() -> Inventory:
    """Wire the operators' look-ups of devices."""
    return Inventory(PostgresFleet(database()))


@lru_cache(maxsize=1)
def get_device_life() -> DeviceLife:
    """Wire what leads devices through their lives."""
    return DeviceLife(PostgresFleet(database()), get_failover(), _available_cache(), meter())


@lru_cache(maxsize=1)
def get_reports() -> Reports:
    """Wire what devices tell of themselves."""
    return Reports(PostgresDeviceReports(database()), _available_cache())
