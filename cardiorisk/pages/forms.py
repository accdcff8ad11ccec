"""Forms as a browser sends them, and where a reader may be sent afterwards.

Pure. A form's fields are texts; what they mean is for the rules that also read the API's bodies.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from cardiorisk.errors import MalformedBody

XSRF_FIELD = "_xsrf"
_MOST_FIELDS = 20
_PAGE = re.compile(r"[a-z]{1,20}(/[a-z]{1,20})?(\?[A-Za-z0-9%&=+._~*-]{0,600})?")


def read_form(body: bytes) -> dict[str, str]:
    """Read the fields of a form, the last of each name.

    Raises:
        MalformedBody: it is no form, or has far too many fields.
    """
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise MalformedBody("the form cannot be read") from error
    return dict(fields)


def local_page(text: str, otherwise: str) -> str:
    """Return a text where it can only be the path of a page of ours, without its first slash.

    Letters and a slash between them are all that is let through before a question mark, and what
    a query is made of after it, so no other server and no header can be named.
    """
    return text if _PAGE.fullmatch(text) else otherwise


def with_query(page: str, query: str) -> str:
    """Return the way to a page with a query, which may be empty."""
    return f"{page}?{query}" if query else page
