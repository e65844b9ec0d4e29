"""Who is called when, on which thread, what it costs, and what happens when it fails."""
