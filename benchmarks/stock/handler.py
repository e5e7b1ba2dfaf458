"""The handler that anyone writes first: Prophet in sagemaker-inference's functions."""

import json
from pathlib import Path
from typing import Any

from prophet import Prophet
from prophet.serialize import model_from_json
from sagemaker_inference.default_handler_service import DefaultHandlerService
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.transformer import Transformer


class ProphetHandler(DefaultInferenceHandler):
    """One model, one forecast a request."""

    def default_model_fn(self, model_dir: str, context: Any = None) -> Prophet:  # noqa: ANN401, ARG002
        """Return the model in the folder."""
        return model_from_json((Path(model_dir) / "model.json").read_text())

    def default_input_fn(self, data: bytes, content_type: str, context: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Return the request."""
        return json.loads(data)

    def default_predict_fn(self, data: Any, model: Prophet, context: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Return the forecast."""
        future = model.make_future_dataframe(data["period"], include_history=False)
        return model.predict(future)[["ds", "yhat", "yhat_lower", "yhat_upper"]]

    def default_output_fn(self, prediction: Any, accept: str, context: Any = None) -> str:  # noqa: ANN401, ARG002
        """Return the response."""
        records = json.loads(prediction.to_json(orient="records", date_format="iso"))
        return json.dumps({"predictions": records})


_service = DefaultHandlerService(transformer=Transformer(default_inference_handler=ProphetHandler()))


def handle(data: Any, context: Any) -> Any:  # noqa: ANN401
    """Load the model where `data` is None, and answer otherwise."""
    if data is None:
        _service.initialize(context)
        return None
    return _service.handle(data, context)
