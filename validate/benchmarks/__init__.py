"""What the engine does beside its peers, measured when asked: `ikun benchmark …`. Each benchmark is one file and one entry
point of the group `ikun.benchmarks`."""
