"""`ikun benchmark …`: the speed and accuracy of ikun, beside its peers. Each benchmark is one file and one entry point of the
group `ikun.benchmarks`."""
