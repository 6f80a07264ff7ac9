"""Real Postgres and Valkey servers from Python packages, for tests, benchmarks and the local region."""

from tools.embedded.ports import free_port
from tools.embedded.postgres import POSTGRES_BIN, PostgresServer, as_role, postgres
from tools.embedded.server import EmbeddedServer, ServerError
from tools.embedded.valkey import ValkeyServer, valkey

__all__ = [
    "POSTGRES_BIN",
    "EmbeddedServer",
    "PostgresServer",
    "ServerError",
    "ValkeyServer",
    "as_role",
    "free_port",
    "postgres",
    "valkey",
]
