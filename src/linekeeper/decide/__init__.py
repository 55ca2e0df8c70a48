"""From a kernel's row to a decision: reasons, record, hash. Pure."""
