"""What the machine gives to a training and what the training takes of it: CPUs, memory, disk, network, GPUs."""
