"""The policy language: YAML with expressions, read once, type-checked, frozen."""
