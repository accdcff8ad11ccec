"""Walk through the service by the client that openapi-python-client made, the package ``made``."""

import json
import sys

from made import AuthenticatedClient, Client
from made.api.account import login, register
from made.api.keys import create_key
from made.api.predictions import keep_assessment, list_assessments
from made.api.service import assess, assess_batch
from made.models import (
    Batch,
    FieldProblem,
    KeyWish,
    LabelledPatient,
    Login,
    Patient,
    Problem,
    Registration,
)

BASE, NAME, PASSWORD, EXAMPLE = *sys.argv[1:4], json.loads(sys.argv[4])

stranger = Client(base_url=BASE)
person = Registration(username=NAME, password=PASSWORD, email=f"{NAME}@example.org")
account = register.sync(client=stranger, body=person)
tokens = login.sync(client=stranger, body=Login(username=NAME, password=PASSWORD))
owner = AuthenticatedClient(base_url=BASE, token=tokens.access_token)
key = create_key.sync(client=owner, body=KeyWish(name="made"))
client = AuthenticatedClient(base_url=BASE, token=key.key)
assessment = assess.sync(client=client, body=Patient.from_dict(EXAMPLE))
fault = assess.sync(client=client, body=Patient.from_dict(EXAMPLE | {"edad": 400}))
assert isinstance(fault, FieldProblem)
kept = keep_assessment.sync(client=client, body=LabelledPatient.from_dict(EXAMPLE))
batch = assess_batch.sync(client=client, body=Batch(pacientes=[Patient.from_dict(EXAMPLE)]))
listed = list_assessments.sync(client=client)
asked = (assess.sync(client=client, body=Patient.from_dict(EXAMPLE)) for _ in range(6))
refusal = next(answer for answer in asked if isinstance(answer, Problem))
print(  # noqa: T201 - the test reads it
    json.dumps(
        {
            "plan": account.plan,
            "probabilities": [
                assessment.probabilidad,
                kept.probabilidad,
                batch.resultados[0].probabilidad,
            ],
            "faulty": [fault.errors[0].field, fault.code.value],
            "kept": [item.id == kept.id for item in listed.items],
            "refused": refusal.code.value,
        }
    )
)
