"""The one table of paths, and the Tornado application that serves it.

The surprise: it takes the ``Content-Type`` off every request, for bodies are JSON whatever they
are called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

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
from cardiorisk.web.base import BaseHandler, NotFoundHandler
from cardiorisk.web.bodies import BoundedBody
from cardiorisk.web.documents import DocsFileHandler, DocsHandler, OpenApiHandler
from cardiorisk.web.metrics import MetricsHandler
from cardiorisk.web.original import OriginalPredictHandler, OriginalPredictionHandler
from cardiorisk.web.pages.assess import AssessPageHandler
from cardiorisk.web.pages.base import AssetHandler
from cardiorisk.web.pages.languages import load_languages
from cardiorisk.web.predictions import PredictionHandler, PredictionsHandler
from cardiorisk.web.service import ServiceHandler
from cardiorisk.web.status import HealthHandler, ModelHandler, ReadyHandler, ReloadHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.httputil import HTTPConnection, HTTPMessageDelegate, HTTPServerRequest
    from tornado.web import _HandlerDelegate

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
        return "([^/]+)".join(map(re.escape, re.split(r"\{[a-z]+\}", self.template)))


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
    Route("/openapi.json", OpenApiHandler),
    Route("/docs", DocsHandler),
    Route("/docs/{file}", DocsFileHandler),
    Route("/", AssessPageHandler, is_page=True),
    Route("/static/{version}/{file}", AssetHandler, is_page=True),
)

API_ROUTES = tuple(route for route in ROUTES if not route.is_page)
"""What the API's description describes."""

_TEMPLATES = Path(__file__).parent / "pages" / "templates"

_ROUTES_BY_PATH = {route.template: route for route in ROUTES if "{" not in route.template}

_NO_BOUND = 1 << 128  # Tornado's own bound gives no proper answer; BoundedBody does

NO_ROUTE = "*"
"""What the bitácora calls the route of a path that is not in the table."""


class CardioriskApplication(Application):
    """The routes over one set of services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._options = {
            route.template: {"services": services, "route": route.template, **route.options}
            for route in ROUTES
        }
        super().__init__(
            [
                URLSpec(route.pattern, route.handler, self._options[route.template])
                for route in ROUTES
            ],
            default_handler_class=NotFoundHandler,
            default_handler_args={"services": services, "route": NO_ROUTE},
            log_function=_keep_no_second_log,
            template_path=str(_TEMPLATES),
            languages=load_languages(),
        )

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Put the bounds of size and time before every request."""
        return BoundedBody(
            super().start_request(server_conn, request_conn),
            cast("HTTP1Connection", request_conn).stream,
            self.services.traffic,
            self.services.patience,
        )

    def find_handler(self, request: HTTPServerRequest, **options: Any) -> _HandlerDelegate:
        """Look a path that does not vary up, and match the others in turn as Tornado does."""
        route = _ROUTES_BY_PATH.get(request.path or "")
        if route is None:
            return super().find_handler(request, **options)
        delegate = self.get_handler_delegate(request, route.handler, self._options[route.template])
        return cast("_HandlerDelegate", delegate)

    def get_handler_delegate(  # type: ignore[override] # Tornado uses it as a message delegate
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> HTTPMessageDelegate:
        """Hand every body over as it is, for ``BoundedBody`` to bound."""
        # A body is JSON whatever its label, and `curl -d` labels it a form: without the label,
        # Tornado leaves it unparsed.
        request.headers.pop("Content-Type", None)
        if isinstance(request.connection, HTTP1Connection):
            request.connection.set_max_body_size(_NO_BOUND)
        return super().get_handler_delegate(
            request, target_class, target_kwargs, path_args, path_kwargs
        )


def _keep_no_second_log(handler: RequestHandler) -> None:
    """Replace Tornado's access log: the bitácora is the only record of requests."""
