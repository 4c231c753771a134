"""A local page to look at the library; nobody but who started it gets in."""
