"""Types: from the tree of an expression to the checked nodes of `model`, every fault named."""
