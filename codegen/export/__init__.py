"""Taking the code along: a folder for another build system, complete with example, test and manual."""

from .formats import FORMATS, Package
from .package import ExportError, export_plan

__all__ = ["FORMATS", "ExportError", "Package", "export_plan"]
