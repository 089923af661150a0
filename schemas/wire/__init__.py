"""One module per vendor: routes, read, split, reply, refuse for the edge; decode for processors."""
