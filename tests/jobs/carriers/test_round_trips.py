"""Arguments arrive as they were sent: through a message's text, by the annotations of the job."""

# ruff: noqa: UP007, UP045 - both ways to write a union have to work
from __future__ import annotations

import dataclasses
import enum
import inspect
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import NotRequired

from lambda_punch.jobs.carriers.arguments import Arguments
from lambda_punch.jobs.message import Message, decode, encode

_few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Shape(enum.Enum):
    ROUND = (1, 2)
    FLAT = (3, 4)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Place(NamedTuple):
    name: str
    at: datetime | None = None


@dataclasses.dataclass
class Item:
    price: Decimal
    count: int = 1
    tags: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Order:
    id: uuid.UUID
    items: list[Item]
    paid: date | None = None
    color: Color = Color.RED


@dataclasses.dataclass
class Tree:
    at: date
    children: list[Tree] = dataclasses.field(default_factory=list)


class Options(TypedDict):
    until: datetime
    note: NotRequired[bytes]


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)

    at: datetime
    amount: Decimal = pydantic.Field(alias="theAmount")
    tags: set[int] = set()


class Struct(msgspec.Struct):
    at: datetime
    data: bytes
    by: dict[int, uuid.UUID]


Id = NewType("Id", uuid.UUID)
_naive = st.datetimes()
_aware = st.datetimes(
    timezones=st.timedeltas(min_value=timedelta(hours=-23), max_value=timedelta(hours=23)).map(timezone)
)
_moments = st.one_of(_naive, _aware)
_decimals = st.decimals(allow_nan=False)
_items = st.builds(Item, _decimals, st.integers(), st.frozensets(st.text()))
_trees = st.recursive(
    st.builds(Tree, st.dates()), lambda inner: st.builds(Tree, st.dates(), st.lists(inner, max_size=3))
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)

CASES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (datetime, _moments),
    ("datetime", _moments),
    (date, st.dates()),
    (time, st.times(timezones=st.none() | st.just(timezone.utc))),
    (timedelta, st.timedeltas()),
    (uuid.UUID, st.uuids()),
    (Id, st.uuids()),
    (Decimal, _decimals),
    (bytes, st.binary()),
    (bytearray, st.binary().map(bytearray)),
    (Color, st.sampled_from(Color)),
    (Shape, st.sampled_from(Shape)),
    (Level, st.sampled_from(Level)),
    (Literal[Color.RED], st.just(Color.RED)),
    (set[date], st.sets(st.dates())),
    (frozenset, st.frozensets(st.integers() | st.text())),
    (tuple, st.tuples(st.text(), st.integers())),
    (tuple[datetime, ...], st.lists(_moments).map(tuple)),
    (tuple[uuid.UUID, int], st.tuples(st.uuids(), st.integers())),
    (Optional[datetime], st.none() | _moments),
    ("Optional[list[UUID]]".replace("UUID", "uuid.UUID"), st.none() | st.lists(st.uuids())),
    (Annotated[Sequence[date], "when"], st.lists(st.dates())),
    (Mapping[uuid.UUID, Decimal], st.dictionaries(st.uuids(), _decimals)),
    (dict[int, str], st.dictionaries(st.integers(), st.text())),
    (dict[Color, list[bytes]], st.dictionaries(st.sampled_from(Color), st.lists(st.binary()))),
    (Union[datetime, int, None], st.none() | st.integers() | _moments),
    (Union[datetime, str], st.text() | st.datetimes().map(str) | _moments),
    (Union[date, datetime, uuid.UUID], st.dates() | _moments | st.uuids()),
    (Union[Item, Place, list[int]], _items | st.builds(Place, st.text(), st.none() | _moments) | st.lists(st.integers())),
    (Place, st.builds(Place, st.text(), st.none() | _moments)),
    (Order, st.builds(Order, st.uuids(), st.lists(_items), st.none() | st.dates(), st.sampled_from(Color))),
    (Tree, _trees),
    (Options, st.fixed_dictionaries({"until": _moments}, optional={"note": st.binary()})),
    (Model, st.builds(lambda at, amount, tags: Model(at=at, theAmount=amount, tags=tags), _naive,
        st.decimals(allow_nan=False, allow_infinity=False), st.sets(st.integers()))),
    (list[Struct], st.lists(st.builds(Struct, _naive, st.binary(), st.dictionaries(st.integers(-9, 9), st.uuids())))),
    (Union[Struct, Model, None], st.builds(Struct, _naive, st.binary(), st.just({}))),
    (Any, _json),
    (Union[str, int, list[Any], None], st.none() | st.text() | st.integers() | st.lists(_json)),
]  # fmt: skip


def sent(annotation: Any, value: Any) -> Any:
    """What a job gets whose parameter has this annotation, and whether it came in a list or by name."""

    def function(*values: Any, **named: Any) -> None: ...

    function.__annotations__ = {"values": annotation, "named": annotation}
    arguments = Arguments("job", function, inspect.signature(function))
    args, kwargs = arguments.dump([value, value], {"key": value})
    message = decode(encode(Message("job", "1", args, kwargs, 0)))
    assert isinstance(message, Message)
    (first, second), named = arguments.load(message.args, message.kwargs)
    assert first == second == named["key"]
    return first


@pytest.mark.parametrize(("annotation", "values"), CASES, ids=lambda each: str(getattr(each, "__name__", each))[:40])
def test_a_value_arrives_as_it_was_sent(annotation: Any, values: st.SearchStrategy[Any]) -> None:
    """Equal, and of the same class; in a list, by name and more than once."""

    @_few
    @given(values)
    def check(value: Any) -> None:
        found = sent(annotation, value)
        assert found == value
        assert type(found) is type(value)

    check()


def test_an_aware_datetime_keeps_its_offset() -> None:
    """Also one that another program wrote with a Z."""
    zone = timezone(timedelta(hours=5, minutes=30))
    assert sent(datetime, datetime(2026, 3, 1, tzinfo=zone)).utcoffset() == zone.utcoffset(None)

    def function(at: datetime, wait: timedelta) -> None: ...

    arguments = Arguments("job", function, inspect.signature(function))
    assert arguments.load(["2026-03-01T00:00:00Z", 1.5], {})[0] == [
        datetime(2026, 3, 1, tzinfo=timezone.utc), timedelta(seconds=1.5),
    ]  # fmt: skip
