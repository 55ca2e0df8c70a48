"""The policy language: YAML with expressions, read once, type-checked, frozen.

From text to policy: `source` reads YAML with its places, `syntax` the expressions, `checker` gives every node its unit,
`kinds`, `reader` and `sections` read the parts of a file, and `load` makes the `Policy` of them. `model` and
`expression` hold what comes out; `functions` has one record for each function, measure and account fact.
"""
