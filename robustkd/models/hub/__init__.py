"""Networks that bring their weights from a hub, or from a folder as a hub has it."""
