"""Redis makes things fast and polite. Nothing here may be needed for a right answer."""
