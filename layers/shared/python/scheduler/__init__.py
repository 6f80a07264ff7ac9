"""Lends cloud phones by the minute: the domain, its use cases and their adapters, shared by every Lambda function."""
