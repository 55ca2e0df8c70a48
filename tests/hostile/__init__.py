"""Hostile files and arguments: whatever comes in, what goes out is an answer or one error with a code."""
