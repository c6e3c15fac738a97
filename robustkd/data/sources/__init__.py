"""The sources of images: one file for each data set or format."""
