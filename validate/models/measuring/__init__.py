"""One recorded run of a user's model: what its layers do, and whether they were read correctly."""
