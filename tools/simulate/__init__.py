"""Simulates days of lending on the production services: how fleets, tiers and strategies fare; docs/simulator.md."""
