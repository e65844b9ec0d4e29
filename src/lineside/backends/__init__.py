"""Tensor libraries: one file or package each, imported on use."""
