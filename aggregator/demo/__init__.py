"""A small feed publisher with texts of its own: the demo's sources and the end-to-end tests' publisher."""
