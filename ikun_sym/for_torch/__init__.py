"""For users of torch: `init_` functions and spikes."""
