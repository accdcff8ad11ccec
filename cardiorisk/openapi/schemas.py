"""JSON schemas of what is sent and answered, written from the tables that validate it.

What a schema cannot say (that a name is compared without regard to case, that text is measured
after normalization) is said in its description. Every object that is answered is closed: what a
caller may find in it is in here, and the tests hold every answer to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.accounts.assessments import ID_CHARACTERS, LABEL_CHARACTERS, LABEL_FIELD
from cardiorisk.accounts.assessments import PREFIX as ASSESSMENT_PREFIX
from cardiorisk.identity.forms import EMAIL, NEW_PASSWORD, PASSWORD, USERNAME, TextField
from cardiorisk.identity.keys import (
    EXPIRES_DAYS,
    GRACE_MINUTES,
    KEY_CHARACTERS,
    LONGEST_GRACE_MINUTES,
    LONGEST_LIFETIME_DAYS,
    LONGEST_NAME,
    NAME,
    NAME_RULE,
)
from cardiorisk.identity.keys import PREFIX as KEY_PREFIX
from cardiorisk.model.card import NOTICE, Card
from cardiorisk.patients.patient import FIELDS, RISK_COLUMN, Field
from cardiorisk.store.values import SHOWN_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardiorisk.openapi.words import Json

ASSESSMENT_ID: Json = {
    "type": "string",
    "pattern": f"^{ASSESSMENT_PREFIX}[0-9a-hjkmnp-tv-z]"
    f"{{{ID_CHARACTERS - len(ASSESSMENT_PREFIX)}}}$",
}
"""What the id of a kept assessment looks like."""

_UNSHOWN = "background"
"""The member of the card that is rows of patients: the file has it and no answer shows it."""

_FLAG_WORDS = ("True", "False", "true", "false")
_MOMENT: Json = {"type": "string", "format": "date-time"}
_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}


def closed(properties: Json, optional: tuple[str, ...] = (), description: str = "") -> Json:
    """Describe an object that has these members and no other."""
    schema: Json = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
    return {"description": description} | schema if description else schema


def referred(name: str) -> Json:
    """Refer to a schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def field_schema(field: Field) -> Json:
    """Describe a value of a patient as it may be sent."""
    hint = f"; {field.hint}" if field.hint else ""
    unit = f", in {field.unit}" if field.unit else ""
    description = f"{field.description}{unit}{hint}".capitalize()
    if field.kind == "flag":
        return {"enum": [0, 1, False, True], "description": description}
    return {
        "type": field.kind,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "description": description,
    }


def request_schemas(original_names: Mapping[str, str]) -> Json:
    """Describe what may be sent, by name."""
    patient = {field.wire_name: field_schema(field) for field in FIELDS}
    label = {
        "type": ["string", "null"],
        "maxLength": LABEL_CHARACTERS,
        "description": "What you call the patient: printable characters, blanks at the ends cut",
    }
    original = {
        original_names[field.wire_name]: _original_field_schema(field) for field in FIELDS
    } | {original_names[LABEL_FIELD]: label}
    return {
        "Patient": closed(patient, description="The six values of one patient"),
        "LabelledPatient": closed(patient | {LABEL_FIELD: label}, (LABEL_FIELD,)),
        "OriginalPatient": closed(original, (original_names[LABEL_FIELD],)),
        "Registration": closed(_texts(USERNAME, PASSWORD, EMAIL)),
        "Login": closed(_claims()),
        "PasswordChange": closed(_claims() | _texts(NEW_PASSWORD)),
        "KeyWish": _key_wish(),
        "RotationWish": _optional_number(
            GRACE_MINUTES, 0, LONGEST_GRACE_MINUTES, "Minutes for which the old key still works"
        ),
    }


