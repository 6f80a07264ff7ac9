"""How fast the scheduler is, each part beside what it could be at best, in the same run on the same machine."""
