"""Evaluates the learned placement in simulated days, and writes docs/placement.md."""