def answer_schemas(original_names: Mapping[str, str]) -> Json:
    """Describe what is answered, by name."""
    card = Card.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    parts = card.pop("$defs")
    card.pop("description")
    del card["properties"][_UNSHOWN]
    card["required"].remove(_UNSHOWN)
    label = {"type": ["string", "null"], "maxLength": LABEL_CHARACTERS}
    kept = closed(
        {"id": ASSESSMENT_ID, "created_at": _MOMENT, LABEL_FIELD: label}
        | {field.wire_name: _kept_field_schema(field) for field in FIELDS}
        | _assessment()
        | {"advertencias": _warnings()},
        ("advertencias",),
    )
    original = closed(
        {"id": ASSESSMENT_ID, original_names[LABEL_FIELD]: label}
        | {original_names[field.wire_name]: _shown_field_schema(field) for field in FIELDS}
        | {"riesgoCardiaco": {"type": "boolean"}}
    )
    after = {"anyOf": [ASSESSMENT_ID, {"type": "null"}]}
    return {
        "Assessment": _explainable_assessment(),
        "KeptAssessment": kept,
        "KeptAssessments": closed({"items": _array("KeptAssessment"), "after": after}),
        "OriginalAssessment": original,
        "OriginalAssessments": _array("OriginalAssessment"),
        "Health": closed({"status": {"const": "ok"}, "version": _TEXT}),
        "Readiness": closed({"status": {"const": "ready"}, "modelo": _TEXT}),
        "Model": closed({"modelo": _TEXT, "aviso": _notice(), "card": referred("Card")}),
        "Reload": closed(
            {
                "modelo": _TEXT | {"description": "Version of the network that answers now"},
                "anterior": _TEXT | {"description": "Version of the one that answered before"},
            }
        ),
        "Card": card,
        **{
            name: dict(part, description=part["description"].partition("\n")[0])
            for name, part in parts.items()
        },
        "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"]},
        **_account_schemas(),
    }


def _account_schemas() -> Json:
    maybe_moment = {"type": ["string", "null"], "format": "date-time"}
    key = {
        "key_id": {"type": "string", "pattern": "^key_[0-9a-f]{12}$"},
        "name": {"type": ["string", "null"], "description": "What you call it"},
        "prefix": _TEXT | {"description": "The start of the key, by which you recognise it"},
        "status": {"enum": ["active", "expired", "revoked"]},
        "created_at": _MOMENT,
        "expires_at": maybe_moment,
        "revoked_at": maybe_moment,
        "last_used_at": maybe_moment,
    }
    shown_once = {
        "key": {
            "type": "string",
            "pattern": f"^{KEY_PREFIX}[0-9A-Za-z]{{{KEY_CHARACTERS - len(KEY_PREFIX)}}}$",
            "description": "The key itself: shown now and never again",
        }
    }
    account = {
        "username": _TEXT,
        "email": {"type": ["string", "null"]},
        "plan": _TEXT,
        "requests_per_minute": {"type": "integer", "minimum": 1},
        "active_keys": _COUNT,
        "operator": {"type": "boolean"},
        "created_at": _MOMENT,
    }
    return {
        "Account": closed(account),
        "AccountInUse": closed(account | _usage()),
        "Tokens": closed(
            {
                "access_token": _TEXT,
                "refresh_token": _TEXT,
                "token_type": {"const": "Bearer"},
                "expires_in": {"type": "integer", "description": "Seconds of the access token"},
            }
        ),
        "Key": closed(key),
        "Keys": closed({"items": _array("Key")}),
        "NewKey": closed(shown_once | key),
        "RotatedKey": closed(shown_once | key | {"replaces": referred("Key")}),
    }


def _usage() -> Json:
    day = closed({"day": {"type": "string", "format": "date"}, "calls": _COUNT})
    return {
        "used_this_minute": _COUNT | {"description": "Calls that the current minute has counted"},
        "calls_by_day": {
            "type": "array",
            "items": day,
            "minItems": SHOWN_DAYS,
            "maxItems": SHOWN_DAYS,
            "description": "Counted calls of the last 30 days (UTC), the oldest first",
        },
    }


