"""The sessions in folders, as their documents state them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from energy.catalogue.listed import list_folders
from energy.report import notebook
from energy.report.session_list import list_table
from energy.validation.listing import ListedSession
from joulebench.benches import AnyPath
from joulebench.frames import frame
from joulebench.hints import hinted

if TYPE_CHECKING:
    import pandas as pd


class SessionList(Sequence[ListedSession]):
    """Sessions in folders, by name.

    Attributes:
        folders: The folders.
        total: How many sessions there are, whether they meet the conditions or not.
        notes: Sentences on what was left out, or was wrong with an index.
    """

    def __init__(self, folders: Sequence[Path], where: Sequence[str] = (), *, reindex: bool = False) -> None:
        self.folders = tuple(folders)
        listing = list_folders(*folders, where=where, reindex=reindex)
        self._listed, self.total, self.notes = listing.sessions, listing.total, tuple(listing.notes)

    @overload
    def __getitem__(self, index: int) -> ListedSession: ...
    @overload
    def __getitem__(self, index: slice) -> list[ListedSession]: ...
    def __getitem__(self, index: int | slice) -> ListedSession | list[ListedSession]:
        return self._listed[index]

    def __len__(self) -> int:
        return len(self._listed)

    def __iter__(self) -> Iterator[ListedSession]:
        return iter(self._listed)

    def __repr__(self) -> str:
        return f"<SessionList {self._where}: {len(self)} sessions>"

    @property
    def _where(self) -> str:
        return ", ".join(map(str, self.folders))

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each session, SI units; the columns of ``joulebench sessions --csv``."""
        return frame([session.to_json() for session in self], list(ListedSession(Path()).to_json()))

    def _repr_html_(self) -> str:
        content = notebook.table(
            list_table(self._listed, self.folders[0] if len(self.folders) == 1 else Path())
        )
        return notebook.card(
            f"Sessions in {self._where}", content, virtual=any(listed.virtual for listed in self)
        )


@hinted
def sessions(*folders: AnyPath, where: str | Sequence[str] = (), reindex: bool = False) -> SessionList:
    """Lists the sessions and recordings in folders, as ``joulebench sessions`` does; nothing is recomputed.

    Args:
        folders: Sessions, folders of them, sweeps; ``sessions`` by default.
        where: Conditions, such as ``"energy<1mJ"``, as ``joulebench sessions --where`` takes them.
        reindex: Whether the index of each folder is made again.

    Raises:
        JoulebenchError: ``path.missing`` if there is no such folder; ``sessions.condition``.
    """
    conditions = [where] if isinstance(where, str) else list(where)
    return SessionList([Path(folder) for folder in folders or ("sessions",)], conditions, reindex=reindex)
