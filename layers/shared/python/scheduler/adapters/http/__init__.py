"""Neighbour services over HTTP."""
