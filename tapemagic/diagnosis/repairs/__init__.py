"""How a cell is mended: changes of text that keep formatting, comments and meaning.

Each module makes one kind of change; the causes choose among them. A repair that can't be made
mechanically raises :class:`~tapemagic.diagnosis.repairs.rewriter.NoRepair`, and the report then has
words and no code: a wrong fix is worse than none.
"""
