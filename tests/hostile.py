"""Names that try to break out of every language that a view writes."""

NAMES = {
    "script": "<script>alert(1)</script>",
    "quotes": "a\"b'c`d",
    "backslash": "a\\nb\\\\ c\\",
    "newline": "a\nb\r\nc",
    "unicode": "λ→日本語🙂é\u202eabc",
    "control": "\x1b[31mred\x00\x07",
    "entities": "&lt;&amp;&#39;",
    "dot": 'x];"{a|b}<c>[label="',
    "markdown": "|*_[x](y)~~`<!--",
    "attribute": '" onload="alert(1)',
    "long": "x" * 10_000,
}
