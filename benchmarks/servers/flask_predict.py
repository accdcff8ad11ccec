"""The original system's stack, written anew: Flask, Flask-Limiter, JWT and ``model.predict``.

The original also wrote every prediction into a database and scaled its inputs nowhere; neither is
done here, and the network is the committed one, which scales by itself. It is served as the
original was, by Flask's own server with a thread a connection.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import keras
import numpy as np
from flask import Flask, Response, jsonify, request
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required
from flask_limiter import Limiter

FIELDS = ("nivel_colesterol", "presion_arterial", "azucar", "edad", "sobrepeso", "tabaquismo")
THRESHOLD = 0.5

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["BENCHMARK_SECRET"]
app.config["JWT_ACCESS_TOKEN_EXPIRES"] = False  # a run takes longer than a token lasts
jwt = JWTManager(app)
limiter = Limiter(key_func=get_jwt_identity, app=app, storage_uri="memory://")
model = keras.models.load_model(os.environ["BENCHMARK_KERAS"])


@app.post("/service")
@jwt_required()
@limiter.limit("1000000000 per minute")
def service() -> Response:
    patient = request.get_json()
    row = np.array([[patient[name] for name in FIELDS]], dtype=np.float32)  # (1, 6)
    probability = float(model.predict(row, verbose=0)[0, 0])
    return jsonify(
        riesgo_cardiaco=probability >= THRESHOLD, probabilidad=probability, umbral=THRESHOLD
    )


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with app.app_context():
        Path("token").write_text(create_access_token(identity="bench"))
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
