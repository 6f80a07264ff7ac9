"""Where AWS events become calls of use cases, and answers become HTTP."""
