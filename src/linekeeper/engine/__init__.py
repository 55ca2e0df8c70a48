"""The only loop with effects: receive, review, authorise, verify."""
