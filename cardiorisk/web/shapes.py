"""What shapes of things sent (pydantic models) and answered (``TypedDict``) are made of.

The description calls a shape like its class, without ``Body`` or ``Answer``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal, NotRequired, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetPydanticSchema, ValidationError, with_config
from pydantic import Field as Member
from pydantic_core import CoreSchema, ErrorDetails, core_schema
from typing_extensions import TypedDict

from cardiorisk.config import VERSION
from cardiorisk.errors import FieldFault, InvalidAccount, InvalidPatient, InvalidQuery
from cardiorisk.identity.keys import shows_credential
from cardiorisk.identity.texts import find_number
from cardiorisk.model.card import Card
from cardiorisk.patients import words
from cardiorisk.patients.json_object import REPEATED, echoed, read_object
from cardiorisk.patients.names import find_meant
from cardiorisk.patients.patient import find_json_number
from cardiorisk.patients.words import Language, Said

Shape = TypeVar("Shape")
Json = dict[str, Any]
MOST_UNKNOWN = 50  # unknown members that are told of; a body has room for thousands
_MOST_MEANT = 6  # of those, for how many it is said which may have been meant
_FLAGS = {"false": False, "true": True}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a member of something sent accepts: ``read`` gives None for what it does not.

    ``accepted`` says what, after "must", of patients in both languages; of a nullable member, null
    says as little as leaving it out; ``core`` spares the call of ``read``.
    """

    read: Callable[[Any], Any]
    accepted: str | Said
    schema: Json
    is_nullable: bool = False
    core: CoreSchema | None = None

    def __get_pydantic_core_schema__(self, _: object, __: object) -> CoreSchema:
        read = core_schema.no_info_plain_validator_function(self._accept)
        if self.core is None:
            return read
        return core_schema.union_schema(
            [self.core, read],
            mode="left_to_right",
            custom_error_type="refused",
            custom_error_message="it is refused",
        )

    def __get_pydantic_json_schema__(self, _: object, __: object) -> Json:
        nullable = {"type": [self.schema["type"], "null"]} if self.is_nullable else {}
        return self.schema | nullable

    def find_unquoted(self, sent: object) -> float | None:
        if self.schema.get("type") not in {"integer", "number"} or not isinstance(sent, str):
            return None
        text = sent.strip('"')  # which a query string may have too
        is_flag = self.schema.get("enum") == [0, 1] and text in _FLAGS
        return _FLAGS[text] if is_flag else find_json_number(text)

    def _accept(self, sent: object) -> Any:
        if sent is None and self.is_nullable:
            return None
        value = None if sent is REPEATED else self.read(sent)
        if value is None:
            raise ValueError
        return value


_ANY = Rule(lambda sent: sent, "be of its type", {})  # what pydantic alone judges


