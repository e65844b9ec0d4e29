"""Checkpoints: format, commit, reading, retention. Knows neither hosts nor backends nor tensors."""
