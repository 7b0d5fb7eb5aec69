"""The command line: `ikun` and its commands, options and console."""
