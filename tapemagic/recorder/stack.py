"""Where the person's code is, above an op: found by walking up the stack, the dearest part of a row."""

from __future__ import annotations

from types import FrameType

from tapemagic.recorder.log import Log, Where

_MOST = 6
"""Frames of the person's that a place has."""


class Stack:
    """Walks up from an op to the person's frames.

    Inside Keras forty frames stand above an op. While a call runs, those above it stand still: they
    are walked once for the call, and what is found there is the end of each walk inside it.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[tuple[int, ...], tuple[Where, ...]] = {}  # rows share their places
        self._call: FrameType | None = None
        self._above_call: tuple[int, ...] = ()

    def places(self, frame: FrameType | None) -> tuple[Where, ...]:
        """The person's frames from ``frame`` up, innermost first."""
        key = self._walk(frame)
        if not key:
            return ()
        places = self._known.get(key)
        if places is None:
            places = self._known[key] = self._log.place(frame, _MOST)
        return places

    def enter(self, frame: FrameType) -> tuple[FrameType | None, tuple[int, ...]]:
        """A call begins whose frame this is; what :meth:`leave` is given when it ends."""
        outer = self._call, self._above_call
        self._above_call = self._walk(frame)
        self._call = frame
        return outer

    def leave(self, outer: tuple[FrameType | None, tuple[int, ...]]) -> None:
        """The call ended: go on with the one around it."""
        self._call, self._above_call = outer

    def _walk(self, frame: FrameType | None) -> tuple[int, ...]:
        """The person's frames by the ids of their codes, which ``_known`` keeps alive."""
        person, call = self._log.person, self._call
        key: tuple[int, ...] = ()
        while frame is not None:
            if frame is call:
                return key + self._above_call
            code = frame.f_code
            if code.co_filename in person:
                key += (id(code), frame.f_lasti)
                if code.co_name == "<module>" or len(key) >= 2 * _MOST:
                    break
            frame = frame.f_back
        return key
