"""The one table of paths, and the Tornado application that serves it."""

from pathlib import Path

from cardiorisk.pages import account as account_pages
from cardiorisk.pages import assess, assessments, panel
from cardiorisk.pages.base import NowhereHandler
from cardiorisk.pages.deeds import Deeds
from cardiorisk.pages.languages import load_languages
from cardiorisk.web import (
    account,
    batches,
    documents,
    events,
    inference,
    operators,
    predictions,
    service,
    status,
)
from cardiorisk.web.documents import ASSETS_ROUTE
from cardiorisk.web.operations import Route
from cardiorisk.web.origins import for_origins
from cardiorisk.web.proxies import TrustedProxies
from cardiorisk.web.reader import ReadingApplication, Target
from cardiorisk.web.services import Services

_VERSION = "/v2/models/cardiorisk/versions/{version}"
ROUTES: tuple[Route, ...] = (
    Route("/service", service.ServiceHandler, "service"),
    Route("/service/lote", batches.BatchHandler, "service"),
    Route("/v2", inference.ServerHandler, "inference"),
    Route("/v2/health/live", inference.LiveHandler, "inference"),
    Route("/v2/health/ready", inference.ServerReadyHandler, "inference"),
    Route("/v2/models/cardiorisk", inference.NetworkHandler, "inference"),
    Route("/v2/models/cardiorisk/ready", inference.NetworkReadyHandler, "inference"),
    Route("/v2/models/cardiorisk/infer", inference.InferHandler, "inference"),
    Route(_VERSION, inference.NetworkHandler, "inference"),
    Route(f"{_VERSION}/ready", inference.NetworkReadyHandler, "inference"),
    Route(f"{_VERSION}/infer", inference.InferHandler, "inference"),
    Route("/predictions", predictions.PredictionsHandler, "predictions"),
    Route("/predictions/{id}", predictions.PredictionHandler, "predictions"),
    Route("/register", account.RegisterHandler, "account"),
    Route("/login", account.LoginHandler, "account"),
    Route("/refresh", account.RefreshHandler, "account"),
    Route("/logout", account.LogoutHandler, "account"),
    Route("/SwitchToPremium", account.SwitchPlanHandler, "account", "premium"),
    Route("/SwitchToFreemium", account.SwitchPlanHandler, "account", "freemium"),
    Route("/account", account.AccountHandler, "account"),
    Route("/account/password", account.PasswordHandler, "account"),
    Route("/account/keys", account.KeysHandler, "keys"),
    Route("/account/keys/{id}", account.KeyHandler, "keys"),
    Route("/account/keys/{id}/rotate", account.RotateHandler, "keys"),
    Route("/freemium/predict", predictions.OriginalHandler, "original", "freemium"),
    Route("/freemium/predictById/{id}", predictions.OriginalItemHandler, "original", "freemium"),
    Route("/premium/predict", predictions.OriginalHandler, "original", "premium"),
    Route("/premium/predictById/{id}", predictions.OriginalItemHandler, "original", "premium"),
    Route("/healthz", status.HealthHandler, "operation"),
    Route("/readyz", status.ReadyHandler, "operation"),
    Route("/model", status.ModelHandler, "operation"),
    Route("/model/reload", status.ReloadHandler, "operation"),
    Route("/metrics", status.MetricsHandler, "operation"),
    Route("/operator/overview", operators.OverviewHandler, "operators"),
    Route("/operator/events", events.EventsHandler, "operators"),
    Route("/operator/log", events.LogHandler, "operators"),
    Route("/operator/accounts", operators.OperatedAccountsHandler, "operators"),
    Route("/operator/accounts/{id}", operators.OperatedAccountHandler, "operators"),
    Route("/operator/accounts/{id}/suspend", operators.SuspendHandler, "operators"),
    Route("/operator/accounts/{id}/resume", operators.ResumeHandler, "operators"),
    Route("/operator/accounts/{id}/plan", operators.OperatedPlanHandler, "operators"),
    Route(
        "/operator/accounts/{id}/keys/{key_id}/revoke", operators.OperatedKeyHandler, "operators"
    ),
    Route("/openapi.json", documents.OpenApiHandler, "operation"),
    Route("/docs", documents.DocsHandler, "operation"),
    Route("/docs/{file}", documents.FileHandler, "operation"),
    Route("/", assess.AssessPageHandler),
    Route("/lote", assess.ManyPageHandler),
    Route("/entrar", account_pages.LoginPageHandler),
    Route("/registro", account_pages.RegisterPageHandler),
    Route("/salir", account_pages.LogoutPageHandler),
    Route("/cuenta", account_pages.AccountPageHandler),
    Route("/claves", account_pages.KeysPageHandler),
    Route("/claves/uso", account_pages.KeyUseHandler),
    Route("/evaluaciones", assessments.AssessmentsPageHandler),
    Route("/evaluaciones.csv", assessments.ExportHandler),
    Route("/panel", panel.PanelHandler),
    Route("/panel/cuentas", panel.PanelAccountsHandler),
    Route("/panel/eventos", panel.PanelEventsHandler),
    Route("/swagger-ui", documents.SwaggerUiHandler),
    Route(ASSETS_ROUTE, documents.FileHandler),
)

API_ROUTES = tuple(route for route in ROUTES if route.tag)  # which the API's description has
NO_ROUTE = "*"  # the bitácora's name for a path that is not in the table


class CardioriskApplication(ReadingApplication):
    def __init__(self, services: Services) -> None:
        self.services = services
        trusted = services.settings.trusted_proxies
        origins = services.settings.allowed_origins
        super().__init__(
            {
                route.template: Target(
                    for_origins(origins, route.handler) if route.tag else route.handler,
                    {"services": services, "route": route.template, "plan": route.plan},
                )
                for route in ROUTES
            },
            Target(for_origins(origins, NowhereHandler), {"services": services, "route": NO_ROUTE}),
            services.traffic,
            TrustedProxies(trusted) if trusted else None,
            template_path=str(Path(__file__).parent / "pages" / "templates"),
            languages=load_languages(),
            deeds=Deeds(),
            route_templates=(*(route.template for route in ROUTES), NO_ROUTE),
        )
