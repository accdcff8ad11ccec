"""One example of each thing that is sent or answered; the assignment's own patient comes first.

The keys and tokens in here were never issued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.card import NOTICE
from cardiorisk.errors import (
    BodyTooLarge,
    Conflict,
    InternalFailure,
    InvalidAccount,
    InvalidKey,
    InvalidLogin,
    InvalidPatient,
    InvalidQuery,
    LogUnavailable,
    MalformedBody,
    MethodNotAllowed,
    MissingKey,
    NotFound,
    NotReady,
    Overloaded,
    RateLimited,
    StoreUnavailable,
    Taken,
    TooManyAttempts,
    UnknownAssessment,
    UnknownKey,
    WrongPlan,
)

if TYPE_CHECKING:
    from cardiorisk.openapi.words import Json

REQUEST_ID = "5b6c1f0e9d8a47c2b3e4f5a697887766"
ASSESSMENT_ID = "pred_0mc4f8k2t7q67h3n5xk9w2c4bta"
KEY_ID = "key_3f9a1c7be204"
MODEL = "14-7-1-1dde5cf4"
MOMENT = "2026-11-22T20:47:23.123456+00:00"

PATIENT: Json = {
    "nivel_colesterol": 2.00,
    "presion_arterial": 1.20,
    "azucar": 1.00,
    "edad": 40,
    "sobrepeso": 1,
    "tabaquismo": 0,
}
"""The assignment's own example."""

AT_RISK: Json = PATIENT | {"nivel_colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": 0}
LABELLED: Json = {"nombre": "Natalia Natalia"} | PATIENT
ORIGINAL: Json = {
    "nombre": "Natalia Natalia",
    "presionArterial": 1.2,
    "colesterol": 2.0,
    "azucar": 1.0,
    "edad": 40,
    "sobrepeso": "True",
    "tabaquismo": "False",
}

ASSESSMENT: Json = {
    "riesgo_cardiaco": False,
    "probabilidad": 0.0000012,
    "umbral": 0.5,
    "modelo": MODEL,
    "aviso": NOTICE,
}
KEPT: Json = {"id": ASSESSMENT_ID, "created_at": MOMENT} | LABELLED | ASSESSMENT
ORIGINAL_ANSWER: Json = (
    {"id": ASSESSMENT_ID}
    | ORIGINAL
    | {"sobrepeso": True, "tabaquismo": False, "riesgoCardiaco": False}
)

LOGIN: Json = {"username": "natalia", "password": "correct horse battery"}
REGISTRATION: Json = LOGIN | {"email": "natalia@example.org"}
PASSWORD_CHANGE: Json = LOGIN | {"new_password": "staple correct horse"}
ACCOUNT: Json = {
    "username": "natalia",
    "email": "natalia@example.org",
    "plan": "freemium",
    "requests_per_minute": 5,
    "active_keys": 1,
    "operator": False,
    "created_at": MOMENT,
}
PREMIUM_ACCOUNT: Json = ACCOUNT | {"plan": "premium", "requests_per_minute": 50}
TOKENS: Json = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.access.signature",
    "refresh_token": "eyJhbGciOiJIUzI1NiJ9.refresh.signature",
    "token_type": "Bearer",
    "expires_in": 900,
}
KEY: Json = {
    "key_id": KEY_ID,
    "prefix": "crk_0aB1cD",
    "status": "active",
    "created_at": MOMENT,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
}
NEW_KEY: Json = {"key": "crk_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"} | KEY
ROTATED_KEY: Json = NEW_KEY | {
    "key_id": "key_77d0e5a9c1b2",
    "replaces": KEY | {"expires_at": "2026-11-22T21:47:23.123456+00:00"},
}
MODEL_CARD: Json = {
    "modelo": MODEL,
    "aviso": NOTICE,
    "card": {
        "version": MODEL,
        "field_order": list(PATIENT),
        "threshold": 0.5,
        "seed": 42,
        "epochs": 300,
        "data_sha256": "97226f6b7afff5cebe61b8965500a6516e5102c2ad472efdbcba4e5f42b84124",
        "data_rows": 5000,
        "metrics": {"held_out_accuracy_keras": 1.0},
        "libraries": {"keras": "3.15.1"},
        "files": {
            "cardiorisk.keras": "24affb1ebf91872b588d56fbb82878ce95399280955905b1cc174443bded25cd"
        },
        "golden_rows": [{"values": [1.8, 1.2, 1.1, 51.0, 0.0, 0.0], "probability": 0.999998}],
    },
}

DETAILS: dict[str, str] = {
    MissingKey.code: "send your API key in the Authorization header",
    InvalidKey.code: "the API key or token is not valid: mistyped, unknown, expired or revoked",
    InvalidLogin.code: "the name or the password is wrong",
    RateLimited.code: "the plan freemium allows 5 requests a minute; "
    "the next minute starts in 18 s",
    MalformedBody.code: "the body must be a JSON object, not an array or a single value",
    InvalidPatient.code: "1 field(s) cannot be accepted: edad",
    InvalidAccount.code: "1 field(s) cannot be accepted: password",
    InvalidQuery.code: "1 parameter(s) cannot be accepted: limit",
    Taken.code: "already taken: username",
    Conflict.code: "the key has ended already",
    TooManyAttempts.code: "too many attempts; try again in 240 s",
    WrongPlan.code: "this route is for premium accounts and yours is freemium; "
    "POST /predictions serves every plan",
    UnknownKey.code: "the account has no key of this id",
    UnknownAssessment.code: "the account has kept no assessment of this id",
    BodyTooLarge.code: "a body may hold 64 KiB",
    NotFound.code: "there is nothing at this path; POST /service assesses a patient",
    MethodNotAllowed.code: "use GET or POST",
    Overloaded.code: "too many requests are waiting",
    NotReady.code: "the network is not loaded yet",
    LogUnavailable.code: "the request log cannot be written",
    StoreUnavailable.code: "the database cannot be used",
    InternalFailure.code: "quote the request id when you report this",
}
"""What ``detail`` may say, by code."""

FAULTS: dict[str, Json] = {
    InvalidPatient.code: {"field": "edad", "detail": "must be an integer from 0 to 99 (years)"},
    InvalidAccount.code: {
        "field": "password",
        "detail": "must have 8 to 128 characters and not be the name",
    },
    InvalidQuery.code: {"field": "limit", "detail": "must be an integer from 1 to 100"},
    Taken.code: {"field": "username", "detail": "belongs to another account"},
}
"""The codes whose answers name fields, with one such fault."""
