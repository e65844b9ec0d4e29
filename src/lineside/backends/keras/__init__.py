"""Keras as a tensor library: its models, optimizers and generators, on whichever backend it runs."""
