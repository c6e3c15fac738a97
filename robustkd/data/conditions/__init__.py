"""What can be done to a training set: one file for each condition."""
