"""joulebench: energy per inference, integrated over compute windows and recomputable from its trace."""

__version__ = "0.1.0"
