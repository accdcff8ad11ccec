"""The two things that can run the saved network, and loading it checked.

Neither is thread-safe: one thread at a time may call it. TensorFlow is imported when a Keras engine
is made and never otherwise; it takes many seconds and hundreds of megabytes.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from cardiorisk.config import EngineName
from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import KERAS_FILE, LITERT_FILE, Card, load_card
from cardiorisk.patients.patient import FIELDS


class Engine(Protocol):
    is_instant: bool  # whether the event loop may run one row itself: nothing in it can wait

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return each row's probability of risk, shape (n,), for shape (n, 6), n at least 1."""
        ...


class KerasEngine:
    """The Keras model as a graph of constants, called in a session.

    One row takes it about 25 µs. A concrete function takes ten times as long, for TensorFlow hands
    it to threads of its own; a session can be told to stay on its caller's.
    """

    is_instant = False  # quick, but nobody knows what TensorFlow may wait for (decision 0003)

    def __init__(self, path: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its notice, and no gain for 6 inputs
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        # A name for what only tests would write, or the import would look for a directory that
        # can be written to, and a read-only container has none.
        os.environ.setdefault("TEST_TMPDIR", os.devnull)
        import keras  # noqa: PLC0415 - see the module docstring
        import tensorflow as tf  # noqa: PLC0415 - likewise

        with suppress(RuntimeError):  # or the process has run something, and keeps its threads
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
            self._run = _session_call(tf, model)
        except (ValueError, TypeError, OSError, tf.errors.OpError) as error:
            raise UnusableArtefact(f"Keras cannot load {path}: {_first_line(error)}") from error

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", self._run(rows)[:, 0])  # of (n, 1)


def _session_call(tf: Any, model: Any) -> Any:
    """Return what runs the model, its weights as constants, on its caller's thread."""
    from tensorflow.core.protobuf import config_pb2  # noqa: PLC0415 - see the module docstring

    learned = [weight.numpy() for weight in model.trainable_variables]
    fixed = [weight.numpy() for weight in model.non_trainable_variables]

    def assess(rows: Any) -> Any:
        return model.stateless_call(learned, fixed, rows, training=False)[0]

    signature = tf.TensorSpec((None, len(FIELDS)), tf.float32)
    # Without AutoGraph, which writes the function's source anew into a temporary file.
    function = tf.function(assess, autograph=False).get_concrete_function(signature)
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(function.graph.as_graph_def(), name="")
    on_callers_thread = config_pb2.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1
    )
    session = tf.compat.v1.Session(graph=graph, config=on_callers_thread)
    call = config_pb2.CallableOptions(
        feed=[function.inputs[0].name], fetch=[function.outputs[0].name]
    )
    # With something to feed, its public counterpart prepares the whole run anew at each call.
    run = session._make_callable_from_options(call)  # noqa: SLF001 - see above
    return lambda rows: run(rows)[0]


class LiteRTEngine:
    """The converted network; resized only when the number of rows changes."""

    is_instant = True  # about 5 µs

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - half a second

        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=1)
            with _quiet_native_code():
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError) as error:
            raise UnusableArtefact(f"LiteRT cannot load {path}: {_first_line(error)}") from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._rows_allocated = 0

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(rows) != self._rows_allocated:
            self._interpreter.resize_tensor_input(self._input, rows.shape)
            self._interpreter.allocate_tensors()
            self._rows_allocated = len(rows)
        self._interpreter.set_tensor(self._input, rows)
        self._interpreter.invoke()
        return cast("NDArray[np.float32]", self._interpreter.get_tensor(self._output)[:, 0])


@contextmanager
def _quiet_native_code() -> Iterator[None]:
    """Swallow what LiteRT's C++ announces; it has no setting for that."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


ENGINES: Mapping[EngineName, tuple[str, Callable[[Path], Engine]]] = {
    "keras": (KERAS_FILE, KerasEngine),
    "litert": (LITERT_FILE, LiteRTEngine),
}
"""Each engine's file in the directory of an artefact, and what makes the engine of it."""

GOLDEN_TOLERANCE = 1e-4  # engines round differently


@dataclass(frozen=True, slots=True)
class Artefact:
    """A network that has proved itself: its card and the engine that runs it."""

    card: Card
    engine: Engine


def load_artefact(directory: Path, engine_name: EngineName) -> Artefact:
    """Load the network in ``directory``, check it by its hash and its golden rows, and warm it."""
    card = load_card(directory)
    file_name, make_engine = ENGINES[engine_name]
    path = directory / file_name
    try:
        found = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnusableArtefact(f"cannot read the network {path}: {error.strerror}") from error
    if found != card.files[file_name]:
        raise UnusableArtefact(
            f"{path} is not the file that its card describes: restore it or train again"
        )
    engine = make_engine(path)
    rows = np.array([row.values for row in card.golden_rows], dtype=np.float32)  # (g, 6)
    expected = np.array([row.probability for row in card.golden_rows])  # (g,)
    try:
        difference = float(np.max(np.abs(engine.probabilities(rows) - expected)))
    except Exception as error:  # tf.errors cannot be named without TensorFlow
        raise UnusableArtefact(f"{path} cannot run its golden rows: train it again") from error
    # Written so that a NaN, which compares false with everything, is refused too.
    if not difference <= GOLDEN_TOLERANCE:
        raise UnusableArtefact(
            f"{path} misses its golden rows by {difference:.2g} "
            f"(at most {GOLDEN_TOLERANCE:g} is accepted): train it again"
        )
    return Artefact(card, engine)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
