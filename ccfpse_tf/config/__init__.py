"""The settings of a run: their keys, types and ranges, and values written as text."""

from ccfpse_tf.config.schema import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    EvaluationConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    ScheduleConfig,
    StepConfig,
    derive,
    flatten,
    from_dict,
    override,
)

__all__ = [
    "Config",
    "DataConfig",
    "DiscriminatorConfig",
    "EvaluationConfig",
    "GeneratorConfig",
    "LossConfig",
    "OptimizerConfig",
    "ScheduleConfig",
    "StepConfig",
    "derive",
    "flatten",
    "from_dict",
    "override",
]
