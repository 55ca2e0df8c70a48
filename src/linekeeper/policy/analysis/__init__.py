"""What can be said of a policy by reading it alone, without its kernel: where a value matters, which way it moves."""
