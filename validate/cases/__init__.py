"""What is measured: a network beside its theory, and the observables."""
