"""Alerts: rules that say when something is wrong, and channels that carry it to people."""
