"""Files of weights: those that robustkd writes, and those of others."""
