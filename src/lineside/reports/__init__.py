"""What people look at: plots, event files of TensorBoard, lines and bars in a terminal."""
