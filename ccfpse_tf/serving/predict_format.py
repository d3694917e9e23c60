"""Predict requests and their answers, in row and in column format."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ccfpse_tf.serving.api_error import ApiError, bad_request
from ccfpse_tf.serving.served_model import SignatureSpec
from ccfpse_tf.serving.tensor_json import (
    from_array,
    is_base64,
    parse,
    quoted,
    to_array,
)

DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """A predict request whose tensors fit the signature's types and shapes.

    Attributes:
        signature: its name.
        inputs: ``{input's name: array}``; strings are bytes in an object array.
        by_row: whether it came, and is answered, in row format.
    """

    signature: str
    inputs: dict[str, np.ndarray]
    by_row: bool

    @property
    def rows(self) -> int | None:
        """The first dimension that all inputs share; None if they differ."""
        sizes = {array.shape[:1] for array in self.inputs.values()}
        return sizes.pop()[0] if len(sizes) == 1 and () not in sizes else None


def read_request(
    body: bytes, signatures: Mapping[str, SignatureSpec]
) -> PredictRequest:
    """Reads the body of a predict request.

    Raises:
        ApiError: 400, with TensorFlow Serving's wording where it has one.
    """
    content = parse(body)
    name = content.get("signature_name", DEFAULT)
    if not isinstance(name, str):
        raise bad_request(
            f"JSON Value: {quoted(content)} not formatted correctly. 'signature_name' "
            "key must be a string value."
        )
    name = name or DEFAULT
    if name not in signatures:
        raise bad_request(
            f'Serving signature name: "{name}" not found in signature def'
        )
    signature = signatures[name]
    if "instances" in content and "inputs" in content:
        raise bad_request(
            f"JSON Value: {quoted(content)} Not formatted correctly expecting only one "
            "of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in content:
        inputs, by_row = _rows(content["instances"], signature), True
    elif "inputs" in content:
        inputs, by_row = _columns(content["inputs"], signature), False
    else:
        raise bad_request("Missing 'inputs' or 'instances' key")
    _check_shapes(inputs, signature)
    return PredictRequest(name, inputs, by_row)


def answer(outputs: Mapping[str, np.ndarray], by_row: bool) -> dict[str, Any]:
    """The JSON object that answers a request; a single output loses its name.

    Raises:
        ApiError: 400, where row format cannot hold outputs of unequal length.
    """
    values = {name: from_array(array, name) for name, array in outputs.items()}
    if not by_row:
        single = len(values) == 1
        return {"outputs": next(iter(values.values())) if single else values}
    for name, array in outputs.items():
        if not array.ndim:
            raise bad_request(f"Tensor name: {name} has no shape information ")
        expected = len(next(iter(outputs.values())))
        if len(array) != expected:
            raise bad_request(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {expected}"
            )
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    names = list(values)
    rows = zip(*values.values(), strict=True)
    return {"predictions": [dict(zip(names, row, strict=True)) for row in rows]}


def _rows(instances, signature):
    if not isinstance(instances, list):
        raise bad_request(
            f"JSON Value: {quoted(instances)} Excepting 'instances' to be an list/array"
        )
    if not instances:
        raise bad_request("JSON Value: [] No values in 'instances' array")
    named = _is_named(instances[0])
    if not isinstance(instances[0], dict) and len(signature.inputs) > 1:
        raise bad_request(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    columns = {name: [] for name in signature.inputs}
    for index, item in enumerate(instances):
        if _is_named(item) != named:
            raise bad_request(_mixed(index, named))
        row = item if named else {next(iter(columns)): item}
        if set(row) != set(columns):
            raise bad_request(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{quoted(item)} keys must be equal to: {','.join(sorted(columns))}"
            )
        for name, values in columns.items():
            values.append(row[name])
    return {name: _stacked(columns[name], name, signature) for name in columns}


def _stacked(values, name, signature):
    dtype = signature.inputs[name].dtype
    arrays = []
    for index, value in enumerate(values):
        try:
            arrays.append(to_array(value, dtype))
        except ApiError as error:
            raise bad_request(
                f"Failed to process element: {index} key: {name} of 'instances' list. "
                f"Error: INVALID_ARGUMENT: {error.message}"
            ) from None
        if arrays[0].shape != arrays[-1].shape:
            raise bad_request(
                f"Failed to process element: {index} key: {name} of 'instances' list. "
                f"Error: INVALID_ARGUMENT: Expecting shape {_dims(arrays[0].shape)} "
                f"but got: {_dims(arrays[-1].shape)}"
            )
    return np.stack(arrays)


def _columns(inputs, signature):
    if not _is_named(inputs):
        if len(signature.inputs) > 1:
            raise bad_request(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        inputs = {next(iter(signature.inputs)): inputs}
    arrays = {}
    for name, tensor in signature.inputs.items():
        if name not in inputs:
            raise bad_request(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = to_array(inputs[name], tensor.dtype)
    return arrays


def _check_shapes(inputs, signature):
    # The real server finds this in the graph; here it is told by the input's name.
    for name, array in inputs.items():
        expected = signature.inputs[name].shape
        if expected is None:
            continue
        fits = len(expected) == array.ndim and all(
            wanted in (-1, size)
            for wanted, size in zip(expected, array.shape, strict=True)
        )
        if not fits:
            raise bad_request(
                f"input {name!r} has the shape {_dims(array.shape)}, the signature "
                f"{_dims(expected)} (-1 stands for any size)"
            )


def _is_named(value):
    return isinstance(value, dict) and not is_base64(value)


def _mixed(index, named):
    wanted, got = ("object", "list") if named else ("value/list", "object")
    return f"Expecting {wanted} but got {got} at item {index} of input list"


def _dims(shape):
    return f"[{','.join(map(str, shape))}]"
