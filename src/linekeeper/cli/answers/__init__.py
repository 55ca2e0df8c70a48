"""What each command answers with `--json`: one type an answer, from which its JSON Schema is made."""
