"""The two languages of the product, and the files that come with it under `policies/`.

Notices, lessons, regulation records and the description of a policy are written with this. The shipped files are data:
they are read once and do not change while the program runs.
"""
