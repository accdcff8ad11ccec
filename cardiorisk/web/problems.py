"""How a failure looks over HTTP: one table of statuses, one way to write them (RFC 9457)."""

from dataclasses import dataclass
from http import HTTPStatus

from cardiorisk import errors
from cardiorisk.patients import words
from cardiorisk.patients.words import Language
from cardiorisk.web.shapes import FieldProblemAnswer, ProblemAnswer, faults_answer

CONTENT_TYPE = "application/problem+json"
_INFERENCE = "/v2"  # below it clients show the member ``error`` of plain JSON alone


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means over HTTP; another try makes sense after a while, or not at all."""

    status: int
    title: str
    retry_after_seconds: int | None = None


_BY_ERROR: dict[type[errors.ServiceError], Problem] = {
    errors.MissingKey: Problem(401, "No API key was given"),
    errors.InvalidKey: Problem(401, "The API key is not valid"),
    errors.InvalidLogin: Problem(401, "The name or the password is wrong"),
    errors.RateLimited: Problem(429, "The minute's limit is used up"),
    errors.MalformedBody: Problem(400, "The body cannot be read"),
    errors.InvalidPatient: Problem(422, "The patient's values cannot be accepted"),
    errors.InvalidAccount: Problem(422, "The account's fields cannot be accepted"),
    errors.InvalidQuery: Problem(422, "The query's parameters cannot be accepted"),
    errors.Taken: Problem(409, "The name or the address is taken"),
    errors.Conflict: Problem(409, "What was asked contradicts what is stored"),
    errors.TooManyAttempts: Problem(429, "Too many attempts"),
    errors.WrongPlan: Problem(403, "The route is for another plan"),
    errors.WrongXsrfToken: Problem(403, "Nothing shows that a page of the service sent this"),
    errors.UnknownAccount: Problem(404, "There is no such account"),
    errors.UnknownKey: Problem(404, "The account has no such key"),
    errors.UnknownAssessment: Problem(404, "The account has no such assessment"),
    errors.LimitedKey: Problem(403, "The key may manage itself alone"),
    errors.RegistrationClosed: Problem(403, "Registration is closed"),
    errors.AccountSuspended: Problem(403, "The account is suspended"),
    errors.OperatorOnly: Problem(403, "The route is for operators"),
    errors.ReloadUnderWay: Problem(409, "A reload is under way", retry_after_seconds=5),
    errors.UnusableArtefact: Problem(409, "The new network cannot be used; the old one goes on"),
    errors.BodyTimeout: Problem(408, "The body has not come in time"),
    errors.BodyTooLarge: Problem(413, "The body is too large"),
    errors.UnsupportedCoding: Problem(415, "The body is coded"),
    errors.NotFound: Problem(404, "Nothing is served here"),
    errors.MethodNotAllowed: Problem(405, "The method is not allowed here"),
    # Not a registered status: the customary mark, in logs only, of a caller who hung up.
    errors.ClientClosed: Problem(499, "The caller closed the connection"),
    errors.Overloaded: Problem(503, "The service is overloaded", retry_after_seconds=1),
    errors.NotReady: Problem(503, "The service is not ready", retry_after_seconds=5),
    errors.LogUnavailable: Problem(503, "The request log cannot be written", retry_after_seconds=5),
    errors.StoreUnavailable: Problem(503, "The database cannot be used", retry_after_seconds=5),
    errors.LimitsUnavailable: Problem(503, "The limit cannot be counted", retry_after_seconds=1),
    errors.InternalFailure: Problem(500, "Something went wrong inside the service"),
}
# Every code that can reach a caller, and those of problems that name every field they are about.
PROBLEMS = {error.code: problem for error, problem in _BY_ERROR.items()}
_FIELD_ERRORS = (errors.InvalidPatient, errors.InvalidAccount, errors.InvalidQuery, errors.Taken)
FIELD_PROBLEMS = {error.code for error in _FIELD_ERRORS}


def content_type_of(path: str) -> str:
    return "application/json" if path.startswith(_INFERENCE) else CONTENT_TYPE


def problem_of(error: errors.ServiceError) -> Problem:
    return PROBLEMS.get(error.code, PROBLEMS[errors.InternalFailure.code])


def problem_headers(error: errors.ServiceError) -> dict[str, str]:
    """Return what the error's answer needs, but for ``Content-Type`` and ``Allow``."""
    problem = problem_of(error)
    headers = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        why = ', error="invalid_token"' if isinstance(error, errors.InvalidKey) else ""
        headers["WWW-Authenticate"] = f'Bearer realm="cardiorisk"{why}'
    if isinstance(error, errors.UnsupportedCoding):
        headers["Accept-Encoding"] = "identity"
    if isinstance(error, errors.RateLimited | errors.TooManyAttempts):
        headers["Retry-After"] = str(error.resets_in_seconds)
    elif problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return headers


def problem_answer(
    error: errors.ServiceError, request_id: str, path: str = "", language: Language = "en"
) -> ProblemAnswer | FieldProblemAnswer:
    code = error.code if error.code in PROBLEMS else errors.InternalFailure.code
    detail = str(error)
    faults = faults_answer(error.faults, language) if isinstance(error, _FIELD_ERRORS) else []
    if isinstance(error, errors.InvalidPatient):
        said = words.ONE_FAULT if len(faults) == 1 else words.FAULTS
        names = errors.named(error.faults)
        detail = said.filled(names=names, count=len(faults)).to(language)
    document = problem_document(code, detail, request_id)
    if path.startswith(_INFERENCE):
        sentences = "; ".join([f"{fault['field']} {fault['detail']}" for fault in faults])
        document["error"] = sentences or detail
    return {**document, "errors": faults} if faults else document


def problem_document(code: str, detail: str, request_id: str) -> ProblemAnswer:
    problem = PROBLEMS[code]
    return {
        "type": f"urn:cardiorisk:problem:{code}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
