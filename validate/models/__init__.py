"""The user's own network: read, measured beside its prediction, judged, initialised, watched."""
