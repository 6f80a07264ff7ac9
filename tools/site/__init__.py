"""Makes the documents a site that can be searched: `make docs`."""
