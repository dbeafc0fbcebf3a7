"""The protocols between a session and the drivers: what an instrument must be able to do.

A driver implements one of these protocols over a link; a session knows nothing else of it. A monitor's
stream goes into a ``Sink`` from a thread of the driver; commands and replies run in the session's thread.
All waiting is done on one injected ``Clock``, so that the same code runs in real time with instruments and
in virtual time with their twins.
"""

from __future__ import annotations

from energy.instruments.alarms import (
    BaudRateError,
    DutAnswerError,
    DutEchoError,
    DutError,
    DutIncompleteError,
    DutRefusalError,
    DutResetError,
    DutSilentError,
    IoManagerError,
    IoManagerRefusalError,
    IoManagerSilentError,
    LinkError,
    OverCurrentError,
    SilentError,
    no_samples,
    output_off,
    over_current,
    overload,
)
from energy.instruments.duts import (
    Dut,
    Inference,
    IoManager,
    Lap,
    LapTiming,
    Layer,
    Mode,
    Profile,
    Standing,
)
from energy.instruments.links import Clock, Deadline, Identity, Line, Traffic, Transcript, log_line
from energy.instruments.monitors import (
    GatedMonitor,
    Monitor,
    MonitorLimits,
    OwnEnergy,
    Quantizing,
    Setup,
    Sink,
    SourcingMonitor,
    Supply,
    is_gated,
    is_source,
)
from energy.instruments.specification import Accuracy, Status

__all__ = [
    "Accuracy",
    "BaudRateError",
    "Clock",
    "Deadline",
    "Dut",
    "DutAnswerError",
    "DutEchoError",
    "DutError",
    "DutIncompleteError",
    "DutRefusalError",
    "DutResetError",
    "DutSilentError",
    "GatedMonitor",
    "Identity",
    "Inference",
    "IoManager",
    "IoManagerError",
    "IoManagerRefusalError",
    "IoManagerSilentError",
    "Lap",
    "LapTiming",
    "Layer",
    "Line",
    "LinkError",
    "Mode",
    "Monitor",
    "MonitorLimits",
    "OverCurrentError",
    "OwnEnergy",
    "Profile",
    "Quantizing",
    "Setup",
    "SilentError",
    "Sink",
    "SourcingMonitor",
    "Standing",
    "Status",
    "Supply",
    "Traffic",
    "Transcript",
    "is_gated",
    "is_source",
    "log_line",
    "no_samples",
    "output_off",
    "over_current",
    "overload",
]
