"""The assignment, clause by clause: each test quotes the sentence that it holds the service to."""

from __future__ import annotations

import json

import pytest

from cardiorisk.config import Settings
from cardiorisk.identity.keys import new_key
from cardiorisk.patients.patient import FIELDS
from cardiorisk.routes import CardioriskApplication
from tests.support import Bitacora, Caller, SettableClock, document

AS_THE_ASSIGNMENT_SENDS_IT = (
    b'{"nivel_colesterol": 2.00, "presion_arterial":1.20, "azucar":1.00, "edad":40,'
    b' "sobrepeso":1, "tabaquismo":0}'
)


@pytest.mark.gen_test
async def test_el_modelo_diagnostica_si_el_paciente_tiene_o_no_tiene_riesgo(
    premium: Caller,
) -> None:
    """El modelo diagnóstica riesgo cardíaco (si el paciente tiene o no-tiene riesgo cardíaco)."""
    answers = [document(await premium.assess(tabaquismo=smokes)) for smokes in (0, 1)]
    assert [answer["riesgo_cardiaco"] for answer in answers] == [False, True]


@pytest.mark.gen_test
async def test_get_service_con_la_api_key_en_authorization(premium: Caller) -> None:
    """GET /service, Authorization: <API Key generada>, con el paciente en el cuerpo."""
    response = await premium.send("GET", "/service", AS_THE_ASSIGNMENT_SENDS_IT)
    assert response.code == 200
    assert isinstance(document(response)["riesgo_cardiaco"], bool)


@pytest.mark.gen_test
async def test_sin_api_key_la_invocacion_es_rechazada(stranger: Caller) -> None:
    """Si la API key no se encuentra en la invocación, ésta deberá ser rechazada."""
    response = await stranger.send("GET", "/service", AS_THE_ASSIGNMENT_SENDS_IT)
    assert response.code == 401


@pytest.mark.parametrize(
    ("field", "minimum", "maximum"),
    [
        ("nivel_colesterol", 1.0, 3.0),
        ("presion_arterial", 0.6, 1.8),
        ("azucar", 0.5, 2.0),
        ("edad", 0, 99),
        ("sobrepeso", 0, 1),
        ("tabaquismo", 0, 1),
    ],
)
@pytest.mark.gen_test
async def test_los_rangos_de_los_datos(
    premium: Caller, field: str, minimum: float, maximum: float
) -> None:
    """Los rangos de los datos son: colesterol (1.0, 3.0), presion (0.6, 1.8)..."""
    values = (minimum, maximum, minimum - 0.01, maximum + 0.01)
    codes = [(await premium.assess(**{field: value})).code for value in values]
    assert codes == [200, 200, 422, 422]


@pytest.mark.parametrize(("plan", "requests_per_minute"), [("freemium", 5), ("premium", 50)])
@pytest.mark.gen_test
async def test_dos_tipos_de_cuentas_restringen_las_solicitudes_por_minuto(
    freemium: Caller, premium: Caller, plan: str, requests_per_minute: int
) -> None:
    """FREEMIUM; 5 solicitudes por minuto (RPM). PREMIUM: 50 solicitudes por minuto (RPM)."""
    caller = {"freemium": freemium, "premium": premium}[plan]
    codes = [(await caller.assess()).code for _ in range(requests_per_minute + 2)]
    assert codes == [200] * requests_per_minute + [429] * 2


@pytest.mark.gen_test
async def test_el_minuto_siguiente_vuelve_a_permitir(
    freemium: Caller, clock: SettableClock
) -> None:
    """Restringen la cantidad de solicitudes HTTP por minuto."""
    for _ in range(6):
        await freemium.assess()
    clock.now_seconds += 60
    assert (await freemium.assess()).code == 200


@pytest.mark.gen_test
async def test_corre_la_red_neuronal_entrenada_previamente(
    premium: Caller, app: CardioriskApplication, settings: Settings
) -> None:
    """Deberá correr la red neuronal entrenada previamente."""
    card = json.loads((settings.model_dir / "card.json").read_text())
    golden = card["golden_rows"][0]
    patient = dict(zip((field.wire_name for field in FIELDS), golden["values"], strict=True))
    answer = document(await premium.send("POST", "/service", patient))
    assert answer["probabilidad"] == pytest.approx(golden["probability"], abs=1e-4)
    assert answer["modelo"] == card["version"] == app.services.predictor.card.version


@pytest.mark.gen_test
async def test_la_api_key_se_verifica_en_la_base_de_datos(stranger: Caller) -> None:
    """A partir de la API key, se verifica si exista registrada en la base de datos."""
    stranger.key = new_key()  # of the right form, and registered nowhere
    assert (await stranger.assess()).code == 401


@pytest.mark.gen_test
async def test_cada_solicitud_se_registra_con_el_tiempo_de_cada_etapa(
    freemium: Caller, bitacora: Bitacora
) -> None:
    """Cada solicitud recibida deberá ser registrada en la bitácora (log)."""
    await freemium.assess()
    await freemium.assess(edad=400)
    first, second = bitacora.lines()
    assert (first["status"], second["status"]) == (200, 422)
    assert list(first["timings_ms"]) == ["auth", "limit", "validate", "predict", "total"]
    assert 0 < first["timings_ms"]["predict"] <= first["timings_ms"]["total"]


@pytest.mark.gen_test
async def test_se_registra_antes_de_retornar_la_respuesta(
    freemium: Caller, bitacora: Bitacora
) -> None:
    """Registrar el resultado en la bitácora, y retornar la respuesta."""
    response = await freemium.assess()
    assert bitacora.last()["request_id"] == response.headers["X-Request-ID"]
    assert bitacora.last()["riesgo_cardiaco"] == document(response)["riesgo_cardiaco"]


@pytest.mark.gen_test
async def test_los_datos_de_poca_volatilidad_se_leen_del_cache(
    premium: Caller, app: CardioriskApplication
) -> None:
    """Para datos de solo lectura y de poca volatilidad, se espera que se implemente cache."""
    await app.services.store.refresh()  # which hears of the key, as another connection made it
    for _ in range(10):
        await premium.assess()
    statistics = app.services.store.memo.statistics()
    assert (statistics.misses, statistics.hits) == (1, 9)
