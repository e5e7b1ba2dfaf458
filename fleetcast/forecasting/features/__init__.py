"""From timestamps and extra columns to the feature matrix X: seasonalities, holidays, regressors."""
