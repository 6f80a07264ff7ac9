"""Trains the placement model from how sessions ended."""
