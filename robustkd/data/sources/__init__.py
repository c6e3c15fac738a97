"""Where images come from: one file for each data set or format."""
