"""A subscription service that estimates cardiac risk with a small neural network."""

TYPE_CHECKING = False  # not typing's, which takes longer to import than all else here

if TYPE_CHECKING:
    from cardiorisk.scoring.frames import predict as predict
else:

    def __getattr__(name: str) -> object:
        """Give ``predict``, the door for Python, whose libraries are loaded when it is used."""
        if name != "predict":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from cardiorisk.scoring.frames import predict  # noqa: PLC0415 - see above

        return predict
