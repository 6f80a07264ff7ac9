"""The stores in memory: held to the cases of the real ones, compared with Postgres step by step, and quick."""
