"""What runs the neurons: plain tensors, compiled, Triton."""
