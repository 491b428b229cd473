"""Names of runs: relative to the path the user gave, the same each time, never two alike."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from traindiag.readers.base import LoggedRun
from traindiag.readers.folders import SPLIT_FOLDERS
from traindiag.readers.merge import Merged
from traindiag.readers.walking import Root, stem_of


def titles_of(root: Root, home: str, merged: Sequence[Merged]) -> list[str]:
    """Names for the runs of one cluster, relative to the root."""
    if not root.is_folder:
        return [
            _labelled(root.name, group.main.run, number, merged) for number, group in enumerate(merged, 1)
        ]
    if len(merged) == 1:
        return [home or root.name]
    places = [_place(root, group) for group in merged]
    stems = [posixpath.join(posixpath.dirname(place), stem_of(posixpath.basename(place))) for place in places]
    titles = []
    for number, (group, place, stem) in enumerate(zip(merged, places, stems, strict=True), 1):
        same_stem = {other for other, each in zip(places, stems, strict=True) if each == stem}
        titles.append(_labelled(stem if len(same_stem) == 1 else place, group.main.run, number, merged))
    return titles


def _labelled(name: str, run: LoggedRun, number: int, merged: Sequence[Merged]) -> str:
    if not run.label:
        return name
    first = run.files[0].path
    among = [group.main.run for group in merged if group.main.run.files[0].path == first]
    place = next(i for i, each in enumerate(among, 1) if each is run)
    label = run.label if not run.label.startswith("run ") else str(place)
    return f"{name}#{label}"


def _place(root: Root, group: Merged) -> str:
    """Where a run lies: its file, or the folder its several files share."""
    inside = [file.below for file in group.main.run.files]
    if len(inside) == 1:
        return inside[0]
    folder = posixpath.commonpath([posixpath.dirname(each) for each in inside])
    while posixpath.basename(folder).lower() in SPLIT_FOLDERS:
        folder = posixpath.dirname(folder)
    return folder or root.name


@dataclass(slots=True)
class Names:
    """Names given out in one call: no two runs share one."""

    taken: set[str] = field(default_factory=set)

    def unique(self, wanted: str, root: str) -> str:
        """`wanted`, else below its root's name, else numbered."""
        name = wanted
        if name in self.taken and not wanted.startswith(root):
            name = f"{root}/{wanted}"
        number = 2
        while name in self.taken:
            name = f"{wanted}#{number}"
            number += 1
        self.taken.add(name)
        return name
