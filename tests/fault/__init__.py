"""Promises under fire: handlers in processes that die and freeze, parts that break, and a proof of what came of it."""
