"""Serves models over TensorFlow Serving's REST API, with the painting page.

Modules, from the network inwards: `server` (socket, signals), `app` (routes),
`origin_check` (headers, origins, counting), `offers` (the models, and their loading),
`model_backend` (one of them), `predict` (one request), `batching`, `loaded_versions`
and `versions` (those on the disk), `served_model` with its three kinds:
`model_version`, a SavedModel, `live_model`, a model of TensorFlow in this process, and
`function_model`, functions on arrays, which need no TensorFlow. `proxy` passes requests
on to a real TensorFlow Serving; `client` is the client's side.
"""
