"""Run a mended cell once, and leave the person's session as it was.

The changed cell runs on the names, objects, variables and random state as they were before the
cell; afterwards all of them are put back as the cell left them.
"""

from __future__ import annotations

CANNOT_BE_PUT_BACK = (
    "What a mended cell does outside of this Python session is done twice when it is tried: files "
    "that it writes, what it sends over the network, and the time that it takes. The same goes for "
    "what other processes and threads do, for how far an iterator or dataset was read, for objects "
    "of other libraries that it changes in place, and for random ops of a tf.function that was "
    "traced before, or with a seed of their own."
)
"""What a try can't undo, said beside the option."""
