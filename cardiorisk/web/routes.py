"""The one table of paths, and the Tornado application that serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tornado.http1connection import HTTP1Connection
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

from cardiorisk.web.base import BaseHandler, NotFoundHandler
from cardiorisk.web.bodies import BoundedBody
from cardiorisk.web.service import ServiceHandler
from cardiorisk.web.status import HealthHandler, ModelHandler, ReadyHandler, ReloadHandler

if TYPE_CHECKING:
    from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest

    from cardiorisk.web.services import Services

ROUTES: tuple[tuple[str, type[BaseHandler]], ...] = (
    ("/service", ServiceHandler),
    ("/healthz", HealthHandler),
    ("/readyz", ReadyHandler),
    ("/model", ModelHandler),
    ("/model/reload", ReloadHandler),
)
"""Templates of the paths and their handlers."""

_NO_BOUND = 1 << 128  # Tornado's own bound gives no proper answer; BoundedBody does

NO_ROUTE = "*"
"""What the bitácora calls the route of a path that is not in the table."""


class CardioriskApplication(Application):
    """The routes over one set of services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        super().__init__(
            [
                URLSpec(template, handler, {"services": services, "route": template})
                for template, handler in ROUTES
            ],
            default_handler_class=NotFoundHandler,
            default_handler_args={"services": services, "route": NO_ROUTE},
            log_function=_keep_no_second_log,
        )

    def get_handler_delegate(  # type: ignore[override] # Tornado uses it as a message delegate
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> HTTPMessageDelegate:
        """Put the body's bound before every handler."""
        # A body is JSON whatever its label, and `curl -d` labels it a form: without the label,
        # Tornado leaves it unparsed.
        request.headers.pop("Content-Type", None)
        if isinstance(request.connection, HTTP1Connection):
            request.connection.set_max_body_size(_NO_BOUND)
        delegate = super().get_handler_delegate(
            request, target_class, target_kwargs, path_args, path_kwargs
        )
        return BoundedBody(delegate)


def _keep_no_second_log(handler: RequestHandler) -> None:
    """Replace Tornado's access log: the bitácora is the only record of requests."""
