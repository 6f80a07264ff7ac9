"""A week of arrivals on the real services and a real Postgres, whose clock jumps from event to event."""
