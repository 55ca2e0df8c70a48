"""Public data sets, each in one module: how its file becomes events, and how it becomes a training table with its plan.

The files themselves are not part of the project; docs/reference/data.md says where they come from and what they hold.
"""
