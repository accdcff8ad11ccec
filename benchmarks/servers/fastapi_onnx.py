"""FastAPI with a pydantic model, ONNX Runtime and slowapi's limit, on uvicorn.

A key is compared in constant time, the limit counts in memory by key and never refuses, and the six
fields are validated with the ranges of the service. There is no log, no metric and no queue.
"""

from __future__ import annotations

import os
import secrets
import sys
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded

from benchmarks.servers.onnx_network import Network

SECRET = os.environ["BENCHMARK_SECRET"]


class Patient(BaseModel):
    """The six values, as the service accepts them."""

    model_config = ConfigDict(extra="forbid")

    nivel_colesterol: float = Field(ge=1.0, le=3.0)
    presion_arterial: float = Field(ge=0.6, le=1.8)
    azucar: float = Field(ge=0.5, le=2.0)
    edad: int = Field(ge=0, le=99)
    sobrepeso: bool
    tabaquismo: bool


def key_of(request: Request) -> str:
    return request.headers.get("authorization", "")


def require_key(authorization: Annotated[str, Header()]) -> None:
    if not secrets.compare_digest(authorization.encode(), SECRET.encode()):
        raise HTTPException(status_code=401, detail="invalid key")


limiter = Limiter(key_func=key_of, headers_enabled=False)
network = Network()
app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


@app.post("/service", dependencies=[Depends(require_key)])
@limiter.limit("1000000000/minute")
async def service(request: Request, patient: Patient) -> dict[str, Any]:  # noqa: ARG001 - slowapi finds the request by its name
    """Assess a patient, on the loop: the network takes some microseconds."""
    return network.answer(patient.model_dump())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
