"""Use cases, one a module: each says in order what happens, and leaves the how to the ports."""
