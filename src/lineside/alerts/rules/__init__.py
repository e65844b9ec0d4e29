"""The rules of alerts, one a file; `lineside.alerts.making` knows them by name."""
