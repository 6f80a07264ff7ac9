"""Small real servers in place of the services that the scheduler works with."""
