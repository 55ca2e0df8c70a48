"""What a policy would have done: measured by labels that have dates of their own, and against another policy."""
