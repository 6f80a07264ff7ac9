"""What goes over the wire, in its names (camelCase), and how it becomes the domain's. A file a resource."""
