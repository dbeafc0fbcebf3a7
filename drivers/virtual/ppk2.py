"""Earlier name of ``drivers.ppk2.twin.instrument``, for scripts that plant faults in the PPK2's twin."""

from drivers.ppk2.twin.instrument import Ppk2Twin

__all__ = ["Ppk2Twin"]
