"""Several methods of the course on one network: trained together, cut, and exported to run without the course.

A pipeline is a list of stages. Read in this order: `exchange.py` (what workers send without TernGrad), `images.py` and
`language.py` (what each method means for a classifier and for a language model), `stages.py` (training and cutting),
`programs.py` (the result as a file of its own). This package stands on all methods; no method knows of it.
"""

from effdl_lite.pipeline.budget import trim_to_budget
from effdl_lite.pipeline.exchange import FloatExchange
from effdl_lite.pipeline.images import ImageTask
from effdl_lite.pipeline.language import LanguageTask
from effdl_lite.pipeline.programs import ProgramError, run_without_package, save_program
from effdl_lite.pipeline.stages import Outcome, Stage, Task, methods_of, run_stages

__all__ = [
    "FloatExchange",
    "ImageTask",
    "LanguageTask",
    "Outcome",
    "ProgramError",
    "Stage",
    "Task",
    "methods_of",
    "run_stages",
    "run_without_package",
    "save_program",
    "trim_to_budget",
]
