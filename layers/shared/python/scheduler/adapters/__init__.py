"""The outside world behind the ports: Postgres, Redis, AWS and the neighbours over HTTP."""
