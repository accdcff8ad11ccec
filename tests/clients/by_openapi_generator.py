"""Walk through the service by the client that openapi-generator made, the package ``made``."""

import json
import sys

import made
from made.exceptions import ApiException, UnprocessableEntityException

BASE, NAME, PASSWORD, EXAMPLE = *sys.argv[1:4], json.loads(sys.argv[4])


def client(credential: str | None = None) -> made.ApiClient:
    return made.ApiClient(made.Configuration(host=BASE, access_token=credential))


accounts = made.AccountApi(client())
account = accounts.register(
    made.Registration(username=NAME, password=PASSWORD, email=f"{NAME}@example.org")
)
tokens = accounts.login(made.Login(username=NAME, password=PASSWORD))
key = made.KeysApi(client(tokens.access_token)).create_key(key_wish=made.KeyWish(name="made"))
service, predictions = made.ServiceApi(client(key.key)), made.PredictionsApi(client(key.key))
patient = made.Patient(**EXAMPLE)
assessment = service.assess(patient)
try:
    service.assess(made.Patient.model_construct(**EXAMPLE | {"edad": 400}))
except UnprocessableEntityException as error:
    fault = error.data
kept = predictions.keep_assessment(made.LabelledPatient(**EXAMPLE))
batch = service.assess_batch(made.Batch(pacientes=[patient]))
listed = predictions.list_assessments()
try:
    for _ in range(6):  # a minute may have ended meanwhile
        service.assess(patient)
except ApiException as error:
    refusal = error.data
print(  # noqa: T201 - the test reads it
    json.dumps(
        {
            "plan": account.plan,
            "probabilities": [
                assessment.probabilidad,
                kept.probabilidad,
                batch.resultados[0].actual_instance.probabilidad,
            ],
            "faulty": [fault.errors[0].var_field, fault.code],
            "kept": [item.id == kept.id for item in listed.items],
            "refused": refusal.code,
        }
    )
)
