"""Late facts, reversals and duplicates: generated lives of borrowers, told late, against the oracle and the truth."""
