"""What a measurement is, and how it is written and read: records, metrics, tidy tables, checks."""
