"""Bridges: one framework each, made a host. Imported on use."""
