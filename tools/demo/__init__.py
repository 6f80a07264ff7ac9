"""A day of five minutes, played against the running region; every step verifies what it tells."""
