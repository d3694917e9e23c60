"""Serves an exported model over TensorFlow Serving's REST API, with the painting page.

Modules, from the network inwards: `server` (socket, signals), `app` (routes),
`origin_check` (headers, origins, counting), `predict` (one request), `batching`,
`versions` (the loaded ones), `model_version` (one of them). `proxy` passes requests on
to a real TensorFlow Serving; `client` is the client's side.
"""
