"""The settings of a run: their keys, types and ranges, and values written as text."""

from ccfpse_tf.config.networks import DiscriminatorConfig, GeneratorConfig
from ccfpse_tf.config.schema import Config, derive, flatten, from_dict, override
from ccfpse_tf.config.sections import (
    DataConfig,
    EvaluationConfig,
    LossConfig,
    OptimizerConfig,
    ScheduleConfig,
    StepConfig,
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
