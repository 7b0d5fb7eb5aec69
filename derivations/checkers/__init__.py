"""The kinds of claims in derivations, one file each. A claim checks itself, and reports how; or it refuses."""
