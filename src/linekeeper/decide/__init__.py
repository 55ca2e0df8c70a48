"""This room turns a row of the kernel into a decision: its reasons, its record, its hash. It has no effects."""
