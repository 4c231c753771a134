"""Find photos: by words, by meaning, by likeness."""
