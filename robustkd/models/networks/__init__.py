"""The networks that robustkd adds to timm: one file for each family."""
