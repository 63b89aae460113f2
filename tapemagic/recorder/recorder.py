"""Arms the probes for one run and takes them down again, whatever happens."""

from __future__ import annotations

from collections.abc import Callable

from tapemagic.recorder.flow import Flow
from tapemagic.recorder.imports import ImportWatch
from tapemagic.recorder.kinds import Kinds
from tapemagic.recorder.log import Log
from tapemagic.recorder.patches import Patches, to_the_end
from tapemagic.recorder.private import Private, is_imported
from tapemagic.recorder.probes.backward import BackwardProbe
from tapemagic.recorder.probes.forward import ForwardProbe
from tapemagic.recorder.probes.functions import FunctionsProbe
from tapemagic.recorder.probes.ops import OpsProbe
from tapemagic.recorder.probes.tapes import TapesProbe
from tapemagic.recorder.probes.threads import ThreadsProbe
from tapemagic.recorder.probes.variables import VariablesProbe


class Recorder:
    """The probes of one run.

    Args:
        armed: Called once the probes listen, which is when TensorFlow is (or was) imported.
    """

    def __init__(self, armed: Callable[[], None] | None = None) -> None:
        self.log = Log()
        self.kinds = Kinds()
        self.flow = Flow(self.log, self.kinds)
        self.patches = Patches()
        self.private: Private | None = None
        self.tapes: TapesProbe | None = None
        self._armed = armed
        self._restores: list[Callable[[], None]] = []
        self._watch = ImportWatch({"tensorflow", "keras"}, self._imported)
        self._ops: OpsProbe | None = None

    def go_on(self, log: Log) -> None:
        """Write on in the rows of an earlier run."""
        log.person |= self.log.person
        self.log = self.flow.log = log

    def start(self) -> None:
        """Listen now, or as soon as the person's code imports TensorFlow."""
        import sys

        if is_imported():
            self._arm()
        if self.private is None or "keras" not in sys.modules:
            self._watch.install()

    def _imported(self, name: str) -> None:
        try:
            if self.private is None:
                if is_imported() or name == "tensorflow":
                    self._arm()
            elif name == "keras":
                self._arm_keras()
        except Exception as fault:
            self.log.fault("start", fault)

    def _arm(self) -> None:
        try:
            private = self.private = Private()
            ops = self._ops = OpsProbe(self.log, self.flow, private)
            backward = BackwardProbe(self.log, ops, private)
            self.tapes = TapesProbe(self.log, ops, self.kinds, private)
            self._functions = FunctionsProbe(self.log, ops, private)
            # First how to undo it: an interrupt may come while it is done.
            self._restores.append(ops.restore)
            ops.install(self.patches)
            self._restores.append(backward.restore)
            backward.install(self.patches)
            forward = ForwardProbe(self.log, ops, private)
            self._restores.append(forward.restore)
            forward.install(self.patches)
            self.tapes.install(self.patches)
            threads = ThreadsProbe(self.log, private)
            self._restores.append(threads.restore)
            threads.install(self.patches)
            VariablesProbe(self.log, private).install(self.patches)
            self._functions.install(self.patches)
            self._arm_keras()
            if self._armed is not None:
                self._armed()
        except Exception as fault:
            self.log.fault("start", fault)
            self._take_down()

    def _arm_keras(self) -> None:
        if self.tapes is not None:
            self.tapes.install_keras(self.patches)
            self._functions.install_keras(self.patches)

    def _take_down(self) -> None:
        for restore in reversed(self._restores):
            try:
                restore()
            except Exception as fault:
                self.log.fault("restore", fault)
        self._restores.clear()
        self.patches.restore()
        for observer in self.log.observers:
            observer.close()
        self.log.observers.clear()

    def stop(self) -> None:
        """Restore every attribute, callback and function, also when Ctrl-C comes in between."""
        for step in (self._watch.restore, self._take_down, self.flow.close):
            to_the_end(step)
