"""Tensors of a file by name, read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor


class LazyTensors(Mapping[str, Tensor]):
    """Tensors by name, read from their file when asked for and not kept. `shapes` is known without reading."""

    def __init__(self, readers: dict[str, Callable[[], Tensor]], shapes: dict[str, tuple[int, ...]]) -> None:
        self._readers, self.shapes = readers, shapes

    def __getitem__(self, name: str) -> Tensor:
        return self._readers[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def only(self, names: set[str]) -> LazyTensors:
        """The same without all tensors not in `names`."""
        kept = {name: reader for name, reader in self._readers.items() if name in names}
        return LazyTensors(kept, {name: self.shapes[name] for name in kept})

    def renamed(self, old: str, new: str) -> LazyTensors:
        """The same with the tensor `old` under the name `new`."""
        readers = {new if name == old else name: reader for name, reader in self._readers.items()}
        return LazyTensors(readers, {new if name == old else name: shape for name, shape in self.shapes.items()})
