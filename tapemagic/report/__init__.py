"""The one object that shows and saves what was found."""

from tapemagic.report.archive import load
from tapemagic.report.model import Report

__all__ = ["Report", "load"]
