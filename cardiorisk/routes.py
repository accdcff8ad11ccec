"""The one table of paths, and the Tornado application that serves it.

It must not say what anybody answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cardiorisk.pages.account import AccountPageHandler
from cardiorisk.pages.assess import AssessPageHandler
from cardiorisk.pages.assessments import AssessmentsPageHandler, ExportHandler
from cardiorisk.pages.base import NowhereHandler
from cardiorisk.pages.keys import KeysPageHandler
from cardiorisk.pages.languages import load_languages
from cardiorisk.pages.panel import PanelAccountsHandler, PanelEventsHandler, PanelHandler
from cardiorisk.pages.session import (
    LoginPageHandler,
    LogoutPageHandler,
    RegisterPageHandler,
)
from cardiorisk.web.account import (
    AccountHandler,
    KeyHandler,
    KeysHandler,
    LoginHandler,
    LogoutHandler,
    PasswordHandler,
    RefreshHandler,
    RegisterHandler,
    RotateHandler,
    SwitchPlanHandler,
)
from cardiorisk.web.files import (
    ASSETS_ROUTE,
    AssetHandler,
    DocsFileHandler,
    DocsHandler,
    OpenApiHandler,
)
from cardiorisk.web.metrics import MetricsHandler
from cardiorisk.web.operations import Route
from cardiorisk.web.operators import (
    EventsHandler,
    LogHandler,
    OperatedAccountHandler,
    OperatedAccountsHandler,
    OperatedKeyHandler,
    OperatedPlanHandler,
    OverviewHandler,
    ResumeHandler,
    SuspendHandler,
)
from cardiorisk.web.original import OriginalPredictHandler, OriginalPredictionHandler
from cardiorisk.web.predictions import PredictionHandler, PredictionsHandler
from cardiorisk.web.reader import ReadingApplication, Target
from cardiorisk.web.service import ServiceHandler
from cardiorisk.web.status import HealthHandler, ModelHandler, ReadyHandler, ReloadHandler

if TYPE_CHECKING:
    from cardiorisk.web.services import Services


FREEMIUM, PREMIUM = {"plan": "freemium"}, {"plan": "premium"}

ROUTES: tuple[Route, ...] = (
    Route("/service", ServiceHandler, "service"),
    Route("/predictions", PredictionsHandler, "predictions"),
    Route("/predictions/{id}", PredictionHandler, "predictions"),
    Route("/register", RegisterHandler, "account"),
    Route("/login", LoginHandler, "account"),
    Route("/refresh", RefreshHandler, "account"),
    Route("/logout", LogoutHandler, "account"),
    Route("/SwitchToPremium", SwitchPlanHandler, "account", PREMIUM),
    Route("/SwitchToFreemium", SwitchPlanHandler, "account", FREEMIUM),
    Route("/account", AccountHandler, "account"),
    Route("/account/password", PasswordHandler, "account"),
    Route("/account/keys", KeysHandler, "keys"),
    Route("/account/keys/{id}", KeyHandler, "keys"),
    Route("/account/keys/{id}/rotate", RotateHandler, "keys"),
    Route("/freemium/predict", OriginalPredictHandler, "original", FREEMIUM),
    Route("/freemium/predictById/{id}", OriginalPredictionHandler, "original", FREEMIUM),
    Route("/premium/predict", OriginalPredictHandler, "original", PREMIUM),
    Route("/premium/predictById/{id}", OriginalPredictionHandler, "original", PREMIUM),
    Route("/healthz", HealthHandler, "operation"),
    Route("/readyz", ReadyHandler, "operation"),
    Route("/model", ModelHandler, "operation"),
    Route("/model/reload", ReloadHandler, "operation"),
    Route("/metrics", MetricsHandler, "operation"),
    Route("/operator/overview", OverviewHandler, "operators"),
    Route("/operator/events", EventsHandler, "operators"),
    Route("/operator/log", LogHandler, "operators"),
    Route("/operator/accounts", OperatedAccountsHandler, "operators"),
    Route("/operator/accounts/{id}", OperatedAccountHandler, "operators"),
    Route("/operator/accounts/{id}/suspend", SuspendHandler, "operators"),
    Route("/operator/accounts/{id}/resume", ResumeHandler, "operators"),
    Route("/operator/accounts/{id}/plan", OperatedPlanHandler, "operators"),
    Route("/operator/accounts/{id}/keys/{key_id}/revoke", OperatedKeyHandler, "operators"),
    Route("/openapi.json", OpenApiHandler, "operation"),
    Route("/docs", DocsHandler, "operation"),
    Route("/docs/{file}", DocsFileHandler, "operation"),
    Route("/", AssessPageHandler),
    Route("/entrar", LoginPageHandler),
    Route("/registro", RegisterPageHandler),
    Route("/salir", LogoutPageHandler),
    Route("/cuenta", AccountPageHandler),
    Route("/claves", KeysPageHandler),
    Route("/evaluaciones", AssessmentsPageHandler),
    Route("/evaluaciones.csv", ExportHandler),
    Route("/panel", PanelHandler),
    Route("/panel/cuentas", PanelAccountsHandler),
    Route("/panel/eventos", PanelEventsHandler),
    Route(ASSETS_ROUTE, AssetHandler),
)

API_ROUTES = tuple(route for route in ROUTES if route.tag)
"""What the API's description describes."""

_TEMPLATES = Path(__file__).parent / "pages" / "templates"

NO_ROUTE = "*"
"""What the bitácora calls the route of a path that is not in the table."""


class CardioriskApplication(ReadingApplication):
    """The routes over one set of services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        super().__init__(
            {route.template: _target(route, services) for route in ROUTES},
            Target(NowhereHandler, {"services": services, "route": NO_ROUTE}),
            services.traffic,
            template_path=str(_TEMPLATES),
            languages=load_languages(),
            route_templates=(*(route.template for route in ROUTES), NO_ROUTE),
        )


def _target(route: Route, services: Services) -> Target:
    options = {"services": services, "route": route.template, **route.options}
    return Target(route.handler, options)
