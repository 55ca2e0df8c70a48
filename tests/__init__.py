"""Tests. Shared pieces are imported by their full name: `from tests.oracle import ...`."""
