"""Drives one real kernel, and sorts what a cell sends back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.manager import KernelManager

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_TIMEOUT = 120.0


@dataclass
class Outcome:
    """All that one execute request gave.

    Attributes:
        reply: Content of the execute reply.
        stdout: Text that the cell printed.
        stderr: Text on stderr, where usage errors and warnings go.
        displays: Data of each display that is not a report.
        reports: Data of each display that is one of ours.
        value: Data of the execute result, which is Out[n].
        error: Content of the error message.
        order: Kinds of the messages in order; equal ones in a row stand once.
    """

    reply: dict[str, Any]
    stdout: str = ""
    stderr: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    value: dict[str, Any] | None = None
    value_number: int | None = None
    error: dict[str, Any] | None = None
    order: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Give "ok" or "error", as Run All sees it."""
        return str(self.reply["status"])

    @property
    def text(self) -> str | None:
        """Give Out[n] as plain text."""
        return None if self.value is None else self.value["text/plain"]

    @property
    def report(self) -> str:
        """Give the only report as plain text."""
        (report,) = self.reports
        return str(report["text/plain"])

    @property
    def traceback(self) -> str:
        """Give the traceback without colours."""
        assert self.error is not None
        return _ANSI.sub("", "\n".join(self.error["traceback"]))


class Kernel:
    """A kernel process with a client to it."""

    def __init__(self, *arguments: str) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(extra_arguments=list(arguments))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=_TIMEOUT)

    def close(self) -> None:
        """End the kernel process."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def send(self, code: str, **kwargs: Any) -> str:
        """Ask for a cell to be run, and give the id of the request."""
        return self.client.execute(code, **kwargs)

    def collect(self, message_id: str) -> Outcome:
        """Wait for the end of a request, and give what it sent."""
        outcome = Outcome(reply={})
        while True:
            message = self.client.get_iopub_msg(timeout=_TIMEOUT)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            self._sort(outcome, kind, content)
        while not outcome.reply:
            reply = self.client.get_shell_msg(timeout=_TIMEOUT)
            if reply["parent_header"].get("msg_id") == message_id:
                outcome.reply = reply["content"]
        return outcome

    def interrupt(self, code: str) -> Outcome:
        """Run a cell that prints "go" and goes on for ever, and interrupt it."""
        message_id = self.send(code)
        while True:
            message = self.client.get_iopub_msg(timeout=_TIMEOUT)
            if message["msg_type"] == "stream" and "go" in message["content"]["text"]:
                break
        self.manager.interrupt_kernel()
        return self.collect(message_id)

    def run(self, code: str, **kwargs: Any) -> Outcome:
        """Run a cell, and give what it sent."""
        # A cell that was sent too soon after one that raised must not be aborted with it.
        return self.collect(self.send(code, stop_on_error=False, **kwargs))

    def done(self, code: str) -> Outcome:
        """Run a cell that must succeed."""
        outcome = self.run(code)
        assert outcome.status == "ok", outcome.traceback
        return outcome

    def value(self, code: str) -> str | None:
        """Run an expression, and give its repr."""
        return self.done(code).text

    def complete(self, code: str, position: int | None = None) -> list[str]:
        """Ask what Tab gives at a position, the end by default."""
        position = len(code) if position is None else position
        message_id = self.client.complete(code, position)
        while True:
            reply = self.client.get_shell_msg(timeout=_TIMEOUT)
            if reply["parent_header"].get("msg_id") == message_id:
                content = reply["content"]
                prefix = code[content["cursor_start"] : position]
                assert all(text.startswith(prefix) for text in content["matches"])
                return list(content["matches"])

    @staticmethod
    def _sort(outcome: Outcome, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream" and content["name"] == "stdout":
            outcome.stdout += content["text"]
        elif kind == "stream":
            outcome.stderr += content["text"]
        elif kind == "display_data":
            data = content["data"]
            ours = 'class="tapemagic' in data.get("text/html", "")
            (outcome.reports if ours else outcome.displays).append(data)
            kind = "report" if ours else kind
        elif kind == "execute_result":
            outcome.value = content["data"]
            outcome.value_number = content["execution_count"]
        elif kind == "error":
            outcome.error = content
        # How a stream is cut into messages is a matter of timing.
        if kind not in {"status", "execute_input"} and [kind] != outcome.order[-1:]:
            outcome.order.append(kind)
