"""Its folder goes on the path: the oracles and instances here serve the folders below too."""
