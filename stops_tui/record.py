"""Records: named tuples whose classes cost a start of the program next to nothing.

`typing.NamedTuple` compiles a constructor for each class, which takes 0.2 ms; the program has some
hundred classes before its first frame is painted.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any, Self

__all__ = ["Record"]

if TYPE_CHECKING:
    from typing import NamedTuple as Record  # what it is to who uses it, and to a type checker
else:
    _MOST_FIELDS = 24
    # A field's descriptor knows its place and not its class: those of one tuple serve them all.
    _Places = namedtuple("_Places", [f"place_{n}" for n in range(_MOST_FIELDS)])
    _PLACES = [vars(_Places)[name] for name in _Places._fields]

    class Record(tuple):
        """A frozen record: declared as a `typing.NamedTuple` is, and used as one.

        Its fields are what its body annotates, under `from __future__ import annotations`.
        """

        _fields: tuple[str, ...] = ()
        _field_defaults: dict[str, Any]

        def __init_subclass__(cls) -> None:
            cls._fields = cls.__match_args__ = tuple(cls.__annotations__)
            cls._field_defaults = {n: vars(cls)[n] for n in cls._fields if n in vars(cls)}
            for name, place in zip(cls._fields, _PLACES[: len(cls._fields)], strict=True):
                setattr(cls, name, place)

        def __new__(cls, *values: Any, **named: Any) -> Self:
            """Values in the order of the fields, or by name."""
            if named or len(values) != len(cls._fields):
                values += cls._others(len(values), named)
            return tuple.__new__(cls, values)

        @classmethod
        def _others(cls, count: int, named: dict[str, Any]) -> tuple[Any, ...]:
            """The values of all fields but the first `count`: by name, or by default."""
            names = cls._fields[count:]
            values = cls._field_defaults | named
            if count > len(cls._fields) or named.keys() - names or set(names) - values.keys():
                raise TypeError(f"{cls.__name__} has the fields {', '.join(cls._fields)}")
            return tuple(map(values.__getitem__, names))

        def _replace(self, **changes: Any) -> Self:
            """A record with other values in some fields."""
            values = tuple(map(changes.pop, self._fields, self))
            return type(self)(*values, **changes)  # which has no room for those left over

        def _asdict(self) -> dict[str, Any]:
            """The values by name."""
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({fields})"

        def __reduce__(self) -> tuple[Any, ...]:
            return tuple.__new__, (type(self), tuple(self))
