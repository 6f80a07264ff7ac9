"""How fast allocate and release are through the real handlers, beside the same SQL alone on the same machine."""
