"""PyTorch: the one package that imports torch at module level. It is imported on use."""
