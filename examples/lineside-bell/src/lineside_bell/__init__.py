"""A package that brings a callback for Lineside along."""
