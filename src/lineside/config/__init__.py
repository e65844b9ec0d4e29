"""A training from a file: read with its places, checked as a whole, made into a trainer."""
