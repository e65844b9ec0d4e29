"""SQLite files of a run, whatever their tables: how they are opened, what is trusted, what a killed writer leaves."""