class Sent(BaseModel):
    """What a caller sends; ``refusal`` is raised with every fault at once.

    ``is_all_text``: numbers too are sent as text; ``is_optional``: a body may be missing.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    refusal: ClassVar[type[InvalidAccount | InvalidPatient | InvalidQuery]] = InvalidAccount
    unknown: ClassVar[Said] = words.NO_FIELD
    is_all_text: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False
    may_be_empty: ClassVar[bool] = False  # an empty parameter is one that was not sent

    @classmethod
    def read(cls, body: bytes) -> Self:
        members = read_object(b"{}" if cls.is_optional and not body else body, tuple(cls.rules()))
        return cls.accept(members)

    @classmethod
    def accept(cls, members: Mapping[str, object]) -> Self:
        """Read members by name, or raise a ``refusal``; one that came twice is ``REPEATED``."""
        rules = cls.rules()
        if cls.may_be_empty:
            members = {name: sent for name, sent in members.items() if sent or name not in rules}
        known = {name: sent for name, sent in members.items() if name in rules}
        faults: tuple[FieldFault, ...] = ()
        cause = None
        try:
            read = cls.model_validate(known)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            faults, cause = tuple(cls.read_fault(fault) for fault in found), error
        if len(known) < len(members):
            faults += unknown_faults(members, rules, cls.refusal.noun, cls.unknown)
        if faults:
            raise cls.refusal(faults) from cause
        return read

    @classmethod
    def faults(cls, members: Mapping[str, object]) -> tuple[FieldFault, ...]:
        try:
            cls.accept(members)
        except cls.refusal as error:
            return error.faults
        return ()

    def __repr_args__(self) -> tuple[()]:
        return ()  # it may be a password, or how somebody's health is

    @classmethod
    @cache
    def rules(cls) -> dict[str, Rule]:
        return {
            member.alias or name: rule
            for name, member in cls.model_fields.items()
            for rule in [each for each in member.metadata if isinstance(each, Rule)] or [_ANY]
        }

    @classmethod
    def read_fault(cls, fault: ErrorDetails) -> FieldFault:
        name, sent = str(fault["loc"][0]), fault["input"]
        if sent is REPEATED:
            return fault_of(name, words.REPEATED)
        rule = cls.rules()[name]
        number = None if cls.is_all_text else rule.find_unquoted(sent)
        said = words.MISSING if fault["type"] == "missing" else words.MUST
        if number is not None:
            said = words.QUOTED_TOO if rule.read(number) is None else words.QUOTED
        told = said.filled(accepted=rule.accepted)
        return FieldFault(name, told.en) if isinstance(rule.accepted, str) else fault_of(name, told)


def fault_of(name: str, said: Said) -> FieldFault:
    return FieldFault(name, said.en, said.es)


def unknown_faults(
    sent: Iterable[str], known: Collection[str], noun: str, unknown: Said
) -> tuple[FieldFault, ...]:
    names = islice((name for name in sent if name not in known), MOST_UNKNOWN)
    faults = []
    for place, name in enumerate(names):
        meant = find_meant(name, known) if place < _MOST_MEANT else None
        said = words.MEANT[noun].filled(meant=meant) if meant else unknown
        faults.append(fault_of("a key" if shows_credential(name) else echoed(name), said))
    return tuple(faults)


def number_rule(minimum: int, maximum: int, description: str, *, is_text: bool = False) -> Rule:
    def read(sent: object) -> int | None:
        if is_text:
            return find_number(str(sent), minimum, maximum)
        is_whole = isinstance(sent, float) and minimum <= sent <= maximum and sent.is_integer()
        return int(sent) if isinstance(sent, float) and is_whole else None

    bounds = {"minimum": minimum, "maximum": maximum}
    schema = {"type": "integer", "description": description} | bounds
    return Rule(read, f"be an integer from {minimum} to {maximum}", schema)


def about(description: str, *examples: Any, **more: Any) -> Any:
    """Describe a member of an answer; ``more`` is bounds that pydantic knows."""
    return Member(description=description, examples=list(examples) or None, **more)


def shown(shape: Callable[..., Shape], value: object, **given: Any) -> Shape:
    """Show a value as an answer: its members by their names, but for those that are given."""
    names: Mapping[str, Any] = shape.__annotations__
    members = {name: given[name] if name in given else getattr(value, name) for name in names}
    return cast("Shape", members)


def described_as(shape: Any) -> GetPydanticSchema:
    return GetPydanticSchema(lambda _, handler: handler(shape))


Count = Annotated[int, Member(ge=0)]


class FaultAnswer(TypedDict):
    """What is said of one field or parameter."""

    field: Annotated[str, about("Its name", "edad")]
    detail: Annotated[str, about("What is said", "must be an integer from 0 to 99 (years)")]


@with_config(extra="allow")
class ProblemAnswer(TypedDict):
    """A failure (RFC 9457)."""

    type: Annotated[str, about("The code as a URN", pattern="^urn:cardiorisk:problem:")]
    title: Annotated[str, about("The code in words")]
    status: Annotated[int, about("The HTTP status")]
    detail: Annotated[str, about("For people: what to do")]
    code: Annotated[str, about("Match on this")]
    request_id: Annotated[str, about("The request's name", "5b6c1f0e9d8a47c2b3e4f5a697887766")]
    error: NotRequired[Annotated[str, about("Below `/v2`: everything that is wrong, in words")]]


def faults_answer(faults: Iterable[FieldFault], language: Language) -> list[FaultAnswer]:
    return [
        {"field": each.field, "detail": (language == "es" and each.spanish) or each.detail}
        for each in faults
    ]


class FieldProblemAnswer(ProblemAnswer):
    """A failure that names every field it is about."""

    errors: Annotated[list[FaultAnswer], about("Every faulty field", min_length=1)]


Version = Annotated[
    str, about("Version of the network; `GET /model` has its card", "14-7-1-7c7cfe6f")
]
Notice = Annotated[
    str,
    about(
        "What the network was trained on, and what it is not, in the reader's language",
        "Modelo didáctico entrenado con 5.000 pacientes inventados: no es un dispositivo médico.",
    ),
]


class HealthAnswer(TypedDict):
    """It is up."""

    status: Annotated[Literal["ok"], about("Always the same")]
    version: Annotated[str, about("Of the service", VERSION)]


class NodeAnswer(TypedDict):
    """A process on the same database."""

    nodo: Annotated[str, about("Its name, or its machine's and its number")]
    modelo: Annotated[str | None, about("The network that it runs")]
    falta: Annotated[str | None, about("Why that is not the one that an operator wants")]


class ReadinessAnswer(TypedDict):
    """It is ready."""

    status: Annotated[Literal["ready"], about("Always the same")]
    modelo: Version
    ventanas: NotRequired[
        Annotated[
            Literal["redis", "proceso"],
            about("Where Redis counts the windows: who does now, as it may be away"),
        ]
    ]
    nodos: NotRequired[
        Annotated[list[NodeAnswer], about("All processes, where there are several or one lacks")]
    ]


class ModelAnswer(TypedDict):
    """The card."""

    modelo: Version
    aviso: Notice
    card: Annotated[Json, described_as(Card)]


@with_config(extra="allow")
class OpenApiAnswer(TypedDict):
    """The document."""


class ReloadAnswer(TypedDict):
    """The network that answers from the next batch on, and the one before."""

    modelo: Version
    anterior: Annotated[str, about("Version of the one that answered before", "14-7-1-1dde5cf4")]
