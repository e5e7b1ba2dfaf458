"""Prophet's own JSON: one declaration of its fields, a reader and a writer."""

from fleetcast.forecasting.prophet_json.accepted import field_table
from fleetcast.forecasting.prophet_json.read import loads
from fleetcast.forecasting.prophet_json.write import model_json, parameters_only, without_history

__all__ = ["field_table", "loads", "model_json", "parameters_only", "without_history"]
