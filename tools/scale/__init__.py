"""What one database carries, and what becomes of latency, throughput and devices when there are several."""
