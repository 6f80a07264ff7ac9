"""A million operations: nothing grows that should not."""
