"""The pure core: models, policies, events and errors. No I/O, no clock, no environment."""
