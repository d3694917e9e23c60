"""What the API answers about the state of a model, or of one that is not there."""

from collections.abc import Mapping

from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.api_path import ApiPath


def status_of(states: Mapping[int, tuple[str, str]]) -> dict:
    """Returns the answer to ``GET /v1/models/NAME``.

    Args:
        states: by version, in the answer's order: a state's name, and the reason for it
            if it is an error.
    """
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": state,
                "status": {
                    "error_code": "UNKNOWN" if message else "OK",
                    "error_message": message,
                },
            }
            for version, (state, message) in states.items()
        ]
    }


def unknown_model(path: ApiPath) -> ApiError:
    """Returns the error for a model that the server does not have: 404."""
    if path.verb == "status":
        return ApiError(404, f"Could not find any versions of model {path.name}")
    wanted = f"Specific({path.name}, {path.version})"
    wanted = f"Latest({path.name})" if path.version is None else wanted
    return ApiError(404, f"Servable not found for request: {wanted}")
