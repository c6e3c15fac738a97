"""The charts and sentences that every evaluation uses."""
