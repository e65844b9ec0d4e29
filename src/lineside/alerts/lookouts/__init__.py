"""Where the values of rules come from: one file for each kind, with the hooks that it needs."""
