"""The distillation statement: what each student retained, lost and inherited, and what is not known."""
