"""A table of houses in; out a model, trained with XGBoost over Ray, judged, registered and served."""