def _assessment() -> Json:
    return {
        RISK_COLUMN: {"type": "boolean", "description": "`probabilidad` reached `umbral`"},
        "probabilidad": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "How sure the network is of its rule; not a chance of falling ill",
        },
        "umbral": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "modelo": _TEXT | {"description": "Version of the network; `GET /model` has its card"},
        "aviso": _notice(),
    }


def _explainable_assessment() -> Json:
    """Describe an assessment that may come with its reasons, curves and warnings."""
    contributions = closed(
        {field.wire_name: {"type": "number"} for field in FIELDS},
        description="How far each value moved the answer from `base`: Shapley values. With "
        "`base` they add up to `probabilidad`, but for its rounding to 6 decimals",
    )
    sentences = closed({"es": _TEXT, "en": _TEXT}, description="The same in a sentence")
    reasons = {
        "base": {"type": "number", "description": "Mean answer over the reference patients"},
        "contribuciones": contributions,
        "explicacion": sentences,
    }
    more = reasons | {"curvas": _curves(), "advertencias": _warnings()}
    described = closed(_assessment() | more, tuple(more))
    return described | {
        "dependentRequired": {
            name: [other for other in reasons if other != name] for name in reasons
        }
    }


def _curves() -> Json:
    numbers = {"type": "array", "items": {"type": "number"}, "minItems": 2}
    shares = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}}
    curve = closed({"valores": numbers, "probabilidades": shares | {"minItems": 2}})
    return closed(
        {field.wire_name: curve for field in FIELDS},
        description="The probability as each value takes the ones in `valores` and the others stay",
    )


def _warnings() -> Json:
    return {
        "type": "array",
        "items": closed(
            {"field": {"enum": [field.wire_name for field in FIELDS]}, "detail": _TEXT}
        ),
        "minItems": 1,
        "description": "Values that may be sent and lie beyond all that training saw",
    }


def _notice() -> Json:
    return {"const": NOTICE, "description": "What the model is not"}


def _array(name: str) -> Json:
    return {"type": "array", "items": referred(name)}


def _original_field_schema(field: Field) -> Json:
    schema = field_schema(field)
    if field.kind == "flag":
        schema["enum"] = [*schema["enum"], *_FLAG_WORDS]
    return schema


def _kept_field_schema(field: Field) -> Json:
    return {"enum": [0, 1]} if field.kind == "flag" else field_schema(field)


def _shown_field_schema(field: Field) -> Json:
    return {"type": "boolean"} if field.kind == "flag" else field_schema(field)


def _texts(*fields: TextField) -> Json:
    return {field.wire_name: _text_schema(field) for field in fields}


def _text_schema(field: TextField) -> Json:
    schema: Json = {
        "type": "string",
        "minLength": field.minimum_characters,
        "maxLength": field.maximum_characters,
        "description": f"{field.description.capitalize()}; must {field.accepted}",
    }
    if field is EMAIL:
        schema |= {"format": "email"}
    elif field is not USERNAME:
        schema |= {"format": "password"}
    return schema


def _claims() -> Json:
    """Describe a name and a password that are held to no rule: only the right ones are right."""
    return {
        USERNAME.wire_name: {"type": "string", "description": USERNAME.description.capitalize()},
        PASSWORD.wire_name: {
            "type": "string",
            "format": "password",
            "description": PASSWORD.description.capitalize(),
        },
    }


def _key_wish() -> Json:
    name = {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "description": f"What you call it: {NAME_RULE}",
    }
    ending = _optional_number(EXPIRES_DAYS, 1, LONGEST_LIFETIME_DAYS, "Days until it ends")
    return closed({NAME: name} | ending["properties"], (NAME, EXPIRES_DAYS))


def _optional_number(name: str, minimum: int, maximum: int, description: str) -> Json:
    number: dict[str, Any] = {
        "type": ["integer", "null"],
        "minimum": minimum,
        "maximum": maximum,
        "description": description,
    }
    return closed({name: number}, (name,))
