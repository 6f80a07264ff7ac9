"""Random lives of allocations through the real handlers under kills and redeliveries, and the books that they leave."""
