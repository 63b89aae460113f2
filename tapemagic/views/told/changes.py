"""The fix as a small diff."""

from __future__ import annotations

import difflib

CONTEXT = 1
LONGEST = 400  # letters of one line that are shown


def changes(before: str, after: str | None) -> list[tuple[str, str]]:
    """Return the changed lines with their sign: "-", "+", " ", or "⋮" between two places."""
    if after is None or before == after:
        return []
    old, new = before.splitlines(), after.splitlines()
    found: list[tuple[str, str]] = []
    for line in list(difflib.unified_diff(old, new, lineterm="", n=CONTEXT))[2:]:
        if line.startswith("@@"):
            if found:
                found.append(("⋮", ""))
        else:
            found.append((line[0], line[1:LONGEST]))
    return found
