"""Archives of recordings, analysed again with this version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from energy.report import notebook
from energy.report.reanalysis import reanalysis_table, summary_lines
from energy.validation.reanalysis import Reanalysed
from energy.validation.reanalysis import reanalyse as reanalysed
from energy.validation.spread import spread_over
from joulebench.benches import AnyPath
from joulebench.frames import frame
from joulebench.hints import hinted

if TYPE_CHECKING:
    import pandas as pd

    from energy.validation.reanalysis import Reanalysis


class ReanalysedArchive(Sequence[Reanalysed]):
    """The recordings of an archive, by path, each with what was stated and what follows today.

    Attributes:
        done: All of it.
        notes: Sentences on what was left out, or happened on the way.
        sound: Whether every recording could be read, and nothing differs.
    """

    def __init__(self, done: Reanalysis) -> None:
        self.done, self.notes, self.sound = done, tuple(done.notes), done.sound

    @overload
    def __getitem__(self, index: int) -> Reanalysed: ...
    @overload
    def __getitem__(self, index: slice) -> list[Reanalysed]: ...
    def __getitem__(self, index: int | slice) -> Reanalysed | list[Reanalysed]:
        return self.done.rows[index]

    def __len__(self) -> int:
        return len(self.done.rows)

    def __iter__(self) -> Iterator[Reanalysed]:
        return iter(self.done.rows)

    def __repr__(self) -> str:
        return f"<ReanalysedArchive {self.done.archive}: {'; '.join(summary_lines(self.done))}>"

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each recording, SI units."""
        return frame([row.to_json() for row in self], list(Reanalysed("", "same").to_json()))

    def _repr_html_(self) -> str:
        content = notebook.table(reanalysis_table(self.done, everything=True))
        return notebook.card(
            f"{self.done.archive}, analysed again", content, virtual=any(row.virtual for row in self)
        )


@hinted
def reanalyse(archive: AnyPath, *, scheduler: str | None = None, workers: int = 1) -> ReanalysedArchive:
    """Computes the figures of every recording of an archive again and compares them with its ``result.json``.

    Args:
        archive: A folder of sessions, or the address of a store that fsspec opens.
        scheduler: Address of a Dask scheduler, which executes what it is sent; None: this machine.
        workers: Processes of this machine, where there is no scheduler.

    Raises:
        JoulebenchError: ``path.missing``, ``store.*``, ``cluster.*``.
    """
    return ReanalysedArchive(reanalysed(str(archive), spread_over(scheduler, workers)))
