"""What is known: the SQLite file, its catalogue and its queue."""
