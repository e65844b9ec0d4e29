"""The outbox: deliveries that are recorded before they are tried, and tried until they arrive."""
