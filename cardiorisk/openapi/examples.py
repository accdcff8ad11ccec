"""One example of each thing that is sent or answered; the assignment's own patient comes first.

The keys and tokens in here were never issued.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from cardiorisk.errors import (
    AccountSuspended,
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
    OperatorOnly,
    Overloaded,
    RateLimited,
    ReloadUnderWay,
    StoreUnavailable,
    Taken,
    TooManyAttempts,
    UnknownAccount,
    UnknownAssessment,
    UnknownKey,
    UnusableArtefact,
    WrongPlan,
    WrongXsrfToken,
)
from cardiorisk.model.card import NOTICE
from cardiorisk.patients import patient

if TYPE_CHECKING:
    from cardiorisk.openapi.words import Json

REQUEST_ID = "5b6c1f0e9d8a47c2b3e4f5a697887766"
ASSESSMENT_ID = "pred_0mc4f8k2t7q67h3n5xk9w2c4bta"
KEY_ID = "key_3f9a1c7be204"
MODEL = "14-7-1-7c7cfe6f"
MOMENT = "2026-11-22T20:47:23.123456+00:00"

PATIENT: Json = dict(patient.EXAMPLE)
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
    "probabilidad": 0.0,
    "umbral": 0.5,
    "modelo": MODEL,
    "aviso": NOTICE,
}
EXPLAINED: Json = ASSESSMENT | {
    "base": 0.523437479,
    "contribuciones": {
        "nivel_colesterol": -0.049218522,
        "presion_arterial": -0.049218933,
        "azucar": -0.096093392,
        "edad": -0.09609403,
        "sobrepeso": 0.130208306,
        "tabaquismo": -0.363020907,
    },
    "explicacion": {
        "es": "La red da 0,00 a estos datos y 0,52 de media a sus pacientes de referencia: la "
        "subieron sobrepeso = sí (+0,13); la bajaron fumador = no (-0,36), edad = 40 (-0,10), "
        "azúcar en sangre = 1 (-0,10), presión arterial sistólica = 1,2 (-0,05) y colesterol "
        "total = 2 (-0,05). Describe el cálculo de la red, no la salud del paciente.",
        "en": "The network gives 0.00 to these values and 0.52 on average to its reference "
        "patients: raised by overweight = yes (+0.13); lowered by smoker = no (-0.36), age = 40 "
        "(-0.10), blood sugar = 1 (-0.10), systolic blood pressure = 1.2 (-0.05) and total "
        "cholesterol = 2 (-0.05). This describes the network's arithmetic, not the patient's "
        "health.",
    },
}
"""The same answer as ``?explicar=1`` makes it, of the network that comes with the package."""

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
ACCOUNT_IN_USE: Json = ACCOUNT | {
    "used_this_minute": 2,
    "calls_by_day": [
        {"day": (date(2026, 11, 22) - timedelta(back)).isoformat(), "calls": 40 - back}
        for back in reversed(range(30))
    ],
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
    "name": "front desk",
    "prefix": "crk_0aB1cD",
    "status": "active",
    "created_at": MOMENT,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
}
REVOKED_KEY: Json = KEY | {"status": "revoked", "revoked_at": MOMENT}
NEW_KEY: Json = {"key": "crk_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"} | KEY
ROTATED_KEY: Json = NEW_KEY | {
    "key_id": "key_77d0e5a9c1b2",
    "replaces": KEY | {"expires_at": "2026-11-22T21:47:23.123456+00:00"},
}
_FIGURE: Json = {"value": 1.0, "low": 1.0, "high": 1.0}
_ENGINE: Json = {"held_out_accuracy": 1.0, "grid_accuracy": 1.0, "grid_wrong_cells": 0}
MODEL_CARD: Json = {
    "modelo": MODEL,
    "aviso": NOTICE,
    "card": {
        "version": MODEL,
        "field_order": list(PATIENT),
        "threshold": 0.5,
        "threshold_choice": {
            "lowest": 0.0000226,
            "highest": 0.9999993,
            "mistakes": 0,
            "rows": 400,
            "explanation": "Every threshold from 2.2629e-05 to 0.999999 makes 0 mistakes on the "
            "400 validation rows, and none makes fewer; …",
        },
        "seed": 42,
        "epochs": 300,
        "data_sha256": "97226f6b7afff5cebe61b8965500a6516e5102c2ad472efdbcba4e5f42b84124",
        "data_rows": 5000,
        "metrics": {
            "training_accuracy": 1.0,
            "training_loss": 3.3e-08,
            "validation_accuracy": 1.0,
            "validation_loss": 7.0e-08,
            "held_out": {
                "rows": 1000,
                "accuracy": _FIGURE,
                "auc": _FIGURE,
                "brier": {"value": 5.2e-13, "low": 1.5e-14, "high": 1.4e-12},
                "log_loss": {"value": 5.2e-08, "low": 1.5e-08, "high": 1.0e-07},
                "calibration_error": {"value": 5.2e-08, "low": 1.5e-08, "high": 1.0e-07},
            },
            "keras": _ENGINE,
            "litert": _ENGINE,
            "engines_largest_difference": 0.00002,
        },
        "libraries": {"keras": "3.15.1"},
        "files": {
            "cardiorisk.keras": "a9f5159fb8a8d4d06db061d29b04c9b43053740562bbb1846466c9fbb676a362"
        },
        "golden_rows": [{"values": [1.8, 1.2, 1.1, 51.0, 0.0, 0.0], "probability": 0.9999907}],
        "training_fields": [
            {
                "edges": [0.5],
                "counts": [1783, 1817],
                "field": "sobrepeso",
                "lowest": 0.0,
                "highest": 1.0,
            }
        ],
        "training_scores": {"edges": [0.5], "counts": [1708, 1892]},
    },
}
"""Shortened: the card that is served has every golden row, every field and every bin."""

DETAILS: dict[str, str] = {
    MissingKey.code: "send your API key in the Authorization header",
    InvalidKey.code: "the API key or token is not valid: mistyped, unknown, expired or revoked",
    InvalidLogin.code: "the name or the password is wrong",
    RateLimited.code: "the plan freemium allows 5 requests a minute; "
    "the next minute starts in 18 s",
    MalformedBody.code: "the body is an array or a single value; it must be a JSON object "
    f"with the fields {', '.join(PATIENT)}",
    InvalidPatient.code: "1 field cannot be accepted: edad",
    InvalidAccount.code: "1 field cannot be accepted: password",
    InvalidQuery.code: "1 parameter cannot be accepted: limit",
    Taken.code: "already taken: username",
    Conflict.code: "the key has ended already",
    TooManyAttempts.code: "there were too many attempts; try again in 240 s",
    WrongPlan.code: "this route is for premium accounts and yours is freemium; "
    "POST /predictions serves every plan",
    WrongXsrfToken.code: "a cookie speaks for you, so send the page's token too, in X-XSRFToken; "
    "load the page again if it is an old one",
    AccountSuspended.code: "the account is suspended; ask who runs the service",
    OperatorOnly.code: "this needs a key of an operator's account",
    ReloadUnderWay.code: "the network is being reloaded already; wait for that to end",
    UnusableArtefact.code: "model/cardiorisk.keras is not the file that its card describes "
    "(SHA-256 24affb1ebf91…, expected a9f5159fb8a8…): restore it or train again",
    UnknownAccount.code: "there is no account of this number",
    UnknownKey.code: "the account has no key of this id",
    UnknownAssessment.code: "the account has kept no assessment of this id",
    BodyTooLarge.code: "a body may hold 64 KiB",
    NotFound.code: "there is nothing at this path; POST /service assesses a patient",
    MethodNotAllowed.code: "use GET or POST",
    Overloaded.code: "too many patients are waiting; try again in a moment",
    NotReady.code: "the network is being loaded or put away; try again in a few seconds",
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
