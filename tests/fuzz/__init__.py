"""Sends the API what nobody should send, for minutes, and watches what it does to it: `make fuzz`."""
