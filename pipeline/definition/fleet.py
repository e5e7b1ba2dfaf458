"""The fleet's pipeline: Ingest -> Process -> Tune or Train -> Evaluate -> Gate -> Register, or Fail."""

from collections.abc import Mapping
from typing import Final

from fleetcast.errors import SettingError
from pipeline.definition.jobs import (
    Instances,
    Job,
    ModelPackage,
    ProcessingInput,
    ProcessingOutput,
    Search,
    Training,
)
from pipeline.definition.options import DEFAULT_LIMITS, FleetOptions
from pipeline.definition.steps import (
    Condition,
    ConditionStep,
    FailStep,
    JobStep,
    Pipeline,
    PropertyFile,
    Retry,
    Step,
)
from pipeline.definition.values import EXECUTION_ID, Get, Join, JsonGet, Parameter, Value, text_of
from pipeline.gate import NONE
from train.figures import FIGURES

OBJECTIVE: Final = "mean_mase"
"""What a tuning job minimizes: the error on the last readings before the cutoff, which `train` holds out."""
HOLDOUT: Final = "7D"
"""Of the training jobs of a tuning job, which need a measured error, where the hyperparameters set none."""
METRICS: Final = {figure.name: f"{figure.name}=([0-9.]+);" for figure in FIGURES}
CONTENT_TYPES: Final = ("application/json", "application/jsonlines", "text/csv")
RETRIES: Final = (
    Retry(exceptions=("Step.SERVICE_FAULT", "Step.THROTTLING"), interval_seconds=10, max_attempts=5),
    Retry(
        exceptions=("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
        interval_seconds=60,
        max_attempts=5,
    ),
)
"""Faults of the service are tried again; a program that fails is not, because it would fail again."""
EVALUATION, GATE = "EvaluationReport", "GateReport"
OFFLINE_STORE_MINUTES: Final = 15
"""Time within which Feature Store writes a record to the offline store, from which the next steps read."""
CONTINUOUS: Final = (
    ("changepoint_prior_scale", 0.001, 0.5, "Logarithmic"),
    ("seasonality_prior_scale", 0.01, 10.0, "Logarithmic"),
    ("changepoint_range", 0.8, 0.95, "Linear"),
)
INTEGER: Final = (("n_changepoints", 5, 50, "Linear"),)
CATEGORICAL: Final = (("seasonality_mode", ("additive", "multiplicative")),)
"""What a tuning job searches, as Prophet's documentation recommends."""


def fleet_pipeline(options: FleetOptions) -> Pipeline:
    """Return the pipeline that the options choose; raise SettingError where they contradict each other."""
    return _Fleet(options).pipeline()


class _Fleet:
    """The steps of one pipeline, which share parameters, machines and places in S3."""

    def __init__(self, options: FleetOptions) -> None:
        self.options = options
        self.parameters: list[Parameter] = []
        self.job = Job(image=self._text("Image", options.image), role=self._text("Role", options.role))
        self.bucket = self._text("Bucket", options.bucket)
        self.cache = f"P{options.cache_days}D" if options.cache_days else ""
        self.small = Instances(type=self._text("ProcessingInstanceType", options.processing_instance_type))

    def pipeline(self) -> Pipeline:
        """Return the whole pipeline."""
        ingest = self._ingest() if self.options.feature_group else None
        source = () if ingest else (self._readings_input(),)
        after = (ingest.name,) if ingest else ()
        cutoff = self._text("Cutoff", self.options.cutoff)
        history = self._process("Process", ("--before", cutoff), source, after)
        actuals = self._process("ProcessActuals", ("--since", cutoff), source, after)
        model = self._tune(history) if self.options.tune else self._train(history)
        evaluate = self._evaluate(model, history, actuals)
        gate = self._gate(evaluate)
        steps: list[Step] = [history, actuals, model, evaluate, gate, self._decide(model, evaluate, gate)]
        return Pipeline(
            name=self.options.name,
            parameters=tuple(self.parameters),
            steps=tuple([ingest, *steps] if ingest else steps),
        )

    def _parameter(self, parameter: Parameter) -> Get:
        self.parameters.append(parameter)
        return parameter.value

    def _text(self, name: str, default: str) -> Get:
        return self._parameter(Parameter(name=name, type="String", default=default or None))

    def _readings_input(self) -> ProcessingInput:
        uri = self._text("Readings", self.options.raw_readings)
        return ProcessingInput(name="readings", source=uri, folder="input")

    def _place(self, step: str, output: str) -> Join:
        """Return where in S3 a step of this execution writes an output."""
        name = self.options.name
        return Join(("s3:/", self.bucket, name, EXECUTION_ID, step, "output", output), on="/")

    def _output(self, step: str, name: str, folder: str) -> ProcessingOutput:
        return ProcessingOutput(name=name, folder=folder, destination=self._place(step, name))

    def _ingest(self) -> JobStep:
        minutes = Parameter(name="OfflineStoreMinutes", type="Integer", default=OFFLINE_STORE_MINUTES)
        wait = ("--wait-minutes", text_of(self._parameter(minutes)))
        arguments = self.job.processing(
            "ingest",
            ("--feature-group", self.options.feature_group, *wait, *self.options.process_options),
            instances=self.small,
            inputs=(self._readings_input(),),
        )
        return JobStep(name="Ingest", type="Processing", arguments=arguments, retries=RETRIES)

    def _process(
        self,
        name: str,
        limit: tuple[Value, ...],
        source: tuple[ProcessingInput, ...],
        after: tuple[str, ...],
    ) -> JobStep:
        group = self.options.feature_group
        place = (*(("--from-feature-store", group) if group else ()), *self.options.process_options)
        arguments = self.job.processing(
            "process",
            (*place, *limit),
            instances=self.small,
            inputs=source,
            outputs=(self._output(name, "customers", "output"),),
        )
        return JobStep(
            name=name,
            type="Processing",
            arguments=arguments,
            # The arguments do not show what is in the feature store, so an equal job may have another result
            cache="" if group else self.cache,
            retries=RETRIES,
            depends_on=after,
        )

    def _training(self, metrics: Mapping[str, str], hyperparameters: Mapping[str, str]) -> Training:
        count = Parameter(name="InstanceCount", type="Integer", default=self.options.instance_count)
        isolation = Parameter(name="NetworkIsolation", type="Boolean", default=False)
        return Training(
            instances=Instances(
                type=self._text("InstanceType", self.options.instance_type), count=self._parameter(count)
            ),
            hyperparameters=hyperparameters,
            metrics=metrics,
            output=Join(("s3:/", self.bucket, self.options.name, "models"), on="/"),
            network_isolation=self._parameter(isolation),
        )

    def _train(self, history: JobStep) -> JobStep:
        arguments = self.job.training(
            {"train": history.output("customers")},
            self._training(METRICS, self.options.hyperparameters),
            checkpoints=Join(("s3:/", self.bucket, self.options.name, "checkpoints"), on="/"),
        )
        return JobStep(name="Train", type="Training", arguments=arguments, cache=self.cache, retries=RETRIES)

    def _tune(self, history: JobStep) -> JobStep:
        options = self.options
        search = Search(
            metric=OBJECTIVE,
            jobs=self._parameter(Parameter(name="TuningJobs", type="Integer", default=options.tuning_jobs)),
            jobs_at_once=options.tuning_jobs_at_once,
            continuous=CONTINUOUS,
            integer=INTEGER,
            categorical=CATEGORICAL,
        )
        if fixed := sorted(search.names & options.hyperparameters.keys()):
            raise SettingError(f"--hyperparameter {fixed[0]} cannot be set with --tune, which searches it")
        arguments = self.job.tuning(
            {"train": history.output("customers")},
            self._training(
                {OBJECTIVE: METRICS[OBJECTIVE]}, {"holdout": HOLDOUT} | dict(options.hyperparameters)
            ),
            search=search,
        )
        return JobStep(name="Tune", type="Tuning", arguments=arguments, cache=self.cache, retries=RETRIES)

    def _model_data(self, model: JobStep) -> Get | Join:
        """Return the address of the model that a training job, or the best one of a tuning job, left."""
        if model.type == "Training":
            return model.property("ModelArtifacts.S3ModelArtifacts")
        job = model.property("TrainingJobSummaries[0].TrainingJobName")
        return Join(("s3:/", self.bucket, self.options.name, "models", job, "output", "model.tar.gz"), on="/")

    def _evaluate(self, model: JobStep, history: JobStep, actuals: JobStep) -> JobStep:
        arguments = self.job.processing(
            "evaluate",
            (),
            instances=self.small,
            inputs=(
                ProcessingInput(name="model", source=self._model_data(model), folder="input/model"),
                ProcessingInput(name="actuals", source=actuals.output("customers"), folder="input/actuals"),
                # The seasonal naive forecast, with which the fleet is compared, repeats its last season
                ProcessingInput(name="history", source=history.output("customers"), folder="input/history"),
            ),
            outputs=(self._output("Evaluate", "evaluation", "output/evaluation"),),
        )
        return JobStep(
            name="Evaluate",
            type="Processing",
            arguments=arguments,
            cache=self.cache,
            retries=RETRIES,
            property_files=(PropertyFile(name=EVALUATION, output="evaluation", path="evaluation.json"),),
        )

    def _gate(self, evaluate: JobStep) -> JobStep:
        arguments = self.job.processing(
            "gate",
            ("--exit-zero", *self._limits()),
            instances=self.small,
            inputs=(
                ProcessingInput(
                    name="evaluation", source=evaluate.output("evaluation"), folder="input/evaluation"
                ),
            ),
            outputs=(self._output("Gate", "gate", "output/gate"),),
        )
        return JobStep(
            name="Gate",
            type="Processing",
            arguments=arguments,
            cache=self.cache,
            retries=RETRIES,
            property_files=(PropertyFile(name=GATE, output="gate", path="gate.json"),),
        )

    def _limits(self) -> list[Value]:
        """Return the thresholds of `gate`, each with a parameter of the pipeline as its value."""
        found: list[Value] = []
        for option, limit in self.options.thresholds.items():
            if limit is None:
                found += [option, NONE] if DEFAULT_LIMITS[option] is not None else []
                continue
            name = "".join(word.capitalize() for word in option.split("-"))  # --max-mase: MaxMase
            value = self._parameter(Parameter(name=name, type="Float", default=float(limit)))
            found += [option, text_of(value)]
        return found

    def _decide(self, model: JobStep, evaluate: JobStep, gate: JobStep) -> ConditionStep:
        passed = JsonGet(step=gate.name, property_file=GATE, path="gate.passed.value")
        reasons = Join((gate.output("gate"), "gate.json"), on="/")
        return ConditionStep(
            name="IsGoodEnough",
            conditions=(Condition(passed, "Equals", 1),),
            if_steps=(self._register(model, evaluate),),
            else_steps=(
                FailStep(
                    name="Fail",
                    message=Join(("The gate was not passed; the reason is in", reasons), on=" "),
                ),
            ),
        )

    def _register(self, model: JobStep, evaluate: JobStep) -> JobStep:
        approval = self._parameter(
            Parameter(
                name="Approval",
                type="String",
                default="PendingManualApproval",
                choices=("PendingManualApproval", "Approved"),
            )
        )
        package = ModelPackage(
            group=self.options.group,
            image=self.job.image,
            model_data=self._model_data(model),
            statistics=Join((evaluate.output("evaluation"), "evaluation.json"), on="/"),
            instance_types=(self.options.inference_instance_type,),
            content_types=CONTENT_TYPES,
            approval=approval,
        )
        return JobStep(
            name="Register", type="RegisterModel", arguments=package.as_json(), retries=RETRIES[:1]
        )
