"""Limits that no test meets by chance; what they do is tested where they are set."""

RAISED_LIMITS = dict.fromkeys(
    ("RATE_WRITE_PER_MINUTE", "RATE_QUERY_PER_MINUTE", "RATE_BATCH_PER_MINUTE", "RATE_SERVICE_PER_MINUTE"), "1000000"
)
"""Whoever floods the functions counts as anybody does, and is never refused for it."""
