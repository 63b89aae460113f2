"""The diagram as a picture: drawn, made ready for a page, turned into PNG and PDF."""
