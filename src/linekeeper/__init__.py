"""Linekeeper keeps revolving credit lines in step with their risk: one YAML policy becomes one integer kernel."""
