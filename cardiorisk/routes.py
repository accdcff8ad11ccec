"""The one table of paths, and the Tornado application that serves it.

It must not say what anybody answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
from cardiorisk.web.reader import ReadingApplication, Target, path_pattern
from cardiorisk.web.service import ServiceHandler
from cardiorisk.web.status import HealthHandler, ModelHandler, ReadyHandler, ReloadHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardiorisk.web.handlers import BaseHandler
    from cardiorisk.web.services import Services


@dataclass(frozen=True, slots=True)
class Route:
    """A path and who answers it.

    Attributes:
        template: the path, with a name in braces, as ``{id}``, where it varies.
        handler: the class of its handler.
        options: what ``initialize`` is told beside the services and the template.
        is_page: whether it is for people to look at, and no part of the API.
    """

    template: str
    handler: type[BaseHandler]
    options: Mapping[str, str] = field(default_factory=dict)
    is_page: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression that matches the path."""
        return path_pattern(self.template)


FREEMIUM, PREMIUM = {"plan": "freemium"}, {"plan": "premium"}

ROUTES: tuple[Route, ...] = (
    Route("/service", ServiceHandler),
    Route("/predictions", PredictionsHandler),
    Route("/predictions/{id}", PredictionHandler),
    Route("/register", RegisterHandler),
    Route("/login", LoginHandler),
    Route("/refresh", RefreshHandler),
    Route("/logout", LogoutHandler),
    Route("/SwitchToPremium", SwitchPlanHandler, PREMIUM),
    Route("/SwitchToFreemium", SwitchPlanHandler, FREEMIUM),
    Route("/account", AccountHandler),
    Route("/account/password", PasswordHandler),
    Route("/account/keys", KeysHandler),
    Route("/account/keys/{id}", KeyHandler),
    Route("/account/keys/{id}/rotate", RotateHandler),
    Route("/freemium/predict", OriginalPredictHandler, FREEMIUM),
    Route("/freemium/predictById/{id}", OriginalPredictionHandler, FREEMIUM),
    Route("/premium/predict", OriginalPredictHandler, PREMIUM),
    Route("/premium/predictById/{id}", OriginalPredictionHandler, PREMIUM),
    Route("/healthz", HealthHandler),
    Route("/readyz", ReadyHandler),
    Route("/model", ModelHandler),
    Route("/model/reload", ReloadHandler),
    Route("/metrics", MetricsHandler),
    Route("/operator/overview", OverviewHandler),
    Route("/operator/events", EventsHandler),
    Route("/operator/log", LogHandler),
    Route("/operator/accounts", OperatedAccountsHandler),
    Route("/operator/accounts/{id}", OperatedAccountHandler),
    Route("/operator/accounts/{id}/suspend", SuspendHandler),
    Route("/operator/accounts/{id}/resume", ResumeHandler),
    Route("/operator/accounts/{id}/plan", OperatedPlanHandler),
    Route("/operator/accounts/{id}/keys/{key_id}/revoke", OperatedKeyHandler),
    Route("/openapi.json", OpenApiHandler),
    Route("/docs", DocsHandler),
    Route("/docs/{file}", DocsFileHandler),
    Route("/", AssessPageHandler, is_page=True),
    Route("/entrar", LoginPageHandler, is_page=True),
    Route("/registro", RegisterPageHandler, is_page=True),
    Route("/salir", LogoutPageHandler, is_page=True),
    Route("/cuenta", AccountPageHandler, is_page=True),
    Route("/claves", KeysPageHandler, is_page=True),
    Route("/evaluaciones", AssessmentsPageHandler, is_page=True),
    Route("/evaluaciones.csv", ExportHandler, is_page=True),
    Route("/panel", PanelHandler, is_page=True),
    Route("/panel/cuentas", PanelAccountsHandler, is_page=True),
    Route("/panel/eventos", PanelEventsHandler, is_page=True),
    Route(ASSETS_ROUTE, AssetHandler, is_page=True),
)

API_ROUTES = tuple(route for route in ROUTES if not route.is_page)
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
