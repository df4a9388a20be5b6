"""From rows to outcomes."""
