"""The local region: template.yaml deployed on this machine, on real Postgres and Valkey."""
