"""Single inferences inside the windows of a recording, found from the signal alone."""

from __future__ import annotations

from energy.characterize.single import SingleInferences, single_inferences
from joulebench.figures import Figures, Source, integrate
from joulebench.hints import hinted


@hinted
def inferences(source: Source) -> list[SingleInferences]:
    """The inferences of each window, in order; ``resolved`` says whether the signal shows them.

    Args:
        source: A recording, its figures, a session that is over, or a path.

    Raises:
        JoulebenchError: As ``integrate``.
    """
    measured = (source if isinstance(source, Figures) else integrate(source, progress=False)).measured
    return [single_inferences(measured.run.samples, row.window) for row in measured.session.windows]
