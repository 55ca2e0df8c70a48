"""The service: one store online, over HTTP under `/v1`, with its own client.

It sits above the face and decides nothing. Each request becomes a call of the rooms below, its answer has the form that
the command of the same name prints with `--json`, and its errors have the codes of the public API.
"""
