"""What `lineside doctor` looks at: what is installed, this machine, the place where runs are written."""
