"""Takes a fleet and its lending over from another system's tables: `make adopt`, docs/adopting.md."""
