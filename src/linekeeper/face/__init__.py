"""The public face holds what `import linekeeper` offers: policies, replays, training data, and engines over stores.

It is thin: it reads what people hand in, calls the rooms below, and gives back values that people can read. Days are
`datetime.date`, instants are aware `datetime`s in the policy's time zone, and money is a whole number of minor units
under a name that ends in `_minor`.
"""
