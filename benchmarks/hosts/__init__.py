"""A training in each framework, with one callback of its own that does nothing or with Lineside's bridge."""
